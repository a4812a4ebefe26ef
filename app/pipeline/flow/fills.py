"""Chapter 5: executions make, grow, shrink and close positions, and are booked to the day."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from loguru import logger

from app.core.decimals import EXACT
from app.core.errors import AppError
from app.core.failpoints import failpoint
from app.exchanges.venue import FillReport, OrderReport
from app.market.prices import PriceKey
from app.pipeline.flow.settling import (
    Settling,
    settle,
    tell_of_excess,
    tell_of_late,
    wake_waiting,
)
from app.pipeline.flow.tools import Place, Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl import service as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions import scheduling
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.strategies import repository as strategies
from app.trading.days import trading_day
from app.trading.words import MarketType, Purpose

Rates = Mapping[str, Decimal]
RATE_PATIENCE_SECONDS: Final = 1.0


async def record_answer(
    tools: Tools, order_id: UUID, report: OrderReport, fills: Sequence[FillReport]
) -> None:
    """Take over an order's state and executions, and everything that follows, or nothing.

    Harmless to repeat: an execution is booked once, by the venue's trade id.
    """
    failpoint("C23")
    rates = await _rates_of(tools, order_id, fills)
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        if order.is_final:
            return
        place = await place_of(session, tools, order.account_id, order.symbol)
        settling = Settling(session, tools, order, place, tools.now())
        before = order.status
        new = await order_service.record_fills(session, order, fills, now=settling.now)
        position = await _book_fills(settling, new, rates)
        failpoint("C24")
        await order_service.record_report(session, order, report, now=settling.now)
        await settle(settling, position, has_fills=bool(new))
        await wake_waiting(settling, position, before)
    failpoint("C37" if position is not None and position.is_closed else "C25")
    follow(tools, place, position, has_news=bool(new) or order.status is not before)


async def record_late(tools: Tools, order_id: UUID, fills: Sequence[FillReport]) -> bool:
    """Take over executions of an order that had ended here: its status stays, what happened counts.

    Returns:
        Whether any of them was new.
    """
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
        place = await place_of(session, tools, order.account_id, order.symbol)
    rates = await fee_rates(tools, place, fills)
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        settling = Settling(session, tools, order, place, tools.now())
        new, position = await book_facts(settling, fills, rates)
        if new:
            await tell_of_late(settling, new)
    follow(tools, place, position, has_news=bool(new))
    return bool(new)


async def book_facts(
    settling: Settling, fills: Sequence[FillReport], rates: Rates
) -> tuple[Sequence[Fill], Position | None]:
    """Book executions of an order that has ended, and everything that follows from them.

    Returns:
        Those that were new, and the position they belong to.
    """
    new = await order_service.record_fills(
        settling.session, settling.order, fills, now=settling.now
    )
    position = await _book_fills(settling, new, rates)
    if new:
        await settle(settling, position, has_fills=True)
    return new, position


async def record_end(
    tools: Tools,
    order_id: UUID,
    status: OrderStatus,
    reason: str,
    *,
    evidence: str | None = None,
) -> None:
    """End an order that nothing was, or can be, executed of; free what waited for it.

    An order that has meanwhile been sent is not ours to deny any more: that changes nothing.

    Args:
        tools: the database.
        order_id: which.
        status: how it ended.
        reason: `code: sentence`.
        evidence: what was asked and answered, as JSON, where silence had to be proven.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        was_sent = order.status is not OrderStatus.CREATED
        if order.is_final or (was_sent and status is OrderStatus.DENIED):
            return
        place = await place_of(session, tools, order.account_id, order.symbol)
        settling, before = Settling(session, tools, order, place, tools.now()), order.status
        await order_service.record_status(session, order, status, now=settling.now, reason=reason)
        order.evidence = evidence
        position = None
        if order.position_id is not None:
            position = await positions.get(session, order.position_id)
        await settle(settling, position, has_fills=False)
        await wake_waiting(settling, position, before)
    follow(tools, place, position, has_news=False)


async def _book_fills(settling: Settling, new: Sequence[Fill], rates: Rates) -> Position | None:
    """Every new execution into its position, what it realised into the day."""
    session, order = settling.session, settling.order
    position = None
    if order.position_id is not None:
        position = await positions.get(session, order.position_id)
    for fill in new:
        if order.purpose is Purpose.ENTRY:
            position = await _book_of_entry(settling)
        if position is not None:
            await _book_fill(settling, position, fill, rates)
    return position


async def _book_of_entry(settling: Settling) -> Position:
    session, order = settling.session, settling.order
    strategy = await strategies.get(session, order.strategy_id)
    position = await position_service.of_entry(
        session,
        order,
        trigger_by=strategy.trigger_by,
        hold_for=strategy.max_holding_seconds,
        now=settling.now,
    )
    if position.day_start_on is None:
        position.day_start_on = trading_day(settling.now, zone=settling.place.ledger.zone)
    return position


async def _book_fill(settling: Settling, position: Position, fill: Fill, rates: Rates) -> None:
    if position.is_closed:
        fill.position_id = position.id
        await tell_of_excess(settling, position, fill)
        return
    scheduled = position.scheduled
    realised = position_service.apply(
        position,
        fill,
        settling.place.instrument,
        fee_in_settle=_in_settle(fill, rates),
        now=settling.now,
    )
    await scheduling.note_price(settling.session, position, scheduled, now=settling.now)
    if settling.order.is_scheduled:
        position.scheduled = scheduling.used_up(position.scheduled, fill.quantity)
    if realised is None:
        return
    if realised.quantity < fill.quantity:
        await tell_of_excess(settling, position, fill)
    await pnl.book(settling.session, position, realised, settling.place.ledger, fill_id=fill.id)


def follow(tools: Tools, place: Place, position: Position | None, *, has_news: bool) -> None:
    """What lives in memory follows what was committed."""
    if has_news:
        tools.venues.forget_balances(place.account.id)
    if position is None:
        return
    if position.is_closed:
        tools.watch.release(position.id)
    else:
        tools.watch.guard(position, place.key)


def _in_settle(fill: Fill, rates: Rates) -> Decimal | None:
    rate = rates.get(fill.fee_asset)
    if rate is None:
        return None
    with localcontext(EXACT):
        return (fill.fee * rate).quantize(Decimal("1e-12"))


async def _rates_of(tools: Tools, order_id: UUID, fills: Sequence[FillReport]) -> Rates:
    if not fills:
        return {}
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
        place = await place_of(session, tools, order.account_id, order.symbol)
    return await fee_rates(tools, place, fills)


async def fee_rates(tools: Tools, place: Place, fills: Sequence[FillReport]) -> Rates:
    """Rates of fee coins that are neither bought nor settled in, now: the fill's minute.

    A rate that cannot be had leaves the fee provisional; it is never counted as nothing.
    """
    known = {place.instrument.base, place.instrument.settle}
    rates: dict[str, Decimal] = {}
    for asset in {fill.fee_asset for fill in fills if fill.fee} - known:
        # A coin has its price on the venue's spot market, whatever the account trades.
        symbol = f"{asset}/{place.instrument.settle}"
        key = PriceKey(place.account.exchange, MarketType.SPOT, symbol)
        try:
            # The fill is booked and its position guarded without it, if it does not come at once.
            async with asyncio.timeout(RATE_PATIENCE_SECONDS):
                quote = await tools.fresh_quote(key)
        except (AppError, TimeoutError) as silence:
            logger.bind(symbol=symbol, reason=str(silence)).warning("fee.rate_not_known")
            continue
        rates[asset] = quote.last
    return rates
