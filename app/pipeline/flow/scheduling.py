"""Beside chapter 3: an exit that waits until the market pays its price (TRADING 32).

It waits here and not at the venue: what would rest there locks the coins of the stop on spot, and
might be filled below a floor that has risen meanwhile. `firing` sends it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT, plain
from app.core.errors import AppError, Conflict, Denied
from app.core.ids import new_id
from app.pipeline.flow.tools import Place, Tools, hold_trader, place_of
from app.pipeline.orders.models import Order
from app.pipeline.positions import repository as positions
from app.pipeline.positions import scheduling
from app.pipeline.positions import service as position_service
from app.pipeline.positions.book import Book
from app.pipeline.positions.exits import break_even, is_worse, scheduled_price
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Work, wake
from app.trading.instrument import Instrument
from app.trading.scheduled import ScheduledExit
from app.trading.words import MarketType

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be scheduled.

    Attributes:
        actor: who or what wants it, for the audit.
        min_profit_percent: on the break-even price, 2 = 2 %; 0 or more.
        quantity: base units; everything, also what is added later, when None.
        limit_price: quote per base; the floor holds where that pays more.
        is_limit_final: refuse a limit at which cost and fees would not be paid.
    """

    actor: str
    min_profit_percent: Decimal = ZERO
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    is_limit_final: bool = False


async def schedule_exit(tools: Tools, position_id: UUID, asked: Asked) -> ScheduledExit:
    """Have a position closed, or part of it, once the market pays the price.

    One waits at a time: another one takes its place, the same one again changes nothing.

    Returns:
        What waits from now on, with the price that the book makes of it.

    Raises:
        NotFound: no such position.
        Conflict: it is closed, or being closed, or holds less than that.
        Denied: no order of that size, or at that price, could be sent; a final limit would be a
            loss; or it is inverse.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Position, position_id)
        position = await positions.get(session, position_id)
        return await schedule_in(session, tools, position, asked)


async def schedule_in(
    session: AsyncSession, tools: Tools, position: Position, asked: Asked
) -> ScheduledExit:
    """As `schedule_exit`, in the caller's transaction, which holds the trader."""
    if position.status is PositionStatus.CLOSING or position.is_to_be_closed or position.is_closed:
        raise Conflict("This position is closed, or being closed.", code="position_not_open")
    place = await place_of(session, tools, position.account_id, position.symbol)
    scheduled = _scheduled(tools, place, position, asked)
    known = position.scheduled
    if known is not None and _terms(known) == _terms(scheduled):
        return known
    await scheduling.put(session, position, scheduled, now=tools.now())
    wake(session, Work.POSITION, position.id, now=tools.now())
    return scheduled


async def schedule_for_signal(
    tools: Tools, signal_id: UUID, position_id: UUID, quantity: Decimal | None
) -> None:
    """What an alert's close at a limit becomes; the signal has done its work with that.

    Raises:
        Conflict, Denied: as `schedule_exit`.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Signal, signal_id)
        signal = await signals.get(session, signal_id)
        if signal.status is not SignalStatus.APPROVED:
            return
        position = await positions.get(session, position_id)
        asked = Asked(
            actor=signal.decided_by or "system",
            quantity=quantity,
            limit_price=signal.limit_price,
            # A close that is to cut a loss must not wait for a profit: its sender has to know.
            is_limit_final=True,
        )
        scheduled = await schedule_in(session, tools, position, asked)
        side = position.position_side.closing_side.value
        reason = f"scheduled: A {side} waits for {plain(scheduled.price)} or better."
        now = tools.now()
        await signal_service.finish(session, signal, SignalStatus.EXECUTING, now=now)
        await signal_service.finish(session, signal, SignalStatus.EXECUTED, now=now, reason=reason)


async def call_off_in(
    session: AsyncSession, tools: Tools, position: Position, *, actor: str
) -> ScheduledExit | None:
    """End what waits, in the caller's transaction, which holds the trader; None if nothing did."""
    ended = await scheduling.call_off(session, position, actor=actor, now=tools.now())
    if ended is not None:
        wake(session, Work.POSITION, position.id, now=tools.now())
    return ended


async def keep_prices(tools: Tools) -> None:
    """Move the limits of what waited while the venue changed its fees; a fill moves its own."""
    async with tools.database.read() as session:
        waiting = await positions.with_scheduled(session)
        moved = [one.id for one in waiting if await _has_moved(session, tools, one)]
    for position_id in moved:
        async with tools.database.transaction() as session:
            await hold_trader(session, tools, Position, position_id)
            position = await positions.get(session, position_id)
            place = await place_of(session, tools, position.account_id, position.symbol)
            await reprice(session, tools, place, position)
            wake(session, Work.POSITION, position_id, now=tools.now())


