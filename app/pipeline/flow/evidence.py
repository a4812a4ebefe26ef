"""What an order's silence proves: not accepted only with evidence, else unknown (I12, I13).

A counter proves nothing, a query that failed proves nothing, one endpoint alone proves nothing: a
venue may know an order later than it took it. Only when every question has been answered, late
enough, and all answers agree, the order is given up, and the answers are kept with it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final

from loguru import logger

from app.core.clock import iso
from app.core.decimals import EXACT, plain
from app.core.errors import OrderNotFound
from app.exchanges.venue import FillReport, OrderReport, Venue, VenueStatus
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.fills import record_end
from app.pipeline.flow.outside import holdings_at_venue, net_of, our_side, tell_apart
from app.pipeline.flow.tools import Tools, hold_trader
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import UNPROVEN, OrderStatus
from app.pipeline.positions.outside import is_explained
from app.trading.words import Purpose

# A venue may know an order a little later than it accepted it (RELIABILITY, "UNKNOWN, resolved").
NOT_FOUND_GRACE: Final = timedelta(seconds=10)
# A stop has to rest again sooner than that, so the venue is also told to cancel it: what answers a
# cancel is the book of orders itself, not a copy of it that may lag.
PROTECTIVE_GRACE: Final = timedelta(seconds=1)
# One that was seen to lag is given that long again, and half of it more.
LAG_FACTOR: Final = 1.5
TRADES_BEFORE: Final = timedelta(seconds=60)
TOLD_AFTER: Final = timedelta(seconds=30)


@dataclass(slots=True)
class Trail:
    """What was asked about an order, when, and what was answered."""

    tools: Tools
    order: Order
    lines: list[dict[str, str]] = field(default_factory=list)

    def note(self, asked: str, answer: str) -> None:
        """Keep one question with its answer."""
        self.lines.append({"at": iso(self.tools.now()), "asked": asked, "answer": answer})

    def text(self) -> str:
        """All of it, as it is stored with the order."""
        return json.dumps({"sent_at": iso(_sent_at(self.order)), "asked": self.lines})


class _InDoubt(Exception):
    """Something does not agree with the order's never having been accepted."""


def provable_at(tools: Tools, order: Order) -> datetime:
    """From when on a venue that denies the order can prove that it never accepted it."""
    is_hurried = order.is_resting_exit and order.status in UNPROVEN
    grace = PROTECTIVE_GRACE if is_hurried else NOT_FOUND_GRACE
    seen_lag = tools.agreement.lag_of(order.account_id)
    return _sent_at(order) + max(grace, seen_lag * LAG_FACTOR)


def _sent_at(order: Order) -> datetime:
    return order.submitted_at or order.created_at


async def executed_as_named(tools: Tools, venue: Venue, order: Order) -> OrderReport | None:
    """What was executed of an order that the venue denies, under the number its stream gave it.

    Look-ups may lag behind the stream, and a position whose entry nobody can see has no stop.
    Executions are facts, and carry that number.

    Returns:
        The order as far as its executions tell; None when there is no number, or none of them.

    Raises:
        ExchangeError: the venue did not answer.
    """
    number = tools.agreement.number_of(order.client_order_id)
    if number is None or order.is_conditional:
        return None
    fills = await _fills(venue, order, number)
    if not fills:
        return None
    return _told_by(order, number, fills, otherwise=VenueStatus.PARTIALLY_FILLED)


async def ended_by_cancel(venue: Venue, order: Order) -> OrderReport | None:
    """How a stop or target ended that the venue has cancelled for us, when a look-up denies it.

    The book of orders itself confirmed the cancel: nothing of it rests, and its successor need not
    wait for a look-up that lags. What was executed of it before carries its number; one that waits
    for its trigger under a number of another kind has executed nothing.

    Returns:
        None where the venue's number of it is not known here.

    Raises:
        ExchangeError: the venue did not answer.
    """
    number = order.exchange_order_id
    if number is None:
        return None
    executing = number if venue.abilities.locks_coins else order.triggered_order_id
    fills = await _fills(venue, order, executing) if executing is not None else ()
    return _told_by(order, number, fills, otherwise=VenueStatus.CANCELED)


async def _fills(venue: Venue, order: Order, number: str) -> tuple[FillReport, ...]:
    return tuple(await venue.fills(order.symbol, number, order.created_at - TRADES_BEFORE))


def _told_by(
    order: Order, number: str, fills: tuple[FillReport, ...], *, otherwise: VenueStatus
) -> OrderReport:
    """The order as its executions tell it."""
    with localcontext(EXACT):
        filled = sum((fill.quantity for fill in fills), Decimal(0))
    return OrderReport(
        client_order_id=order.client_order_id,
        exchange_order_id=number,
        symbol=order.symbol,
        status=VenueStatus.FILLED if filled >= order.quantity else otherwise,
        quantity=order.quantity,
        filled_quantity=max(filled, order.filled_quantity),
        average_price=None,
        fills=fills,
        triggered_order_id=order.triggered_order_id,
    )


