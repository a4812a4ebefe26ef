"""The money of one account in memory: coins, net positions, executions and what they cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count

from app.core.clock import Clock
from app.exchanges.venue import BalanceReport, FillReport, FundingReport, PositionReport
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType, PositionSide, Side
from tests.fakes.market import FakeMarketData

ZERO = Decimal(0)


@dataclass
class _Position:
    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO


class Ledger:
    """Coins and positions; on contracts everything is paid in USDT.

    Args:
        market: where the marks come from.
        instruments: what it trades, by symbol; all of one market type.
        balances: coins of the account at the start.
        locked: how much of a coin the resting orders lock; spot.

    Attributes:
        fills: every execution, oldest first.
        fundings: every funding payment, oldest first.
        flat_fee: amount and coin that every execution costs; the venue's own way when None.
        settings: leverage and margin mode of each symbol that was prepared.
    """

    def __init__(
        self,
        market: FakeMarketData,
        instruments: Mapping[str, Instrument],
        balances: Mapping[str, Decimal],
        *,
        clock: Clock,
        locked: Callable[[str], Decimal],
    ) -> None:
        self._market = market
        self._instruments = instruments
        self._clock = clock
        self._locked = locked
        self._balances = dict(balances)
        self._positions: dict[str, _Position] = {}
        self._ids = count(1)
        self.is_spot = next(iter(instruments.values())).market_type is MarketType.SPOT
        self.fills: list[FillReport] = []
        self.fundings: list[FundingReport] = []
        self.flat_fee: tuple[Decimal, str] | None = None
        self.settings: dict[str, tuple[int, MarginMode]] = {}

    def next_id(self) -> str:
        """A number that nothing else of the account has."""
        return str(next(self._ids))

    def execute(
        self,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        *,
        order_id: str,
        rate: Decimal,
    ) -> FillReport:
        """Book one execution; `rate` is the fee's fraction of what is traded."""
        instrument = self._instruments[symbol]
        fee, fee_asset = self._fee(instrument, side, quantity * rate, price)
        fill = FillReport(
            exchange_trade_id=self.next_id(),
            exchange_order_id=order_id,
            symbol=symbol,
            side=side,
            price=price,
            quantity=quantity,
            fee=fee,
            fee_asset=fee_asset,
            executed_at=self._clock.now(),
        )
        self.fills.append(fill)
        self._book(fill, instrument)
        return fill

    def _fee(
        self, instrument: Instrument, side: Side, share: Decimal, price: Decimal
    ) -> tuple[Decimal, str]:
        """Bought coins pay on spot, the quote elsewhere, unless the test names a fee."""
        if self.flat_fee is not None:
            return self.flat_fee
        if self.is_spot and side is Side.BUY:
            return share, instrument.base
        return share * price, instrument.quote

    def _book(self, fill: FillReport, instrument: Instrument) -> None:
        self._add(fill.fee_asset, -fill.fee)
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        if self.is_spot:
            self._add(instrument.base, signed)
            self._add(instrument.quote, -signed * fill.price)
            return
        position = self._positions.setdefault(fill.symbol, _Position())
        closed = _overlap(position.quantity, signed)
        self._add(instrument.quote, closed * (fill.price - position.entry_price))
        left, added = position.quantity - closed, signed + closed
        position.quantity = left + added
        if added:
            cost = left * position.entry_price + added * fill.price
            position.entry_price = cost / position.quantity

    def pay_funding(self, symbol: str, amount: Decimal) -> FundingReport:
        """Book a funding payment; negative when the account pays."""
        row = FundingReport(self.next_id(), symbol, amount, "USDT", self._clock.now())
        self.fundings.append(row)
        self._add("USDT", amount)
        return row

    def held(self, symbol: str) -> Decimal:
        """Signed net quantity of a contract; all the coins on spot."""
        if self.is_spot:
            return self._balances.get(self._instruments[symbol].base, ZERO)
        return self._positions.get(symbol, _Position()).quantity

    def leverage(self, symbol: str) -> int:
        """1 on spot; 20 where nobody asked for another."""
        return 1 if self.is_spot else self.settings.get(symbol, (20, MarginMode.CROSS))[0]

    def free(self, asset: str) -> Decimal:
        """What may be spent of a coin."""
        total = self._balances.get(asset, ZERO)
        if self.is_spot:
            return total - self._locked(asset)
        if asset != "USDT":
            return total
        used = sum((self._used_by(row) for row in self.positions()), ZERO)
        return total + self._unrealized() - used

    def balances(self) -> Sequence[BalanceReport]:
        """Every coin that there is any of."""
        rows = []
        for asset, total in sorted(self._balances.items()):
            whole = total + self._unrealized() if asset == "USDT" and not self.is_spot else total
            free = self.free(asset)
            if whole or free:
                rows.append(BalanceReport(asset, free, whole - free))
        return rows

    def positions(self) -> list[PositionReport]:
        """Every position that is not flat."""
        return [
            self._position_report(symbol, position)
            for symbol, position in self._positions.items()
            if position.quantity
        ]

    def since(self, symbol: str, moment: datetime) -> list[FillReport]:
        """The executions on a symbol from a moment on."""
        return [row for row in self.fills if row.symbol == symbol and row.executed_at >= moment]

    def _position_report(self, symbol: str, position: _Position) -> PositionReport:
        mark = self._market.at_hand(symbol).fair
        return PositionReport(
            symbol=symbol,
            position_side=PositionSide.LONG if position.quantity > 0 else PositionSide.SHORT,
            quantity=abs(position.quantity),
            entry_price=position.entry_price,
            mark_price=mark,
            liquidation_price=None,
            unrealized_pnl=position.quantity * (mark - position.entry_price),
            leverage=None,
        )

    def _unrealized(self) -> Decimal:
        return sum((row.unrealized_pnl for row in self.positions()), ZERO)

    def _used_by(self, position: PositionReport) -> Decimal:
        price = position.mark_price or position.entry_price
        return position.quantity * price / self.leverage(position.symbol)

    def _add(self, asset: str, change: Decimal) -> None:
        self._balances[asset] = self._balances.get(asset, ZERO) + change


def _overlap(held: Decimal, change: Decimal) -> Decimal:
    """How much of what is held the change takes away, with the sign of what is held."""
    if held == 0 or (held > 0) == (change > 0):
        return ZERO
    return min(abs(held), abs(change)) * (1 if held > 0 else -1)
