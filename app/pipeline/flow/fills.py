"""Chapter 5: executions make, grow, shrink and close positions, and are booked to the day."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT
from app.core.errors import AppError
from app.exchanges.venue import FillReport, OrderReport
from app.market.prices import PriceKey
from app.pipeline.flow.tools import Place, Tools, hold_trader, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl import service as pnl
from app.pipeline.pnl.rules import trading_day
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.dust import close_dust, dust_left
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Work, wake
from app.strategies import repository as strategies
from app.trading.words import MarketType, Purpose

Rates = Mapping[str, Decimal]
RATE_PATIENCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Settling:
    """One answer of the venue being taken over, inside one transaction."""

    session: AsyncSession
    tools: Tools
    order: Order
    place: Place
    now: datetime


async def record_answer(
    tools: Tools, order_id: UUID, report: OrderReport, fills: Sequence[FillReport]
) -> None:
    """Take over an order's state and executions, and everything that follows, or nothing.

    Harmless to repeat: an execution is booked once, by the venue's trade id.
    """
    rates = await _third_coin_rates(tools, order_id, fills)
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
        await order_service.record_report(session, order, report, now=settling.now)
        await _settle(settling, position)
    _tell(tools, place, position, has_news=bool(new) or order.status is not before)


async def record_end(tools: Tools, order_id: UUID, status: OrderStatus, reason: str) -> None:
    """End an order that nothing was, or can be, executed of; free what waited for it.

    An order that has meanwhile been sent is not ours to deny any more: that changes nothing.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        was_sent = order.status is not OrderStatus.CREATED
        if order.is_final or (was_sent and status is OrderStatus.DENIED):
            return
        place = await place_of(session, tools, order.account_id, order.symbol)
        settling = Settling(session, tools, order, place, tools.now())
        await order_service.record_status(session, order, status, now=settling.now, reason=reason)
        position = None
        if order.position_id is not None:
            position = await positions.get(session, order.position_id)
        await _settle(settling, position)
    _tell(tools, place, position, has_news=False)


async def _book_fills(settling: Settling, new: Sequence[Fill], rates: Rates) -> Position | None:
    """Every new execution into its position, what it realised into the day."""
    session, order = settling.session, settling.order
    position = None
    if order.position_id is not None:
        position = await positions.get(session, order.position_id)
    for fill in new:
        if order.purpose is Purpose.ENTRY:
            strategy = await strategies.get(session, order.strategy_id)
            position = await position_service.of_entry(
                session, order, trigger_by=strategy.trigger_by, now=settling.now
            )
            if position.day_start_on is None:
                position.day_start_on = trading_day(settling.now, zone=settling.place.ledger.zone)
        if position is None:
            continue
        realised = position_service.apply(
            position,
            fill,
            settling.place.instrument,
            fee_in_settle=_in_settle(fill, rates),
            now=settling.now,
        )
        if realised is not None:
            await pnl.book(session, position, realised, settling.place.ledger, fill_id=fill.id)
    return position


async def _settle(settling: Settling, position: Position | None) -> None:
    await _settle_signal(settling)
    if position is not None and not position.is_closed:
        await _settle_position(settling, position)


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


async def _settle_position(settling: Settling, position: Position) -> None:
    order, now = settling.order, settling.now
    if order.purpose is Purpose.ENTRY:
        if order.is_final and position.status is PositionStatus.OPENING:
            position.move(PositionStatus.OPEN, now=now)
        if position.is_to_be_closed:
            wake(settling.session, Work.POSITION, position.id, now=now)
        return
    if position.quantity == 0:
        await _close(settling, position)
    elif order.is_final:
        await _after_exit(settling, position)


async def _after_exit(settling: Settling, position: Position) -> None:
    """An exit ended and something is left: dust ends the book, anything else is guarded again."""
    session, tools, now = settling.session, settling.tools, settling.now
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
            for one in await orders.live_exits(session, position.id)
            if one.id != settling.order.id
        ]
        if not live:
            note = settling.order.reason or f"the exit ended {settling.order.status.value}"
            await position_service.reopen(session, position, now=now, note=note)


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
    position.close_reason = position.close_reason or settling.order.close_reason
    await close_out(session, settling.place, position, now=now)


async def close_out(
    session: AsyncSession, place: Place, position: Position, *, now: datetime
) -> None:
    """A flat position becomes a trade of the day; entries that waited for it may go on."""
    await position_service.finish_closing(session, position, now=now)
    book = position_service.book_of(position, place.instrument)
    await pnl.close_trade(session, position, book, place.ledger)
    for order in await orders.live_entries(session, position.strategy_id, position.symbol):
        await order_service.request_cancel(
            session, order, actor="rule:exit", now=now, close_late=position.close_reason
        )
    waiting = await signals.unsent_entries(session, position.strategy_id, position.symbol)
    for signal in waiting:
        if signal.status is SignalStatus.APPROVED:
            signal_service.wake_for(session, signal, now=now)


def _tell(tools: Tools, place: Place, position: Position | None, *, has_news: bool) -> None:
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


async def _third_coin_rates(tools: Tools, order_id: UUID, fills: Sequence[FillReport]) -> Rates:
    """Rates of fee coins that are neither bought nor settled in, now: the fill's minute.

    A rate that cannot be had leaves the fee provisional; it is never counted as nothing.
    """
    if not fills:
        return {}
    async with tools.database.read() as session:
        order = await orders.get(session, order_id)
        place = await place_of(session, tools, order.account_id, order.symbol)
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
