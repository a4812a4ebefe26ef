"""Chapter 4: an intent is sent once; the venue's answer, or its silence, is recorded."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExternalHolding
from app.core.errors import (
    AppError,
    AuthRefused,
    Denied,
    ExchangeError,
    InsufficientFunds,
    Invalid,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Retryable,
    Unavailable,
)
from app.core.failpoints import failpoint
from app.exchanges.venue import FillReport, OrderReport, Venue
from app.pipeline.flow.evidence import (
    ended_by_cancel,
    executed_as_named,
    look_everywhere,
    mark_unknown,
)
from app.pipeline.flow.fills import record_answer, record_end
from app.pipeline.flow.judging import EntryCase, judge, look_outside
from app.pipeline.flow.scheduling import refuse_outdated
from app.pipeline.flow.stopping import refuse_stopped
from app.pipeline.flow.tools import Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.signals import repository as signals
from app.strategies import repository as strategies
from app.trading.words import Protection, Purpose

# Nothing was accepted: the venue said so, or the request never became an order.
NOT_ACCEPTED: Final = (
    OrderRefused,
    InsufficientFunds,
    RateLimited,
    AuthRefused,
    Retryable,
    Denied,
    Invalid,
)
FILLS_SINCE: Final = timedelta(seconds=60)
# Some venues show executions a moment after the order; a position waits for its guard meanwhile.
FILLS_PAUSES_SECONDS: Final = (0.0, 0.1, 0.3)
# An entry sent at once after its decision was judged a moment ago; one found later is judged again.
# Whether it was stopped since is asked in any case, as it is taken for sending.
JUDGED_RECENTLY: Final = timedelta(seconds=2)


async def submit_order(tools: Tools, order: Order) -> None:
    """Send a created order once, and record what the venue says.

    Only the caller that moves it to `submitted` sends it. When the venue's answer proves neither
    acceptance nor refusal the order is `unknown`: it is looked up by its client id, never resent.

    Args:
        tools: the venues and the database.
        order: as it was committed, or as it was last read.
    """
    if order.status is not OrderStatus.CREATED:
        return
    if order.purpose is Purpose.ENTRY and tools.agreement.why_wait(order.account_id):
        return  # it is found again, and judged again, when the account agrees with its venue
    failpoint("C15")
    try:
        venue = await tools.venues.of(order.account_id)
        await _prepare(venue, order)
        failpoint("C16")
        await _make_room(tools, venue, order)
        await _last_look(tools, order)
        legs = await _claim(tools, order)
    except AppError as refusal:
        await record_end(tools, order.id, OrderStatus.DENIED, f"{refusal.code}: {refusal.detail}")
        return
    if legs:
        failpoint("C17")
        await _send(tools, venue, legs)


async def _claim(tools: Tools, order: Order) -> Sequence[Order]:
    """Take an order for sending, with what stands or falls with it.

    Returns:
        Its legs; none when somebody else has taken it, or it is not to be sent any more.

    Raises:
        Denied: an entry was stopped meanwhile; it was not taken.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order.id)
        legs = await orders.legs_of(session, order)
        for leg in legs:
            if not await orders.claim_for_sending(session, leg, now=tools.now()):
                # A pair goes whole or not at all.
                await session.rollback()
                return ()
        if order.purpose is Purpose.ENTRY:
            await refuse_stopped(session, order)
    return legs


async def _send(tools: Tools, venue: Venue, legs: Sequence[Order]) -> None:
    """Send an order, or the two legs of a pair, in one request."""
    log = logger.bind(client_order_ids=[leg.client_order_id for leg in legs])
    try:
        reports = await _place(venue, legs)
    except NOT_ACCEPTED as refusal:
        log.bind(code=refusal.code).warning("order.refused")
        await _mark_rejected(tools, legs, f"{refusal.code}: {refusal.detail}")
    except OutcomeUnknown as silence:
        log.bind(reason=silence.detail).warning("order.unknown")
        await mark_unknown(tools, legs, silence.detail)
    except Exception as surprise:
        log.exception("order.unknown")
        await mark_unknown(tools, legs, type(surprise).__name__)
    else:
        log.bind(exchange_order_ids=[one.exchange_order_id for one in reports]).info(
            "order.accepted"
        )
        failpoint("C28" if legs[0].is_resting_exit else "C21")
        for leg, report in zip(legs, reports, strict=True):
            await _record(tools, venue, leg, report)


