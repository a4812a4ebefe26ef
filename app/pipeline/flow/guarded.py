"""A position beside what rests at the venue for it, and who guards it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.exchanges.venue import Abilities
from app.pipeline.flow.tools import Place, Tools, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import UNPROVEN, OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.pipeline.positions.protection import (
    NOTHING,
    Cover,
    RestingExit,
    RestingSet,
    Wish,
    difference,
    wish,
)
from app.pipeline.positions.status import PositionStatus
from app.trading.words import Protection, TriggerBy, TriggerKind

# The venue takes no such order at all: asking again every second would change nothing.
NOT_TAKEN: Final = "conditional_not_taken"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A position, what rests at the venue for it, and what should."""

    position: Position
    place: Place
    resting: tuple[tuple[Order, ...], ...]
    wanted: Wish

    @property
    def orders(self) -> list[Order]:
        """Every leg of what rests."""
        return [leg for legs in self.resting for leg in legs]

    @property
    def difference(self) -> tuple[list[RestingSet], list[int]]:
        """What is missing, and which of the resting sets should not be there."""
        return difference(self.wanted.sets, [tuple(map(_as_exit, legs)) for legs in self.resting])

    @property
    def is_proven(self) -> bool:
        """Whether the venue has confirmed exactly what should rest."""
        missing, surplus = self.difference
        is_open = all(leg.status in order_service.AT_VENUE for leg in self.orders)
        return not missing and not surplus and is_open


async def look(tools: Tools, position_id: UUID, abilities: Abilities) -> Guarded | None:
    """None while an exit is on its way: it decides, and what is left is looked at again."""
    async with tools.database.read() as session:
        return await guarded_of(session, tools, position_id, abilities)


async def guarded_of(
    session: AsyncSession, tools: Tools, position_id: UUID, abilities: Abilities
) -> Guarded | None:
    position = await positions.get(session, position_id)
    resting = _in_sets(await orders.resting_exits(session, position_id))
    place = await place_of(session, tools, position.account_id, position.symbol)
    if position.is_closed or position.quantity == 0:
        return Guarded(position, place, resting, NOTHING)
    if position.status is PositionStatus.CLOSING:
        return None
    if await orders.live_closes(session, position_id):
        return None
    return Guarded(position, place, resting, wish(_cover_of(position, place, resting), abilities))


def _cover_of(position: Position, place: Place, resting: Sequence[Sequence[Order]]) -> Cover:
    stops = [
        leg.trigger_price
        for legs in resting
        for leg in legs
        if leg.trigger_kind is TriggerKind.STOP and leg.cancel_requested_at is None
    ]
    return Cover(
        levels=position_service.levels_of(position),
        quantity=position.quantity,
        targets=position_service.targets_of(position),
        instrument=place.instrument,
        resting_stop=stops[0] if stops else None,
    )


def _in_sets(resting: Sequence[Order]) -> tuple[tuple[Order, ...], ...]:
    sets: dict[str, list[Order]] = {}
    for leg in resting:
        sets.setdefault(leg.pair_id or leg.client_order_id, []).append(leg)
    return tuple(tuple(legs) for legs in sets.values())


def _as_exit(order: Order) -> RestingExit:
    request = order_service.request_of(order)
    if request.trigger is None or order.cancel_requested_at is not None:
        # One that is being cancelled guards nothing: equal to none that is wanted.
        return RestingExit(TriggerKind.STOP, Decimal(0), TriggerBy.LAST, Decimal(0))
    trigger = request.trigger
    return RestingExit(trigger.kind, trigger.price, trigger.by, order.remaining)


async def who_guards(tools: Tools, guarded: Guarded) -> tuple[Protection, str | None]:
    position = guarded.position
    if not position_service.has_levels(position):
        return Protection.NONE, None
    if guarded.is_proven:
        is_at_venue = guarded.wanted.carries_stop or (
            not position_service.has_stop(position) and bool(guarded.wanted.sets)
        )
        if is_at_venue:
            return Protection.VENUE, None
        return Protection.MONITOR, "not_carried: The venue cannot carry a stop of this size."
    if any(leg.status in UNPROVEN for leg in guarded.orders):
        return Protection.NONE, "order_unknown: The venue has not said whether it has the stop."
    refusal = await _last_refusal(tools, position.id)
    if refusal is not None and (refusal.reason or "").startswith(NOT_TAKEN):
        return Protection.MONITOR, refusal.reason
    return Protection.NONE, refusal.reason if refusal is not None else None


async def _last_refusal(tools: Tools, position_id: UUID) -> Order | None:
    async with tools.database.read() as session:
        last = await orders.last_resting_exit(session, position_id)
    return last if last is not None and last.status is OrderStatus.REJECTED else None