async def _has_moved(session: AsyncSession, tools: Tools, position: Position) -> bool:
    try:
        place = await place_of(session, tools, position.account_id, position.symbol)
    except AppError:
        return False  # its market is not known at the moment, so nothing is sent either
    return _priced(place, position) != position.scheduled


async def reprice(session: AsyncSession, tools: Tools, place: Place, position: Position) -> None:
    """Give what waits the limit that the book makes of it by the fees of today."""
    before, position.scheduled = position.scheduled, _priced(place, position)
    await scheduling.note_price(session, position, before, now=tools.now())


def _priced(place: Place, position: Position) -> ScheduledExit | None:
    book = position_service.book_of(position, place.instrument)
    return scheduling.priced(position.scheduled, book)


def quantity_to_send(place: Place, position: Position, *, price: Decimal) -> Decimal:
    """How much of what waits one order can carry.

    Args:
        place: with the lot and the minimums.
        position: with a scheduled exit.
        price: its limit, quote per base.

    Returns:
        Base units on the lot, above 0.

    Raises:
        Denied: it is below a minimum.
    """
    return _carried(place.instrument, scheduling.quantity_of(position), price=price)


def refuse_outdated(position: Position, order: Order) -> None:
    """Refuse to send a scheduled exit that was written down before its position changed.

    Raises:
        Denied: it was called off, its floor has risen above its limit, or less is held.
    """
    scheduled, limit = position.scheduled, order.limit_price
    if scheduled is None or limit is None:
        raise Denied("It was called off before it was sent.", code="called_off")
    if is_worse(position.position_side, limit, than=scheduled.price):
        raise Denied(f"Its floor is {plain(scheduled.price)} by now.", code="below_floor")
    if position.quantity < order.quantity:
        raise Denied("Less is held by now.", code="less_is_held")


def _scheduled(tools: Tools, place: Place, position: Position, asked: Asked) -> ScheduledExit:
    instrument = place.instrument
    if instrument.market_type is MarketType.INVERSE:
        raise Denied("Exits are scheduled on spot and linear markets only.", code="inverse_market")
    quantity = _on_lot(instrument, position, asked.quantity)
    wanted = ScheduledExit(
        id=new_id(),
        min_profit_percent=asked.min_profit_percent,
        quantity=quantity,
        limit_price=asked.limit_price,
        price=ZERO,
        scheduled_by=asked.actor,
        scheduled_at=tools.now(),
    )
    book = position_service.book_of(position, instrument)
    _refuse_loss(book, asked)
    price = scheduled_price(book, wanted)
    if price <= 0:
        raise Denied("No price above 0 earns that much.", code="profit_out_of_reach")
    _carried(instrument, position.quantity if quantity is None else quantity, price=price)
    return replace(wanted, price=price)


def _on_lot(instrument: Instrument, position: Position, quantity: Decimal | None) -> Decimal | None:
    if quantity is not None and quantity > position.quantity:
        raise Conflict(
            f"{plain(position.quantity)} is held, {plain(quantity)} was asked for.",
            code="more_than_held",
        )
    return None if quantity is None else instrument.floor_quantity(quantity)


def _refuse_loss(book: Book, asked: Asked) -> None:
    limit = asked.limit_price
    if limit is None or not asked.is_limit_final:
        return
    floor = break_even(book)
    if is_worse(book.position_side, limit, than=floor):
        raise Denied(
            f"At {plain(limit)} it would not pay its cost and fees, which takes {plain(floor)}: "
            "send the close at market, or another limit.",
            code="limit_below_floor",
        )


def _carried(instrument: Instrument, quantity: Decimal, *, price: Decimal) -> Decimal:
    on_lot = instrument.floor_quantity(quantity)
    if on_lot < instrument.min_quantity or on_lot <= 0:
        raise Denied("That part is smaller than the venue's lot.", code="below_min_quantity")
    # Contract venues let small reduce-only orders pass.
    with localcontext(EXACT):
        worth = instrument.notional(on_lot, price)
    if instrument.market_type is MarketType.SPOT and worth < instrument.min_notional:
        raise Denied(
            f"{plain(on_lot)} at {plain(price)} is {plain(worth)}, the venue takes "
            f"{plain(instrument.min_notional)} or more.",
            code="below_min_notional",
        )
    return on_lot


def _terms(scheduled: ScheduledExit) -> tuple[Decimal | None, ...]:
    return scheduled.min_profit_percent, scheduled.quantity, scheduled.limit_price