async def look_everywhere(tools: Tools, venue: Venue, order: Order) -> OrderReport | None:
    """The venue denies an order's id: ask everything else that could contradict it.

    Ends the order as rejected, with the evidence, when nothing does.

    Returns:
        The order as it was found after all; None when it was not, whether that proves anything
        or not.

    Raises:
        ExchangeError: the venue did not answer one of the questions; nothing is proven.
    """
    now = tools.now()
    waited = now - _sent_at(order)
    if now < provable_at(tools, order):
        await mark_unknown(tools, [order], "The venue does not know the order (yet).")
        return None
    trail = Trail(tools, order)
    trail.note("the order by our id", "not found")
    try:
        found = await _among_orders(venue, trail)
        found = found or await _among_executions(tools, venue, trail)
    except _InDoubt as doubt:
        log = logger.bind(client_order_id=order.client_order_id, reason=str(doubt))
        log.info("order.still_unknown")
        await mark_unknown(tools, [order], f"The venue does not know the order, but {doubt}.")
        return None
    if found is not None:
        tools.agreement.saw_late(order.account_id, waited)
        return found
    if order.is_resting_exit and await _was_cancelled(venue, trail):
        tools.agreement.saw_late(order.account_id, waited)
        reason = "cancelled: The venue had it and would not show it; it was cancelled by our id."
        await record_end(tools, order.id, OrderStatus.CANCELED, reason, evidence=trail.text())
        return None
    reason = (
        f"not_accepted: {int(waited.total_seconds())} s after sending, the venue knows no order "
        f"{order.client_order_id}, neither by its id nor among the open ones, and neither the "
        "executions nor what is held there tell of it."
    )
    await record_end(tools, order.id, OrderStatus.REJECTED, reason, evidence=trail.text())
    return None


async def _among_orders(venue: Venue, trail: Trail) -> OrderReport | None:
    order = trail.order
    resting = await venue.open_orders(order.symbol)
    for one in resting:
        if one.client_order_id == order.client_order_id:
            return one
    trail.note("open orders of the symbol", f"{len(resting)}, not among them")
    try:
        return await venue.find_order(
            order.symbol, order.client_order_id, is_conditional=order.is_conditional
        )
    except OrderNotFound:
        trail.note("the order by our id, again", "not found")
    return None


async def _was_cancelled(venue: Venue, trail: Trail) -> bool:
    """Cancel a stop or target that nobody can see: afterwards it rests nowhere, either way.

    Raises:
        ExchangeError: the venue did not say whether it had it.
    """
    order = trail.order
    try:
        await venue.cancel(order.symbol, order.client_order_id, is_conditional=True)
    except OrderNotFound:
        trail.note("a cancel by our id", "not found")
        return False
    trail.note("a cancel by our id", "cancelled")
    return True


async def _among_executions(tools: Tools, venue: Venue, trail: Trail) -> OrderReport | None:
    """The executions since the intent, what is held, and what the private stream has said.

    Raises:
        _InDoubt: one of them does not agree.
    """
    order = trail.order
    trades = await venue.trades(order.symbol, order.created_at - TRADES_BEFORE)
    async with tools.database.read() as session:
        our = await our_side(session, tools, order.account_id, order.symbol)
    told = await tell_apart(tools, venue, our, trades)
    if order.id in told.found:
        return told.found[order.id]
    if told.unclear or told.missed:
        raise _InDoubt("there are executions that may be its own")
    trail.note("executions since a minute before it", f"{len(trades)}, none of them its own")
    net = net_of(await holdings_at_venue(venue, our.place.account.market_type), our)
    with localcontext(EXACT):
        extra = net - our.total - our.dust - our.external
    moves = [one.taken.move(our.place.instrument) for one in told.strangers]
    if not is_explained(extra, moves):
        raise _InDoubt(f"it holds {plain(net)} and our books say {plain(our.total)}")
    trail.note("what the venue holds", f"{plain(net)}, as our books say")
    if tools.agreement.has_heard_of(order.client_order_id):
        raise _InDoubt("its private stream has named it")
    trail.note("the private stream", "has not named it")
    return None


async def mark_unknown(tools: Tools, legs: Sequence[Order], reason: str) -> None:
    """The venue may have these orders or not, as far as can be told now."""
    if all(leg.status is OrderStatus.UNKNOWN for leg in legs):
        return
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, legs[0].id)
        for leg in legs:
            order = await orders.get(session, leg.id)
            # Somebody may have asked the venue meanwhile, and know.
            if order.status is OrderStatus.SUBMITTED:
                await order_service.record_status(
                    session,
                    order,
                    OrderStatus.UNKNOWN,
                    now=tools.now(),
                    reason=f"outcome_unknown: {reason}",
                )


async def tell_unknown(tools: Tools, live: Sequence[Order]) -> None:
    """Tell the owner of each order whose fate has been unknown for too long, once a run (I33)."""
    now = tools.now()
    late = [one for one in live if one.status in UNPROVEN and now - _sent_at(one) >= TOLD_AFTER]
    new = [one for one in late if tools.agreement.is_new("order_unknown", one.id)]
    if not new:
        return
    async with tools.database.transaction() as session:
        for order in new:
            await tell(
                session,
                user_id=order.user_id,
                severity=Severity.URGENT,
                code="order_unknown",
                subject_kind="order",
                subject_id=str(order.id),
                text=_unknown_words(order),
                now=now,
            )


def _unknown_words(order: Order) -> str:
    what = "entry" if order.purpose is Purpose.ENTRY else "exit"
    return (
        f"Nobody can say whether the venue has the {what} {order.client_order_id}: "
        f"{order.side.value} {plain(order.quantity)} {order.symbol}. It is looked for until the "
        "venue proves one or the other, is never sent again, and no new entry is made on "
        f"{order.symbol} meanwhile. Look at the venue if this lasts."
    )
