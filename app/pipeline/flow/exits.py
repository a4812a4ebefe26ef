"""Chapter 3: a signal, a trigger or the trader closes all or part of a position, reduce-only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final, Protocol
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT, plain
from app.core.errors import AppError, Conflict, Denied
from app.core.failpoints import failpoint
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.flow.orders import cancel_order
from app.pipeline.flow.scheduling import schedule_for_signal
from app.pipeline.flow.settling import close_out, put_dust_aside
from app.pipeline.flow.tools import Place, Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.service import OrderDraft
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.dust import dust_left
from app.pipeline.positions.models import Position
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.trading.words import CloseReason, MarketType, OrderType, Purpose

ZERO: Final = Decimal(0)
HUNDRED: Final = Decimal(100)
PURPOSE_OF: Final = {
    CloseReason.STOP_LOSS: Purpose.STOP_LOSS,
    CloseReason.TRAILING_STOP: Purpose.STOP_LOSS,
    CloseReason.TAKE_PROFIT: Purpose.TAKE_PROFIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Why and how much to close.

    Attributes:
        actor: who or what wants it, for the audit.
        quantity: base units; everything when None.
        signal_id: the signal that asks for it, if one does.
    """

    reason: CloseReason
    actor: str
    quantity: Decimal | None = None
    signal_id: UUID | None = None


class Witness(Protocol):
    """Commits something of its own together with an exit, as who asked for it was answered."""

    async def before(self, session: AsyncSession) -> None: ...

    async def after(self, session: AsyncSession, order: Order | None) -> None: ...


async def exit_position(
    tools: Tools,
    position_id: UUID,
    wanted: Exit,
    *,
    hand_over: bool = True,
    witness: Witness | None = None,
) -> Order | None:
    """Write down the order that closes a position or part of it; resting entries die first.

    Args:
        tools: the database and the venues.
        position_id: what to close.
        wanted: why, and how much.
        hand_over: leave the sending to the worker; False when the caller sends it itself.
        witness: called at both ends of the transaction of the intent; it may refuse.

    Returns:
        The intent to be sent; None when only dust was left, which ends the position by itself.

    Raises:
        Conflict: it is closed, or being closed, or the live exits would exceed what is held.
        Denied: the part is too small for any order.
    """
    await make_way(tools, position_id)
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Position, position_id)
        if witness is not None:
            await witness.before(session)
        position = await positions.get(session, position_id)
        place = await place_of(session, tools, position.account_id, position.symbol)
        price = _price(tools, place, position)
        leaving = Leaving(place, position, wanted, price, hand_over=hand_over)
        order = await _intend_exit(session, tools, leaving)
        await _begin_signal(session, tools, wanted, has_order=order is not None)
        if witness is not None:
            await witness.after(session, order)
    failpoint("C31")
    if order is None:
        tools.watch.release(position_id)
    else:
        # Its levels rest while it is being closed: not every quote need say so again.
        tools.watch.guard(position, place.key)
    return order


@dataclass(frozen=True, slots=True)
class Leaving:
    """A position about to be closed; `price` is what closing would pay or get, quote per base."""

    place: Place
    position: Position
    wanted: Exit
    price: Decimal
    hand_over: bool


async def _intend_exit(session: AsyncSession, tools: Tools, leaving: Leaving) -> Order | None:
    position, wanted = leaving.position, leaving.wanted
    if position.is_closed:
        raise Conflict("This position is closed.", code="position_not_open")
    await _end_entries(session, leaving, now=tools.now())
    live = await orders.live_closes(session, position.id)
    spare = position.quantity - sum((order.remaining for order in live), ZERO)
    if wanted.quantity is None or wanted.quantity == position.quantity == spare:
        return await _close_all(session, tools, leaving, spare)
    if wanted.reason is CloseReason.TAKE_PROFIT and live:
        # Every quote beyond a target names it again: its slice is sold once.
        raise Conflict("Part of it is being closed already.", code="position_not_open")
    if wanted.quantity > spare:
        raise Conflict(
            f"{plain(spare)} can be closed, {plain(wanted.quantity)} was asked for.",
            code="more_than_held",
        )
    quantity = leaving.place.instrument.floor_quantity(wanted.quantity)
    if quantity < leaving.place.instrument.min_quantity or quantity <= 0:
        raise Denied("That part is smaller than the venue's lot.", code="below_min_quantity")
    return await _intend(session, tools, leaving, quantity)


async def _end_entries(session: AsyncSession, leaving: Leaving, *, now: datetime) -> None:
    """Entries that the venue could not cancel just now: it is asked again until they are gone."""
    position, wanted = leaving.position, leaving.wanted
    for entry in await orders.live_entries(session, position.strategy_id, position.symbol):
        await order_service.request_cancel(
            session, entry, actor="rule:exit", now=now, close_late=wanted.reason
        )


async def _close_all(
    session: AsyncSession, tools: Tools, leaving: Leaving, spare: Decimal
) -> Order | None:
    """Close what no live exit closes already; the position is claimed for it."""
    place, position, wanted = leaving.place, leaving.position, leaving.wanted
    quantity, now = place.instrument.floor_quantity(spare), tools.now()
    if quantity <= 0 and spare != position.quantity:
        raise Conflict("All of it is being closed already.", code="position_not_open")
    await position_service.begin_closing(
        session, position, now=now, actor=wanted.actor, reason=wanted.reason
    )
    book = position_service.book_of(position, place.instrument)
    is_dust = dust_left(book, place.instrument, price=leaving.price) is not None
    if is_dust and spare == position.quantity:
        await put_dust_aside(session, place, position, now=now)
        await close_out(session, place, position, now=now)
        return None
    return await _intend(session, tools, leaving, quantity)


