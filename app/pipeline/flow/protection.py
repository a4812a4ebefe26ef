"""Chapter 6: what guards a position rests at the venue, for exactly what the position holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger

from app.core.errors import AppError
from app.core.failpoints import failpoint
from app.core.ids import new_client_order_id
from app.exchanges.venue import Abilities, OrderReport
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.evidence import provable_at
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.guarded import Guarded, guarded_of, look, who_guards
from app.pipeline.flow.orders import cancel_order, submit_order, sync_order
from app.pipeline.flow.tools import Tools, hold_trader
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.service import OrderDraft
from app.pipeline.orders.status import UNPROVEN, OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.pipeline.positions.protection import (
    RestingExit,
    RestingSet,
)
from app.pipeline.positions.status import PositionStatus
from app.trading.words import CloseReason, MarketType, Protection, Purpose, TriggerKind

AT_ONCE: Final = "would_trigger_at_once"
# Refusals that say nothing about the stop itself: the venue was busy, or out of reach.
PASSING: Final = ("exchange_unavailable", "exchange_rate_limited", "exchange_auth_refused")


async def protect(tools: Tools, position_id: UUID) -> datetime | None:
    """Bring what rests at the venue into line with what the position holds.

    What should not rest is cancelled and proven gone before what is missing is placed: a position
    never has more stops than quantity. The monitor watches the same levels all the while.
    Harmless to repeat; run in the lane of the account and symbol.

    Returns:
        When to come again, because what became of a stop can be proven then; None when nothing
        is in doubt, or the venue has not said what it could have said by now.
    """
    venue_abilities = await _abilities(tools, position_id)
    if await _settle_unproven(tools, position_id):
        await _align(tools, position_id, venue_abilities)
    else:
        await _note(tools, position_id, venue_abilities)
    return await _proof_due(tools, position_id)


async def _align(tools: Tools, position_id: UUID, venue_abilities: Abilities) -> None:
    if await _give_up_in_time(tools, position_id):
        return
    guarded = await look(tools, position_id, venue_abilities)
    if guarded is None:
        return
    failpoint("C26")
    _, surplus = guarded.difference
    for index in surplus:
        for leg in guarded.resting[index]:
            await _cancel(tools, leg)
    placed = await _intend_missing(tools, position_id, venue_abilities)
    failpoint("C27")
    for legs in placed:
        await submit_order(tools, legs[0])
        failpoint("C29")
    if placed:
        await _read_back(tools, position_id)
    await _note(tools, position_id, venue_abilities)
    await _answer_refusals(tools, position_id, [leg for legs in placed for leg in legs])
    await _give_up_in_time(tools, position_id)


async def _proof_due(tools: Tools, position_id: UUID) -> datetime | None:
    async with tools.database.read() as session:
        resting = await orders.resting_exits(session, position_id)
    moments = [provable_at(tools, leg) for leg in resting if leg.status in UNPROVEN]
    return min((at for at in moments if at > tools.now()), default=None)


async def _read_back(tools: Tools, position_id: UUID) -> None:
    """See with the venue's own eyes that what was placed rests there as it was meant.

    A receipt is not enough: venues have taken stops and never armed them, and some receipts do
    not say what was taken. One that is not among the open orders is looked up; one that rests
    with another price or quantity is cancelled, and placed anew.
    """
    async with tools.database.read() as session:
        resting = await orders.resting_exits(session, position_id)
    resting = [leg for leg in resting if leg.status in order_service.AT_VENUE]
    if not resting:
        return
    venue = await tools.venues.of(resting[0].account_id)
    try:
        listed = await venue.open_orders(resting[0].symbol)
    except AppError as silence:
        # Nothing is proven either way; the next comparison with the venue sees it.
        logger.bind(position_id=str(position_id), reason=silence.detail).warning(
            "protection.not_read_back"
        )
        return
    there = {one.client_order_id: one for one in listed}
    for leg in resting:
        found = there.get(leg.client_order_id)
        if found is None:
            await sync_order(tools, leg.id)
        elif not _is_as_meant(leg, found):
            logger.bind(client_order_id=leg.client_order_id).error("protection.not_as_meant")
            await _cancel(tools, leg)


def _is_as_meant(leg: Order, found: OrderReport) -> bool:
    is_price_same = found.trigger_price in {None, leg.trigger_price}
    return is_price_same and found.quantity == leg.quantity


async def _abilities(tools: Tools, position_id: UUID) -> Abilities:
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
    return (await tools.venues.of(position.account_id)).abilities


async def _settle_unproven(tools: Tools, position_id: UUID) -> bool:
    """Learn what became of stops and targets whose placing was not heard of; False if unknown."""
    async with tools.database.read() as session:
        resting = await orders.resting_exits(session, position_id)
    for leg in resting:
        if leg.status in UNPROVEN:
            try:
                await sync_order(tools, leg.id)
            except AppError as silence:
                logger.bind(client_order_id=leg.client_order_id, reason=silence.detail).warning(
                    "protection.not_heard"
                )
    async with tools.database.read() as session:
        resting = await orders.resting_exits(session, position_id)
    return not any(leg.status in UNPROVEN for leg in resting)


async def _cancel(tools: Tools, leg: Order) -> None:
    """The wish to cancel is committed first, so that a crash or a silence does not forget it."""
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, leg.id)
        order = await orders.get(session, leg.id)
        if order.is_final:
            return
        order.cancel_requested_at = order.cancel_requested_at or tools.now()
        if leg.position_id is not None:
            position = await positions.get(session, leg.position_id)
            position_service.note_protection(position, Protection.NONE, now=tools.now())
    try:
        await cancel_order(tools, leg.id)
    except AppError as silence:
        logger.bind(client_order_id=leg.client_order_id, reason=silence.detail).warning(
            "order.cancel_failed"
        )


async def _intend_missing(
    tools: Tools, position_id: UUID, abilities: Abilities
) -> list[list[Order]]:
    """Write down what is missing; nothing while something that should be gone may still rest."""
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Position, position_id)
        guarded = await guarded_of(session, tools, position_id, abilities)
        if guarded is None:
            return []
        missing, surplus = guarded.difference
        if surplus:
            return []
        drafts = [_drafts(guarded, one) for one in missing]
        now = tools.now()
        found = [
            [
                await order_service.intend(
                    session, draft, now=now, cause="rule:protection", hand_over=False
                )
                for draft in legs
            ]
            for legs in drafts
        ]
        # Intents of a crash between their commit and their sending are taken up here.
        unsent = [
            list(legs)
            for legs in guarded.resting
            if all(leg.status is OrderStatus.CREATED for leg in legs)
        ]
        return unsent + found


def _drafts(guarded: Guarded, one: RestingSet) -> list[OrderDraft]:
    position, place = guarded.position, guarded.place
    pair_id = new_client_order_id("sbp") if len(one) > 1 else None
    return [
        OrderDraft(
            user_id=position.user_id,
            account_id=position.account_id,
            strategy_id=position.strategy_id,
            symbol=position.symbol,
            side=position.position_side.closing_side,
            quantity=leg.quantity,
            purpose=_purpose(leg),
            reference_price=leg.price,
            reduce_only=place.account.market_type is not MarketType.SPOT,
            margin_mode=position.margin_mode,
            position_id=position.id,
            close_reason=_reason(position, leg),
            trigger_price=leg.price,
            trigger_by=leg.by,
            trigger_kind=leg.kind,
            pair_id=pair_id,
        )
        for leg in one
    ]


def _purpose(leg: RestingExit) -> Purpose:
    return Purpose.STOP_LOSS if leg.kind is TriggerKind.STOP else Purpose.TAKE_PROFIT


def _reason(position: Position, leg: RestingExit) -> CloseReason:
    if leg.kind is TriggerKind.TARGET:
        return CloseReason.TAKE_PROFIT
    is_fixed = leg.price == position.stop_loss
    return CloseReason.STOP_LOSS if is_fixed else CloseReason.TRAILING_STOP


async def _note(tools: Tools, position_id: UUID, abilities: Abilities) -> None:
    """Record who guards the position now."""
    guarded = await look(tools, position_id, abilities)
    if guarded is None or guarded.position.is_closed:
        return
    protection, note = await who_guards(tools, guarded)
    position = guarded.position
    if (position.protection, position.protection_note) == (protection, note):
        return
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Position, position_id)
        position = await positions.get(session, position_id)
        position_service.note_protection(position, protection, now=tools.now(), note=note)


async def _answer_refusals(tools: Tools, position_id: UUID, placed: Sequence[Order]) -> None:
    """A stop that was refused: sell at once, leave it to the monitor, or try again a while."""
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        refused = [
            order
            for order in [await orders.get(session, leg.id) for leg in placed]
            if order.status is OrderStatus.REJECTED
        ]
    if position.is_closed or not refused:
        return
    for order in refused:
        if (order.reason or "").startswith(AT_ONCE) and order.close_reason is not None:
            # The price is there already: what the stop would have done is done now (TRADING 19).
            part = order.quantity if order.purpose is Purpose.TAKE_PROFIT else None
            await _leave(tools, position_id, order.close_reason, part)
            return
    await _tell_refused(tools, position, refused[0])


async def _give_up_in_time(tools: Tools, position_id: UUID) -> bool:
    """Close what has had no stop for too long, while the venue answers and does not take one.

    A venue that is out of reach would not take the exit either: then the monitor guards.

    Returns:
        Whether it is being closed.
    """
    async with tools.database.read() as session:
        position = await positions.get(session, position_id)
        last = await orders.last_resting_exit(session, position_id)
    if position.naked_since is None or last is None or last.status is not OrderStatus.REJECTED:
        return False
    if (last.reason or "").startswith(PASSING) or position.status is not PositionStatus.OPEN:
        return False
    if tools.now() - position.naked_since < _patience(tools):
        return False
    await _leave(tools, position_id, CloseReason.RISK)
    return True


def _patience(tools: Tools) -> timedelta:
    return timedelta(seconds=tools.settings.protection_deadline_seconds)


async def _leave(
    tools: Tools, position_id: UUID, reason: CloseReason, part: Decimal | None = None
) -> None:
    wanted = Exit(reason=reason, actor=f"rule:{reason.value}", quantity=part)
    order = await exit_position(tools, position_id, wanted, hand_over=False)
    if order is not None:
        await submit_order(tools, order)


async def _tell_refused(tools: Tools, position: Position, refused: Order) -> None:
    guard = "The monitor guards it."
    if position.protection is Protection.NONE:
        guard = (
            "The monitor guards it meanwhile; it is closed at market if the venue has not taken "
            f"the stop {tools.settings.protection_deadline_seconds:g} s after the fill."
        )
    await _tell(
        tools,
        position,
        "stop_refused",
        f"The venue refused the {refused.purpose.value} "
        f"of {position.symbol}: {refused.reason}. {guard}",
    )


async def tell_naked(tools: Tools, now: datetime, longer_than: timedelta) -> None:
    """Tell the owners of positions that nobody has guarded at the venue for a while."""
    async with tools.database.read() as session:
        naked = await positions.naked_since(session, now - longer_than)
    for position in naked:
        note = position.protection_note or "no_answer: The venue has not taken it yet."
        await _tell(
            tools,
            position,
            "unprotected",
            f"{position.symbol} has had no stop at the venue for "
            f"{int((now - (position.naked_since or now)).total_seconds())} s ({note}). "
            "The monitor guards it; have a look at the venue.",
        )


async def _tell(tools: Tools, position: Position, code: str, text: str) -> None:
    async with tools.database.transaction() as session:
        await tell(
            session,
            user_id=position.user_id,
            severity=Severity.URGENT,
            code=code,
            subject_kind="position",
            subject_id=str(position.id),
            text=text,
            now=tools.now(),
        )
