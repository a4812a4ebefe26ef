"""A level has been reached: the venue's own order comes first, the monitor is behind it."""

from dataclasses import replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError, Conflict
from app.core.failpoints import failpoint
from app.pipeline.flow.exits import Exit, Leaving, draft_of, exit_position, make_way
from app.pipeline.flow.orders import sync_order
from app.pipeline.flow.scheduling import quantity_to_send, reprice
from app.pipeline.flow.tools import Place, Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.exits import exit_reason, is_paid, trigger_price
from app.pipeline.positions.models import Position
from app.pipeline.positions.protection import slices
from app.pipeline.positions.status import PositionStatus
from app.trading.quote import Quote
from app.trading.words import CloseReason, OrderType, TimeInForce, TriggerKind

KIND_OF: Final = {
    CloseReason.STOP_LOSS: TriggerKind.STOP,
    CloseReason.TRAILING_STOP: TriggerKind.STOP,
    CloseReason.TAKE_PROFIT: TriggerKind.TARGET,
}


async def rests_for(tools: Tools, position_id: UUID, reason: CloseReason) -> bool:
    """Whether the venue carries the stop or target that the price has just reached.

    A trailing stop at the venue may lag behind the monitor's by a step: then nothing there will
    fire, and there is nothing to wait for.
    """
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        resting = await orders.resting_exits(session, position_id)
        place = await place_of(session, tools, position.account_id, position.symbol)
    quote = tools.prices.latest(place.key)
    kind = KIND_OF.get(reason)
    return quote is not None and any(
        leg.trigger_kind is kind and _is_reached(leg, position, quote) for leg in resting
    )


def _is_reached(leg: Order, position: Position, quote: Quote) -> bool:
    if leg.trigger_price is None or leg.trigger_by is None:
        return False
    beyond = trigger_price(quote, leg.trigger_by) - leg.trigger_price
    sign = position.position_side.sign * (1 if leg.trigger_kind is TriggerKind.TARGET else -1)
    return beyond * sign >= 0


async def fire(tools: Tools, position_id: UUID, reason: CloseReason) -> Order | None:
    """The monitor's exit of what a level has been reached of, unless the venue's own came first.

    Returns:
        The intent to be sent; None when nothing is left to do.

    Raises:
        Conflict: it is being closed, or is closed.
        Denied: no order of that size can be sent.
    """
    async with tools.database.read() as session:
        resting = await orders.resting_exits(session, position_id)
    for leg in resting:
        try:
            await sync_order(tools, leg.id)
        except AppError as silence:
            # The exit is reduce-only, or frees the coins first: it need not wait for an answer.
            logger.bind(client_order_id=leg.client_order_id, reason=silence.detail).warning(
                "protection.not_heard"
            )
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        place = await place_of(session, tools, position.account_id, position.symbol)
    if position.is_closed:
        return None
    is_waiting = position.close_reason is None and not position.is_overdue(tools.now())
    if reason is CloseReason.SCHEDULED and is_waiting:
        return await sell_scheduled(tools, position_id)
    part = None
    if reason is CloseReason.TAKE_PROFIT:
        if position.take_profit is None or not _is_target_reached(tools, position, place):
            return None  # the venue sold that slice meanwhile; the next target is further away
        part = _first_slice(position, place)
    wanted = Exit(reason=reason, actor=f"rule:{reason.value}", quantity=part)
    return await exit_position(tools, position_id, wanted, hand_over=False)


def _is_target_reached(tools: Tools, position: Position, place: Place) -> bool:
    quote = tools.prices.latest(place.key)
    if quote is None:
        return False
    reached = exit_reason(position_service.levels_of(position), quote)
    return reached not in {None, CloseReason.SCHEDULED}


def _first_slice(position: Position, place: Place) -> Decimal | None:
    """What the nearest of several targets sells; None for everything."""
    sellable = place.instrument.floor_quantity(position.quantity)
    parts = slices(sellable, position_service.targets_of(position), place.instrument)
    return parts[0][1] if parts and parts[0][1] < sellable else None


async def sell_scheduled(tools: Tools, position_id: UUID) -> Order | None:
    """Write down the limit order of a scheduled exit, if the market pays its price now.

    It is taken at once or not at all: what is not filled goes on waiting here, and the stop is back
    at the venue. The price is worked out anew from the book, in the transaction of the intent, and
    no entry that could raise it is live: what is sold is never sold below its floor.

    Returns:
        The intent to be sent; None when nothing waits any more, or the price has gone.

    Raises:
        Conflict: an entry of it, or another exit, may still be filled.
        Denied: no order of that size can be sent.
    """
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        place = await place_of(session, tools, position.account_id, position.symbol)
    if _paid_price(tools, place, position) is None:
        return None
    await make_way(tools, position_id)
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Position, position_id)
        position = await positions.get(session, position_id)
        await _refuse_others(session, position)
        order = await _intend_scheduled(session, tools, place, position)
    failpoint("C31")
    tools.watch.guard(position, place.key)
    return order


def _paid_price(tools: Tools, place: Place, position: Position) -> Decimal | None:
    """What the market pays at this moment; None where nothing waits, or that is not enough."""
    quote, scheduled = tools.prices.latest(place.key), position.scheduled
    if quote is None or scheduled is None or quote.age(tools.now()) > tools.max_price_age:
        return None
    side = position.position_side
    return quote.executable(side.closing_side) if is_paid(side, scheduled.price, quote) else None


async def _refuse_others(session: AsyncSession, position: Position) -> None:
    if await orders.live_entries(session, position.strategy_id, position.symbol):
        raise Conflict("An entry of it may still be filled.", code="entry_is_live")
    if await orders.live_closes(session, position.id):
        raise Conflict("Part of it is being closed already.", code="position_not_open")


async def _intend_scheduled(
    session: AsyncSession, tools: Tools, place: Place, position: Position
) -> Order | None:
    if position.status not in {PositionStatus.OPENING, PositionStatus.OPEN}:
        raise Conflict("It is being closed already.", code="position_not_open")
    # Fees may have changed since the book last did.
    await reprice(session, tools, place, position)
    price = _paid_price(tools, place, position)
    if position.scheduled is None or price is None:
        return None
    limit = position.scheduled.price
    wanted = Exit(reason=CloseReason.SCHEDULED, actor="rule:scheduled")
    leaving = Leaving(place, position, wanted, price, hand_over=False)
    draft = replace(
        draft_of(leaving, quantity_to_send(place, position, price=limit)),
        order_type=OrderType.LIMIT,
        limit_price=limit,
        time_in_force=TimeInForce.IOC,
    )
    return await order_service.intend(
        session, draft, now=tools.now(), cause=wanted.actor, hand_over=False
    )
