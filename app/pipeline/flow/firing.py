"""A level has been reached: the venue's own order comes first, the monitor is behind it."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger

from app.core.errors import AppError
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.orders import sync_order
from app.pipeline.flow.tools import Place, Tools, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.exits import exit_reason, trigger_price
from app.pipeline.positions.models import Position
from app.pipeline.positions.protection import slices
from app.trading.quote import Quote
from app.trading.words import CloseReason, TriggerKind

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
    return exit_reason(position_service.levels_of(position), quote) is not None


def _first_slice(position: Position, place: Place) -> Decimal | None:
    """What the nearest of several targets sells; None for everything."""
    sellable = place.instrument.floor_quantity(position.quantity)
    parts = slices(sellable, position_service.targets_of(position), place.instrument)
    return parts[0][1] if parts and parts[0][1] < sellable else None