async def _intend(
    session: AsyncSession, tools: Tools, leaving: Leaving, quantity: Decimal
) -> Order:
    draft = draft_of(leaving, quantity)
    return await order_service.intend(
        session, draft, now=tools.now(), cause=leaving.wanted.actor, hand_over=leaving.hand_over
    )


def draft_of(leaving: Leaving, quantity: Decimal) -> OrderDraft:
    """The market order that closes so much of a position, base units on the lot."""
    place, position, wanted = leaving.place, leaving.position, leaving.wanted
    return OrderDraft(
        user_id=position.user_id,
        account_id=position.account_id,
        strategy_id=position.strategy_id,
        symbol=position.symbol,
        side=position.position_side.closing_side,
        quantity=quantity,
        purpose=PURPOSE_OF.get(wanted.reason, Purpose.EXIT),
        reference_price=leaving.price,
        # Spot knows no reduce-only: there the quantity itself is the promise (TRADING 17).
        reduce_only=place.account.market_type is not MarketType.SPOT,
        margin_mode=position.margin_mode,
        signal_id=wanted.signal_id,
        position_id=position.id,
        close_reason=wanted.reason,
    )


async def _begin_signal(
    session: AsyncSession, tools: Tools, wanted: Exit, *, has_order: bool
) -> None:
    """The signal moves with the intent, so that a crash never finds one without the other."""
    if wanted.signal_id is None:
        return
    signal = await signals.get(session, wanted.signal_id)
    now = tools.now()
    await signal_service.finish(session, signal, SignalStatus.EXECUTING, now=now)
    if not has_order:
        reason = "dust: What was left was too small for any order."
        await signal_service.finish(session, signal, SignalStatus.EXECUTED, now=now, reason=reason)


async def leave(tools: Tools, signal_id: UUID) -> Order | None:
    """Turn an approved reducing signal into an order intent; exits never wait (TRADING 4).

    Returns:
        The intent to be sent; None when there is nothing left to close, or it waits for its price.
    """
    async with tools.database.read() as session:
        signal = await signals.get(session, signal_id)
        if signal.status is not SignalStatus.APPROVED:
            return None
        position = await positions.held_by(session, signal.strategy_id, signal.symbol)
    try:
        if position is None or position.position_side is not signal.position_side:
            raise Denied("The position is closed already.", code="nothing_to_close")
        quantity = await wanted_quantity(tools, signal, position)
        if signal.order_type is OrderType.LIMIT:
            await schedule_for_signal(tools, signal_id, position.id, quantity)
            return None
        wanted = Exit(
            reason=CloseReason.SIGNAL,
            actor=signal.decided_by or "system",
            quantity=quantity,
            signal_id=signal.id,
        )
        return await exit_position(tools, position.id, wanted, hand_over=False)
    except (Denied, Conflict) as refusal:
        await _deny(tools, signal_id, Denied(refusal.detail, code=refusal.code))
        return None


async def wanted_quantity(tools: Tools, signal: Signal, position: Position) -> Decimal | None:
    """How much of the book a reducing signal wants; None for all of it."""
    kind, value = signal.size_kind, signal.size_value
    if signal.action is SignalAction.CLOSE or value is None or kind is SizeKind.ALL:
        return None
    with localcontext(EXACT):
        if kind is SizeKind.POSITION_PERCENT:
            wanted = position.quantity * value / HUNDRED
        elif kind is SizeKind.QUANTITY:
            wanted = value
        elif kind is SizeKind.NOTIONAL:
            async with tools.database.read() as session:
                place = await place_of(session, tools, position.account_id, position.symbol)
            wanted = value / _price(tools, place, position)
        else:
            raise Denied(f"A reduction cannot be sized by {kind.value}.", code="size_unclear")
    return None if wanted >= position.quantity else wanted


async def _deny(tools: Tools, signal_id: UUID, denial: Denied) -> None:
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Signal, signal_id)
        signal = await signals.get(session, signal_id)
        if signal.status is SignalStatus.APPROVED:
            await signal_service.deny(session, signal, denial, now=tools.now())


async def make_way(tools: Tools, position_id: UUID) -> None:
    """Cancel what must not be filled beside an exit: resting entries, and scheduled exits sent.

    A scheduled one is mostly gone by itself when it is asked about.
    """
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        in_the_way = [
            *await orders.live_entries(session, position.strategy_id, position.symbol),
            *(one for one in await orders.live_closes(session, position_id) if one.is_scheduled),
        ]
    for order in in_the_way:
        await _cancel_quietly(tools, order)


async def _cancel_quietly(tools: Tools, order: Order) -> None:
    """What cannot be cancelled now must not hold up the exit; an entry's late fill is closed."""
    try:
        await cancel_order(tools, order.id)
    except AppError as silence:
        logger.bind(client_order_id=order.client_order_id, reason=silence.detail).warning(
            "order.cancel_failed"
        )


def _price(tools: Tools, place: Place, position: Position) -> Decimal:
    quote = tools.prices.latest(place.key)
    if quote is not None:
        return quote.executable(position.position_side.closing_side)
    return position.entry_price or ZERO
