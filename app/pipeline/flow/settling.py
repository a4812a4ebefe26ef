"""What follows from an order's news: its signal, its position, the trade and what guards it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import plain
from app.core.failpoints import failpoint
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.tools import Place, Tools
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl import service as pnl
from app.pipeline.positions import service as position_service
from app.pipeline.positions.dust import close_dust, dust_left
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Work, wake
from app.trading.words import Protection, Purpose

REFUSED: Final = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED})
# One refusal may pass, such as a limit of requests; this many in a row need a person.
REFUSALS_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Settling:
    """One answer of the venue being taken over, inside one transaction."""

    session: AsyncSession
    tools: Tools
    order: Order
    place: Place
    now: datetime


async def tell_of_excess(settling: Settling, position: Position, fill: Fill) -> None:
    """An exit sold more than its book held: kept as a fact, and somebody has to look."""
    await tell(
        settling.session,
        user_id=position.user_id,
        severity=Severity.URGENT,
        code="closed_more_than_held",
        subject_kind="position",
        subject_id=str(position.id),
        text=(
            f"{position.symbol}: an exit sold {plain(fill.quantity)}, more than this position "
            "held. Compare the account with the venue before you trade this symbol again."
        ),
        now=settling.now,
    )


async def tell_of_late(settling: Settling, new: Sequence[Fill]) -> None:
    """An order that was given up here had been executed at the venue all the same."""
    order = settling.order
    quantity = sum((fill.quantity for fill in new), Decimal(0))
    await tell(
        settling.session,
        user_id=order.user_id,
        severity=Severity.URGENT,
        code="late_fill",
        subject_kind="order",
        subject_id=str(order.id),
        text=(
            f"Order {order.client_order_id} had ended here as {order.status.value}, but the venue "
            f"executed {plain(quantity)} {order.symbol} of it ({order.side.value}). It is booked, "
            "and what it opened is guarded by its stop. Look at the position."
        ),
        now=settling.now,
    )


async def settle(settling: Settling, position: Position | None, *, has_fills: bool) -> None:
    await _settle_signal(settling)
    if position is not None and not position.is_closed:
        await _settle_position(settling, position, has_fills=has_fills)


async def wake_waiting(settling: Settling, position: Position | None, before: OrderStatus) -> None:
    """What waits while the fate of an order is unknown goes on once it is known.

    Those are entries on its symbol, and of its own position the next exit, or the next stop.

    Args:
        settling: the order as it is now.
        position: its position as it is now, if it has one.
        before: what the order was.
    """
    order = settling.order
    if before is not OrderStatus.UNKNOWN or order.status is OrderStatus.UNKNOWN:
        return
    if position is not None and position.is_to_be_closed:
        wake(settling.session, Work.POSITION, position.id, now=settling.now)
    elif position is not None and order.is_resting_exit and not position.is_closed:
        _ask_for_protection(settling, position)
    for signal in await signals.approved_entries(settling.session, order.account_id, order.symbol):
        signal_service.wake_for(settling.session, signal, now=settling.now)


async def _settle_signal(settling: Settling) -> None:
    """Any fill executes a signal; an order that ended without one fails it."""
    order = settling.order
    if order.signal_id is None:
        return
    signal = await signals.get(settling.session, order.signal_id)
    if signal.status is not SignalStatus.EXECUTING:
        return
    if order.filled_quantity > 0:
        status, reason = SignalStatus.EXECUTED, None
    elif not order.is_final:
        return
    elif order.status is OrderStatus.DENIED:
        is_late = (order.reason or "").startswith("expired")
        status = SignalStatus.EXPIRED if is_late else SignalStatus.DENIED
        reason = order.reason
    else:
        status = SignalStatus.FAILED
        reason = order.reason or f"unfilled: The order ended {order.status.value} without a fill."
    await signal_service.finish(settling.session, signal, status, now=settling.now, reason=reason)


async def _settle_position(settling: Settling, position: Position, *, has_fills: bool) -> None:
    order = settling.order
    if order.purpose is Purpose.ENTRY:
        _after_entry(settling, position, has_fills=has_fills)
        return
    if order.purpose is Purpose.TAKE_PROFIT and order.status is OrderStatus.FILLED:
        position_service.reach_target(position, order.trigger_price)
    if order.is_final:
        await _look_after_legs(settling)
    if position.quantity == 0:
        await _close(settling, position)
        return
    if order.is_final:
        await _after_exit(settling, position)
    if (order.is_final or has_fills) and not position.is_closed:
        _after_reduction(settling, position)


def _after_entry(settling: Settling, position: Position, *, has_fills: bool) -> None:
    now = settling.now
    if settling.order.is_final and position.status is PositionStatus.OPENING:
        position.move(PositionStatus.OPEN, now=now)
    if position.is_to_be_closed:
        wake(settling.session, Work.POSITION, position.id, now=now)
    elif has_fills:
        # What was bought just now is covered by nothing yet.
        position_service.note_protection(position, Protection.NONE, now=now)
        _ask_for_protection(settling, position)


def _after_reduction(settling: Settling, position: Position) -> None:
    """Something is left, and what rests at the venue was made for more, or is gone."""
    order = settling.order
    if order.is_resting_exit and order.status in REFUSED:
        return  # nothing changed at the venue; whoever placed it decides what follows
    if order.is_resting_exit and order.status is not OrderStatus.FILLED:
        position_service.note_protection(position, Protection.NONE, now=settling.now)
    _ask_for_protection(settling, position)


def _ask_for_protection(settling: Settling, position: Position) -> None:
    """Have what rests at the venue brought into line with what is held now."""
    if position_service.has_levels(position):
        wake(
            settling.session,
            Work.PROTECT,
            position.id,
            now=settling.now,
            lane=(position.account_id, position.symbol),
            is_urgent=True,
        )


async def _look_after_legs(settling: Settling) -> None:
    """One leg of a pair ended, so the other did: the venue tells how."""
    order = settling.order
    for leg in await orders.legs_of(settling.session, order):
        if leg.id != order.id and not leg.is_final:
            wake(
                settling.session,
                Work.ORDER,
                leg.id,
                now=settling.now,
                lane=order_service.lane_of(leg),
                is_urgent=True,
            )


async def _after_exit(settling: Settling, position: Position) -> None:
    """An exit ended and something is left: dust ends the book, anything else is guarded again."""
    session, tools, now = settling.session, settling.tools, settling.now
    if settling.order.status in REFUSED and not settling.order.is_resting_exit:
        await _tell_of_refusals(settling, position)
    instrument = settling.place.instrument
    quote = tools.prices.latest(settling.place.key)
    price = quote.bid if quote is not None else settling.order.reference_price
    book = position_service.book_of(position, instrument)
    if settling.order.filled_quantity > 0 and dust_left(book, instrument, price=price) is not None:
        await put_dust_aside(session, settling.place, position, now=now)
        await _close(settling, position)
    elif position.status is PositionStatus.CLOSING:
        live = [
            one
            for one in await orders.live_closes(session, position.id)
            if one.id != settling.order.id
        ]
        if not live:
            note = settling.order.reason or f"the exit ended {settling.order.status.value}"
            await position_service.reopen(session, position, now=now, note=note)


async def _tell_of_refusals(settling: Settling, position: Position) -> None:
    """An exit is tried until it is done; its owner hears of it when that does not help."""
    last = await orders.last_closes(settling.session, position.id, REFUSALS_TOLD)
    if len(last) < REFUSALS_TOLD or any(one.status not in REFUSED for one in last):
        return
    await tell(
        settling.session,
        user_id=position.user_id,
        severity=Severity.URGENT,
        code="exit_refused",
        subject_kind="position",
        subject_id=str(position.id),
        text=(
            f"{plain(position.quantity)} {position.symbol} cannot be closed: the last "
            f"{REFUSALS_TOLD} exits were refused ({settling.order.reason}). "
            "It is tried again with growing pauses; have a look at the venue."
        ),
        now=settling.now,
    )


async def put_dust_aside(
    session: AsyncSession, place: Place, position: Position, *, now: datetime
) -> None:
    """Move a rest that no order can carry out of the book (TRADING 28)."""
    book = position_service.book_of(position, place.instrument)
    flat, booked = close_dust(book, at=position.last_fill_at or now)
    position_service.store(position, flat, now=now)
    if booked.fees != 0:
        await pnl.book(session, position, booked, place.ledger, fill_id=None)


async def _close(settling: Settling, position: Position) -> None:
    session, now = settling.session, settling.now
    failpoint("C36")
    position.close_reason = settling.order.close_reason or position.close_reason
    await close_out(session, settling.place, position, now=now)


async def close_out(
    session: AsyncSession, place: Place, position: Position, *, now: datetime
) -> None:
    """A flat position becomes a trade of the day; entries that waited for it may go on.

    Its stops and targets, and entries that still rest, are cancelled: nothing of it is left.
    """
    await position_service.finish_closing(session, position, now=now)
    book = position_service.book_of(position, place.instrument)
    await pnl.close_trade(session, position, book, place.ledger)
    for order in await orders.live_entries(session, position.strategy_id, position.symbol):
        await order_service.request_cancel(
            session, order, actor="rule:exit", now=now, close_late=position.close_reason
        )
    for order in await orders.resting_exits(session, position.id):
        await order_service.request_cancel(session, order, actor="rule:exit", now=now)
    waiting = await signals.unsent_entries(session, position.strategy_id, position.symbol)
    for signal in waiting:
        if signal.status is SignalStatus.APPROVED:
            signal_service.wake_for(session, signal, now=now)