async def _mark_rejected(tools: Tools, legs: Sequence[Order], reason: str) -> None:
    for leg in legs:
        await record_end(tools, leg.id, OrderStatus.REJECTED, reason)


async def _place(venue: Venue, legs: Sequence[Order]) -> Sequence[OrderReport]:
    if len(legs) == 1:
        return [await venue.place(order_service.request_of(legs[0]))]
    stop, target = legs
    return await venue.place_pair(
        stop.pair_id or "",
        stop=order_service.request_of(stop),
        target=order_service.request_of(target),
    )


async def sync_order(tools: Tools, order_id: UUID, *, is_cancelled: bool = False) -> None:
    """Ask the venue about an order that was sent, and take over what it proves.

    A venue that does not answer proves nothing; what one proves that does not know the order is in
    `evidence`.

    Args:
        tools: the venues and the database.
        order_id: which.
        is_cancelled: the venue has just confirmed that it cancelled it.
    """
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
    if order.is_final or order.status is OrderStatus.CREATED:
        return
    venue = await tools.venues.of(order.account_id)
    try:
        report = await venue.find_order(
            order.symbol, order.client_order_id, is_conditional=order.is_conditional
        )
    except OrderNotFound:
        found = await _found_otherwise(tools, venue, order, is_cancelled=is_cancelled)
        if found is None:
            return
        report = found
    fills = await _missing_fills(venue, order, report)
    if fills or order_service.is_news(order, report):
        await record_answer(tools, order.id, report, fills)


async def _found_otherwise(
    tools: Tools, venue: Venue, order: Order, *, is_cancelled: bool
) -> OrderReport | None:
    found = None
    if is_cancelled and order.is_resting_exit:
        found = await ended_by_cancel(venue, order)
    found = found or await executed_as_named(tools, venue, order)
    return found or await look_everywhere(tools, venue, order)


async def cancel_order(tools: Tools, order_id: UUID) -> None:
    """Cancel an order at the venue and record how it ended; it may have been filled meanwhile.

    The cancel of one leg of a pair is the cancel of both.
    """
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
        legs = await orders.legs_of(session, order)
    if order.is_final:
        return
    if order.status is OrderStatus.CREATED:
        reason = order.reason or "cancelled: It was never sent."
        await record_end(tools, order_id, OrderStatus.DENIED, reason)
        return
    venue = await tools.venues.of(order.account_id)
    is_cancelled = False
    try:
        await venue.cancel(order.symbol, order.client_order_id, is_conditional=order.is_conditional)
        failpoint("C32")
        is_cancelled = True
    except (OrderNotFound, OutcomeUnknown, OrderRefused) as answer:
        # Gone already, or not heard: what became of it is the venue's to say.
        logger.bind(client_order_id=order.client_order_id, reason=answer.detail).info(
            "order.cancel_unclear"
        )
    for leg in legs if is_cancelled else [order]:
        await sync_order(tools, leg.id, is_cancelled=is_cancelled)


async def _record(tools: Tools, venue: Venue, order: Order, report: OrderReport) -> None:
    fills = await _missing_fills(venue, order, report)
    await record_answer(tools, order.id, report, fills)


