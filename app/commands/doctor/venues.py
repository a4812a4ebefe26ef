"""What each account's venue says, or why it said nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.accounts.models import ExchangeAccount
from app.commands.doctor.rows import Rows
from app.core.errors import AppError, OrderNotFound
from app.exchanges.venue import BalanceReport, FillReport, OrderReport, PositionReport, Venue
from app.pipeline.flow.tools import Venues
from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.repository import HELD
from app.trading.words import MarketType

RECENT: Final = timedelta(hours=24)
RESTING: Final = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
UNDERWAY: Final = (OrderStatus.CREATED, OrderStatus.SUBMITTED)
ON_ITS_WAY: Final = timedelta(seconds=5)
STEADY_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class VenueView:
    """One account as its venue has it.

    Attributes:
        since: how far back its executions were asked for.
        open_orders: everything that may still be filled, of the symbols we have anything on.
        looked_up: by our order's id, what the venue says of one that is open here and not there;
            None when it knows no such order.
        executions: since then, of the same symbols.
        positions: net, of every symbol.
        is_steady: whether balances and positions are of one moment.
    """

    account: ExchangeAccount
    since: datetime
    open_orders: Sequence[OrderReport] = ()
    looked_up: Mapping[UUID, OrderReport | None] = field(default_factory=dict)
    executions: Sequence[FillReport] = ()
    positions: Sequence[PositionReport] = ()
    balances: Sequence[BalanceReport] = ()
    is_steady: bool = True

    def coins(self, asset: str) -> Decimal:
        """Free and locked; on contracts the margin balance."""
        return sum(
            (one.free + one.locked for one in self.balances if one.asset == asset), Decimal(0)
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """An account whose venue could not be asked."""

    account: ExchangeAccount
    reason: str


async def ask_venue(venues: Venues, rows: Rows, account: ExchangeAccount) -> VenueView | Silence:
    """Ask everything that the checks compare; orders nothing."""
    ours = rows.of_account(account.id)
    since = rows.now - RECENT
    try:
        venue = await venues.of(account.id)
        positions, balances, is_steady = await _holdings(venue, account)
        symbols = _symbols(ours, positions, since)
        found = [report for symbol in symbols for report in await venue.open_orders(symbol)]
        return VenueView(
            account=account,
            since=since,
            open_orders=found,
            looked_up=await _look_up(venue, ours.orders, found),
            executions=[one for symbol in symbols for one in await venue.trades(symbol, since)],
            positions=positions,
            balances=balances,
            is_steady=is_steady,
        )
    except AppError as failure:
        return Silence(account, f"{failure.code}: {failure.detail}")


def is_calm(rows: Rows) -> bool:
    """Whether no order is on its way: until its answer is recorded the venue knows more than we.

    What has been on its way for long is no reason to wait: that is a difference.
    """
    return not any(
        order.status in UNDERWAY and rows.now - order.updated_at < ON_ITS_WAY
        for order in rows.orders
    )


def traces(rows: Rows) -> set[tuple[object, ...]]:
    """What changes when anything happens on an account."""
    orders = {(one.id, one.status, one.filled_quantity) for one in rows.orders}
    positions = {(one.id, one.status, one.quantity) for one in rows.positions}
    external = {(one.symbol, one.quantity) for one in rows.external}
    return {*orders, *positions, *external, (len(rows.fills), len(rows.bookings))}


def matches(order: Order, report: OrderReport) -> bool:
    """Whether a report is about this order; a triggered one has a new number at some venues.

    Conditional orders may be numbered apart: the same number is then another order.
    """
    if report.client_order_id and report.client_order_id == order.client_order_id:
        return True
    triggered = order.triggered_order_id
    if triggered is not None:
        return triggered in {report.exchange_order_id, report.triggered_order_id}
    is_same_kind = (order.trigger_price is None) == (report.trigger_price is None)
    return is_same_kind and report.exchange_order_id == order.exchange_order_id


def executing_numbers(rows: Rows, orders: Iterable[Order]) -> set[tuple[str, str]]:
    """Symbol and the venue's number under which each of these is executed, where it is known."""
    found = set()
    for order in orders:
        number = order.triggered_order_id
        # A contract's conditional order gets the number of its executions when it is triggered.
        if number is None and (order.trigger_price is None or rows.is_spot(order)):
            number = order.exchange_order_id
        if number is not None:
            found.add((order.symbol, number))
    return found


async def _holdings(
    venue: Venue, account: ExchangeAccount
) -> tuple[Sequence[PositionReport], Sequence[BalanceReport], bool]:
    """Positions and balances of one moment, if the price stands still for one."""
    if account.market_type is MarketType.SPOT:
        return (), await venue.balances(), True
    positions = await venue.positions()
    balances = await venue.balances()
    for _ in range(STEADY_TRIES):
        again = await venue.positions()
        if list(again) == list(positions):
            return positions, balances, True
        positions, balances = again, await venue.balances()
    return positions, balances, False


def _symbols(ours: Rows, positions: Iterable[PositionReport], since: datetime) -> list[str]:
    symbols = {one.symbol for one in positions} | {one.symbol for one in ours.external}
    symbols |= {one.symbol for one in ours.positions if one.status in HELD}
    symbols |= {one.symbol for one in ours.fills if one.executed_at >= since}
    symbols |= {one.symbol for one in ours.orders if one.status in LIVE or one.updated_at >= since}
    return sorted(symbols)


async def _look_up(
    venue: Venue, orders: Sequence[Order], found: Sequence[OrderReport]
) -> dict[UUID, OrderReport | None]:
    missing = [
        order
        for order in orders
        if order.status in RESTING and not any(matches(order, report) for report in found)
    ]
    return {order.id: await _report(venue, order) for order in missing}


async def _report(venue: Venue, order: Order) -> OrderReport | None:
    try:
        return await venue.find_order(
            order.symbol, order.client_order_id, is_conditional=order.trigger_price is not None
        )
    except OrderNotFound:
        return None
