"""USDT-M margin arithmetic: what a position ties up, what is left, where it is liquidated."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from app.paper_exchange.engine.models import ZERO, Account, Position
from app.paper_exchange.symbols import LISTINGS, QUOTE
from app.trading.words import MarginMode, MarketType, Side

LINEAR = MarketType.LINEAR
_CENT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Exposure:
    """Margin of one symbol, in quote.

    Attributes:
        initial: for the position alone.
        open_orders: on top of it, for resting orders that would enlarge it.
        maintenance: below which the position is liquidated.
    """

    initial: Decimal
    open_orders: Decimal
    maintenance: Decimal


def exposure(
    account: Account, symbol: str, mark: Decimal, *, added: tuple[Side, Decimal] | None = None
) -> Exposure:
    """Margin of one symbol, Binance's way: the larger of the two sides the book could end on.

    `added` is side and notional (in quote) of an order that is not on the book yet.
    """
    position = account.position(symbol)
    value = position.quantity * mark
    bids, asks = _resting(account, symbol)
    if added is not None:
        side, notional = added
        bids, asks = (bids + notional, asks) if side is Side.BUY else (bids, asks + notional)
    initial = abs(value) / position.leverage
    total = max(abs(value), abs(value + bids), abs(value - asks)) / position.leverage
    return Exposure(initial, total - initial, maintenance_margin(symbol, abs(value)))


def maintenance_margin(symbol: str, notional: Decimal) -> Decimal:
    """In quote, for an unsigned notional in quote."""
    bracket = LISTINGS[LINEAR, symbol].bracket_of(notional)
    return max(ZERO, notional * bracket.rate - bracket.amount)


def cross_wallet(account: Account) -> Decimal:
    """Wallet balance that is not set aside for isolated positions, in quote."""
    isolated = sum((p.isolated_wallet for p in account.positions.values()), ZERO)
    return account.balance(LINEAR, QUOTE).total - isolated


def unrealized(account: Account, marks: Mapping[str, Decimal]) -> Decimal:
    """Of all positions, in quote, before fees."""
    return sum((p.unrealized_pnl(marks[p.symbol]) for p in _held(account)), ZERO)


def available(account: Account, marks: Mapping[str, Decimal]) -> Decimal:
    """What new orders may tie up, in quote; never negative."""
    free = cross_wallet(account)
    for symbol, position in account.positions.items():
        tied = exposure(account, symbol, marks[symbol])
        free -= tied.open_orders
        if position.margin_mode is MarginMode.CROSS:
            free += position.unrealized_pnl(marks[symbol]) - tied.initial
    return max(ZERO, free)


def liquidation_price(
    account: Account, position: Position, marks: Mapping[str, Decimal]
) -> Decimal:
    """An estimate in quote per base, as Binance publishes its formula; 0 when there is none."""
    if position.quantity == 0:
        return ZERO
    size = abs(position.quantity)
    bracket = LISTINGS[LINEAR, position.symbol].bracket_of(size * marks[position.symbol])
    sign = 1 if position.quantity > 0 else -1
    wallet = _backing(account, position, marks)
    above = wallet + bracket.amount - sign * position.cost
    price = above / (size * bracket.rate - sign * size)
    return max(ZERO, price.quantize(_CENT, rounding=ROUND_HALF_EVEN))


def _backing(account: Account, position: Position, marks: Mapping[str, Decimal]) -> Decimal:
    if position.margin_mode is MarginMode.ISOLATED:
        return position.isolated_wallet
    wallet = cross_wallet(account)
    for other in _held(account):
        if other is position or other.margin_mode is MarginMode.ISOLATED:
            continue
        mark = marks[other.symbol]
        wallet += other.unrealized_pnl(mark)
        wallet -= maintenance_margin(other.symbol, abs(other.quantity) * mark)
    return wallet


def _held(account: Account) -> list[Position]:
    return [position for position in account.positions.values() if position.quantity != 0]


def _resting(account: Account, symbol: str) -> tuple[Decimal, Decimal]:
    sums = {Side.BUY: ZERO, Side.SELL: ZERO}
    for order in account.open_orders(LINEAR, symbol):
        if not order.reduce_only:
            sums[order.side] += order.remaining * order.limit_price
    return sums[Side.BUY], sums[Side.SELL]