async def _missing_fills(venue: Venue, order: Order, report: OrderReport) -> tuple[FillReport, ...]:
    """The executions behind the report: from the answer itself, or asked for."""
    if report.filled_quantity <= order.filled_quantity:
        return ()
    if sum(fill.quantity for fill in report.fills) == report.filled_quantity:
        return report.fills
    failpoint("C22")
    since = order.created_at - FILLS_SINCE
    heard: tuple[FillReport, ...] = ()
    try:
        for pause in FILLS_PAUSES_SECONDS:
            await asyncio.sleep(pause)
            heard = tuple(await venue.fills(order.symbol, report.executing_order_id, since))
            if sum(fill.quantity for fill in heard) >= report.filled_quantity:
                return heard
    except ExchangeError as silence:
        logger.bind(client_order_id=order.client_order_id, reason=silence.detail).warning(
            "order.fills_not_heard"
        )
    return heard


async def _prepare(venue: Venue, order: Order) -> None:
    """Leverage and margin mode are set and verified before an entry, never for an exit."""
    if order.purpose is Purpose.ENTRY and order.leverage and order.margin_mode:
        await venue.prepare(order.symbol, leverage=order.leverage, margin_mode=order.margin_mode)


async def _make_room(tools: Tools, venue: Venue, order: Order) -> None:
    """Cancel the stops and targets that stand in the way of an exit, and prove them gone.

    Where a resting sell locks the coins nothing else can sell them. Elsewhere they stay until the
    exit is filled, so that there is no moment without a stop, unless others hold the same symbol:
    a stop that outlived its book would close theirs (TRADING 2, 19).

    Raises:
        Unavailable: one of them may still be live.
        Denied: it was filled meanwhile, and less is held than the exit would close; or it is a
            scheduled exit that the position does not want any more.
    """
    if order.position_id is None or order.purpose is Purpose.ENTRY or order.is_resting_exit:
        return
    async with tools.database.read() as session:
        if order.is_scheduled:
            refuse_outdated(await positions.get(session, order.position_id), order)
        resting = await orders.resting_exits(session, order.position_id)
        if not resting:
            return
        is_shared = await _is_shared(session, order)
    if not (venue.abilities.locks_coins or is_shared):
        return
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order.id)
        position = await positions.get(session, order.position_id)
        position_service.note_protection(position, Protection.NONE, now=tools.now())
    for leg in resting:
        await cancel_order(tools, leg.id)
    async with tools.database.read() as session:
        position = await positions.get(session, order.position_id)
        still = await orders.resting_exits(session, order.position_id)
    failpoint("C33")
    if still:
        raise Unavailable("Its stop could not be cancelled yet.", code="stop_not_cancelled")
    if position.quantity < order.quantity:
        raise Denied("Its stop or target was filled meanwhile.", code="less_is_held")


async def _is_shared(session: AsyncSession, order: Order) -> bool:
    """Whether others hold the symbol too: another book of ours, or the trader's own hands."""
    books = await positions.held(session, account_id=order.account_id, symbol=order.symbol)
    foreign = await session.get(ExternalHolding, (order.account_id, order.symbol))
    return foreign is not None or any(one.id != order.position_id for one in books)


async def _last_look(tools: Tools, order: Order) -> None:
    """Judge an entry again that was decided a while ago: expiry, drift, switches, limits (I7).

    Raises:
        Denied: it must not be sent any more.
    """
    now = tools.now()
    if order.purpose is not Purpose.ENTRY:
        return
    if order.expires_at is not None and order.expires_at <= now:
        raise Denied("Its time ran out before it was sent.", code="expired")
    if order.signal_id is None or now - order.created_at < JUDGED_RECENTLY:
        return
    outside = await look_outside(tools, order.account_id, order.symbol)
    async with tools.database.read() as session:
        signal = await signals.get(session, order.signal_id)
        strategy = await strategies.get(session, order.strategy_id)
        place = await place_of(session, tools, order.account_id, order.symbol)
        case = EntryCase(signal, strategy, place, outside)
        judgement = await judge(session, tools, case, now=now, ignore_order=order.id)
    if judgement.denial is not None:
        raise judgement.denial
