"""USDT-M: a fill moves a one-way position and the wallet; profit and fees are in USDT."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from app.paper_exchange.engine import filters, margin, refusals
from app.paper_exchange.engine.clearing import (
    Execution,
    Settlement,
    fee_in_third_coin,
    fee_of,
)
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import (
    ZERO,
    Account,
    Order,
    OrderType,
    Position,
    Quote,
    Ticket,
)
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.symbols import LISTINGS, QUOTE, Listing
from app.trading.words import MarginMode, MarketType, Side

LINEAR = MarketType.LINEAR
_EIGHT_DECIMALS = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class LinearClearing:
    """The money side of USDT-M futures.

    Attributes:
        marks: mark price by symbol, always current.
    """

    marks: Mapping[str, Decimal]

    def admit(self, account: Account, listing: Listing, ticket: Ticket, quote: Quote) -> Decimal:
        """Check filters, client id, reduce-only, post-only and margin.

        Returns:
            Base quantity; a reduce-only order is cut to what there is to reduce.

        Raises:
            Refusal: -2019, -2022, -2027, -4116, -4164, -5022 and the filters' codes.
        """
        filters.check_linear(listing, ticket, quote)
        if account.open_with_client_id(LINEAR, ticket.client_order_id) is not None:
            raise refuse(refusals.DUPLICATE_LINEAR)
        if ticket.is_post_only and ticket.is_marketable(quote):
            raise refuse(refusals.POST_ONLY)
        if ticket.reduce_only:
            reducible = _reducible(account.position(listing.symbol), ticket.side)
            if reducible == 0:
                raise refuse(refusals.NOT_REDUCING)
            return min(ticket.quantity, reducible)
        self._check_margin(account, listing, ticket, quote)
        return ticket.quantity

    def reserve(self, account: Account, order: Order, journal: Journal) -> None:
        """Nothing to move: resting orders are counted where margin is counted."""

    def release(self, account: Account, order: Order, journal: Journal) -> None:
        """Nothing to move."""

    def settle(
        self, account: Account, order: Order, execution: Execution, journal: Journal
    ) -> Settlement:
        """Move the position, book the profit and take the fee.

        Returns:
            Fee in USDT and profit realised by the part that closed, before the fee.
        """
        listing = LISTINGS[LINEAR, order.symbol]
        position = account.position(order.symbol)
        closed = min(execution.quantity, _reducible(position, order.side))
        realized_pnl = apply_fill(position, order.side, execution.quantity, execution.price)
        position.updated_at = order.updated_at
        value = execution.price * execution.quantity
        terms = execution.terms
        third = None
        if terms is not None:
            third = fee_in_third_coin(account, LINEAR, terms, value=value, journal=journal)
        rate = listing.maker_fee_rate if execution.is_maker else listing.taker_fee_rate
        fee = ZERO if third else fee_of(value, rate if terms is None else terms.rate)
        wallet = account.balance(LINEAR, QUOTE)
        for change, reason in ((realized_pnl, "realized_pnl"), (-fee, "fee")):
            if change != 0:
                wallet.free += change
                journal.balance(account, LINEAR, QUOTE, change, reason)
        journal.position(position)
        if third:
            return Settlement(third.fee, third.fee_asset, realized_pnl, closed)
        return Settlement(fee, QUOTE, realized_pnl, closed)

    def fillable(self, account: Account, order: Order) -> Decimal:
        """All of it, except that reduce-only stops at flat."""
        if not order.reduce_only:
            return order.remaining
        return min(order.remaining, _reducible(account.position(order.symbol), order.side))

    def _check_margin(
        self, account: Account, listing: Listing, ticket: Ticket, quote: Quote
    ) -> None:
        symbol = listing.symbol
        price = quote.executable(ticket.side)
        if ticket.order_type is not OrderType.MARKET:
            price = ticket.limit_price
        notional = ticket.quantity * price
        mark = self.marks[symbol]
        position = account.position(symbol)
        _check_bracket(listing, position, ticket, mark)
        before = margin.exposure(account, symbol, mark)
        after = margin.exposure(account, symbol, mark, added=(ticket.side, notional))
        needed = after.open_orders - before.open_orders
        sign = 1 if ticket.side is Side.BUY else -1
        loss_at_open = max(ZERO, sign * (price - mark) * ticket.quantity)
        if needed > 0 and needed + loss_at_open > margin.available(account, self.marks):
            raise refuse(refusals.NO_MARGIN)


def apply_fill(position: Position, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
    """Move a one-way position: close what is opposite, open what is left over.

    Returns:
        Profit of the closed part in quote, before fees. Each reduction takes its share of the
        cost, rounded at eight decimals, and the last one the rest: nothing is lost to rounding.
    """
    closed = min(quantity, _reducible(position, side))
    realized_pnl = ZERO
    if closed > 0:
        realized_pnl = _close(position, closed, price)
    opened = quantity - closed
    if opened > 0:
        position.quantity += opened if side is Side.BUY else -opened
        position.cost += opened * price
        if position.margin_mode is MarginMode.ISOLATED:
            position.isolated_wallet += opened * price / position.leverage
    return realized_pnl


def _close(position: Position, closed: Decimal, price: Decimal) -> Decimal:
    size = abs(position.quantity)
    sign = 1 if position.quantity > 0 else -1
    cost = position.cost
    if closed < size:
        cost = (position.cost * closed / size).quantize(_EIGHT_DECIMALS, rounding=ROUND_HALF_EVEN)
        position.isolated_wallet -= position.isolated_wallet * closed / size
    else:
        position.isolated_wallet = ZERO
    position.cost -= cost
    position.quantity -= sign * closed
    return sign * (closed * price - cost)


def _reducible(position: Position, side: Side) -> Decimal:
    opposite = position.quantity < 0 if side is Side.BUY else position.quantity > 0
    return abs(position.quantity) if opposite else ZERO


def _check_bracket(listing: Listing, position: Position, ticket: Ticket, mark: Decimal) -> None:
    signed = ticket.quantity if ticket.side is Side.BUY else -ticket.quantity
    notional = abs(position.quantity + signed) * mark
    grows = abs(position.quantity + signed) > abs(position.quantity)
    if grows and position.leverage > listing.bracket_of(notional).max_leverage:
        raise refuse(refusals.OVER_LEVERAGE)
