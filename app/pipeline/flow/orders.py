"""Chapter 4: an intent is sent once; the venue's answer, or its silence, is recorded."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from loguru import logger

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
)
from app.exchanges.venue import FillReport, OrderReport, Venue
from app.pipeline.flow.fills import record_answer, record_end
from app.pipeline.flow.judging import EntryCase, judge, look_outside
from app.pipeline.flow.tools import Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.signals import repository as signals
from app.strategies import repository as strategies
from app.trading.words import Purpose

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
# A venue may know an order a little later than it accepted it (RELIABILITY, "UNKNOWN, resolved").
NOT_FOUND_GRACE: Final = timedelta(seconds=10)
FILLS_SINCE: Final = timedelta(seconds=60)
# Some venues show executions a moment after the order; a position waits for its guard meanwhile.
FILLS_PAUSES_SECONDS: Final = (0.0, 0.1, 0.3)
# An entry sent at once after its decision was judged a moment ago; one found later is judged again.
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
    try:
        venue = await tools.venues.of(order.account_id)
        await _prepare(venue, order)
        await _last_look(tools, order)
    except AppError as refusal:
        await record_end(tools, order.id, OrderStatus.DENIED, f"{refusal.code}: {refusal.detail}")
        return
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order.id)
        if not await orders.claim_for_sending(session, order.id, now=tools.now()):
            return
    await _send(tools, venue, order)


async def _send(tools: Tools, venue: Venue, order: Order) -> None:
    log = logger.bind(client_order_id=order.client_order_id, order_id=str(order.id))
    try:
        report = await venue.place(order_service.request_of(order))
    except NOT_ACCEPTED as refusal:
        log.bind(code=refusal.code).warning("order.refused")
        reason = f"{refusal.code}: {refusal.detail}"
        await record_end(tools, order.id, OrderStatus.REJECTED, reason)
    except OutcomeUnknown as silence:
        log.bind(reason=silence.detail).warning("order.unknown")
        await _mark_unknown(tools, order.id, silence.detail)
    except Exception as surprise:
        log.exception("order.unknown")
        await _mark_unknown(tools, order.id, type(surprise).__name__)
    else:
        log.bind(exchange_order_id=report.exchange_order_id).info("order.accepted")
        await _record(tools, venue, order, report)


async def sync_order(tools: Tools, order_id: UUID) -> None:
    """Ask the venue about an order that was sent, and take over what it proves.

    A venue that does not answer proves nothing. One that does not know the order proves
    something only after a grace, and only when its open orders and its trades agree.
    """
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
    if order.is_final or order.status is OrderStatus.CREATED:
        return
    venue = await tools.venues.of(order.account_id)
    try:
        report = await venue.find_order(order.symbol, order.client_order_id)
    except OrderNotFound:
        await _consider_not_accepted(tools, venue, order)
        return
    fills = await _missing_fills(venue, order, report)
    if fills or order_service.is_news(order, report):
        await record_answer(tools, order.id, report, fills)


async def cancel_order(tools: Tools, order_id: UUID) -> None:
    """Cancel an order at the venue and record how it ended; it may have been filled meanwhile."""
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
    if order.is_final:
        return
    if order.status is OrderStatus.CREATED:
        reason = order.reason or "cancelled: It was never sent."
        await record_end(tools, order_id, OrderStatus.DENIED, reason)
        return
    venue = await tools.venues.of(order.account_id)
    try:
        await venue.cancel(order.symbol, order.client_order_id)
    except (OrderNotFound, OutcomeUnknown, OrderRefused) as answer:
        # Gone already, or not heard: what became of it is the venue's to say.
        logger.bind(client_order_id=order.client_order_id, reason=answer.detail).info(
            "order.cancel_unclear"
        )
    await sync_order(tools, order_id)


async def _record(tools: Tools, venue: Venue, order: Order, report: OrderReport) -> None:
    fills = await _missing_fills(venue, order, report)
    await record_answer(tools, order.id, report, fills)


async def _missing_fills(venue: Venue, order: Order, report: OrderReport) -> tuple[FillReport, ...]:
    """The executions behind the report: from the answer itself, or asked for."""
    if report.filled_quantity <= order.filled_quantity:
        return ()
    if sum(fill.quantity for fill in report.fills) == report.filled_quantity:
        return report.fills
    since = order.created_at - FILLS_SINCE
    heard: tuple[FillReport, ...] = ()
    try:
        for pause in FILLS_PAUSES_SECONDS:
            await asyncio.sleep(pause)
            heard = tuple(await venue.fills(order.symbol, report.exchange_order_id, since))
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


async def _last_look(tools: Tools, order: Order) -> None:
    """Judge an entry again that was decided a while ago: expiry, drift, switches, limits (I7).

    Raises:
        Denied: it must not be sent any more.
    """
    now = tools.now()
    if order.purpose is not Purpose.ENTRY or now - order.created_at < JUDGED_RECENTLY:
        return
    if order.expires_at is not None and order.expires_at <= now:
        raise Denied("Its time ran out before it was sent.", code="expired")
    if order.signal_id is None:
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


async def _mark_unknown(tools: Tools, order_id: UUID, reason: str) -> None:
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        if order.status is not OrderStatus.SUBMITTED:
            return  # somebody has asked the venue meanwhile, and knows
        await order_service.record_status(
            session,
            order,
            OrderStatus.UNKNOWN,
            now=tools.now(),
            reason=f"outcome_unknown: {reason}",
        )


async def _consider_not_accepted(tools: Tools, venue: Venue, order: Order) -> None:
    """The venue does not know the id: believe it only late, and only if nothing contradicts."""
    sent_at = order.submitted_at or order.created_at
    if tools.now() - sent_at < NOT_FOUND_GRACE:
        if order.status is OrderStatus.SUBMITTED:
            await _mark_unknown(tools, order.id, "The venue does not know the order (yet).")
        return
    resting = await venue.open_orders(order.symbol)
    if any(one.client_order_id == order.client_order_id for one in resting):
        return
    try:
        await venue.find_order(order.symbol, order.client_order_id)
    except OrderNotFound:
        waited = int((tools.now() - sent_at).total_seconds())
        reason = (
            f"not_accepted: {waited} s after sending, the venue knows no order "
            f"{order.client_order_id}, neither by its id nor among the open ones."
        )
        await record_end(tools, order.id, OrderStatus.REJECTED, reason)
