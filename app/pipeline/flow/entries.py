"""Chapter 2: an approved opening signal is sized, judged by every rule, and becomes an intent."""

from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT
from app.core.errors import Denied, ExchangeError, Invalid
from app.core.failpoints import failpoint
from app.pipeline.flow.exposure import (
    Holdings,
    holdings_beside,
)
from app.pipeline.flow.judging import EntryCase, Judgement, ask_outside, judge
from app.pipeline.flow.outside import note_coins
from app.pipeline.flow.tools import Tools, hold_trader, market_key, place_of
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.service import OrderDraft
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.models import Strategy
from app.trading.targets import Target
from app.trading.words import MarketType, OrderType, PositionSide, Purpose, TimeInForce

ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)


async def enter(tools: Tools, signal_id: UUID, *, hand_over: bool = True) -> Order | None:
    """Turn an approved opening signal into an order intent, or say why not.

    Args:
        tools: prices, venues and the database.
        signal_id: the signal.
        hand_over: leave the sending to the worker; False when the caller sends it itself.

    Returns:
        The intent to be sent; None when there is nothing to send now: denied, expired, waiting
        for a book to close or an outcome to be known, or not approved any more.
    """
    async with tools.database.read() as session:
        signal = await signals.get(session, signal_id)
        if signal.status is not SignalStatus.APPROVED:
            return None
        place = await place_of(session, tools, signal.account_id, signal.symbol)
    failpoint("C13")
    why_wait = tools.agreement.why_wait(signal.account_id)
    if why_wait is not None:
        if signal.reason != why_wait:
            await _note(tools, signal_id, why_wait)
        return None
    try:
        outside = await ask_outside(tools, place)
    except ExchangeError as silence:
        await _note(tools, signal_id, f"{silence.code}: {silence.detail}")
        return None
    async with tools.database.transaction() as session:
        # Limits are the trader's: two of their entries are never judged at the same moment.
        await hold_trader(session, tools, Signal, signal_id)
        signal, strategy = await _load(session, signal_id)
        if signal.status is not SignalStatus.APPROVED:
            return None
        case = EntryCase(signal, strategy, place, outside)
        return await _enter(session, tools, case, hand_over=hand_over)


_SIGNAL: Final = (
    select(Signal, Strategy)
    .join(Strategy, Strategy.id == Signal.strategy_id)
    .where(Signal.id == bindparam("signal_id"))
)


async def _load(session: AsyncSession, signal_id: UUID) -> tuple[Signal, Strategy]:
    signal, strategy = (await session.execute(_SIGNAL, {"signal_id": signal_id})).one()
    return signal, strategy


async def _enter(
    session: AsyncSession, tools: Tools, case: EntryCase, *, hand_over: bool
) -> Order | None:
    now, signal = tools.now(), case.signal
    if signal.expires_at <= now:
        await signal_service.expire(session, signal, now=now)
        return None
    held = await holdings_beside(session, case.place)
    if _must_wait(held, signal):
        # However long it waits, it is held to the first price it met.
        signal.reference_price = signal.reference_price or case.outside.quote.fair
        return None
    try:
        judgement = await judge(session, tools, case, now=now, held=held)
        if judgement.denial is not None:
            raise judgement.denial
    except (Denied, Invalid) as denial:
        refusal = Denied(denial.detail, code=denial.code)
        await signal_service.deny(session, signal, refusal, now=now)
        return None
    failpoint("C14")
    await note_coins(session, tools, case.place, case.outside.balances)
    return await _intend(session, case, judgement, now=now, hand_over=hand_over)


def _must_wait(held: Holdings, signal: Signal) -> bool:
    """A flip's entry waits until the old book is proven flat; nobody overtakes an unknown order."""
    at = (signal.account_id, signal.symbol)
    own_exits = [order for order in held.exits if order.strategy_id == signal.strategy_id]
    return any((one.account_id, one.symbol) == at for one in (*held.unknown, *own_exits))


async def _intend(
    session: AsyncSession,
    case: EntryCase,
    judgement: Judgement,
    *,
    now: datetime,
    hand_over: bool,
) -> Order:
    signal = case.signal
    order_type, limit_price, in_force = _how(case, judgement)
    is_spot = case.place.account.market_type is MarketType.SPOT
    signal.quantity = judgement.sized.quantity
    signal.stop_loss, signal.take_profit = judgement.stop_loss, judgement.take_profit
    signal.targets = _several(judgement.targets)
    draft = OrderDraft(
        user_id=signal.user_id,
        account_id=signal.account_id,
        strategy_id=signal.strategy_id,
        symbol=signal.symbol,
        side=signal.position_side.opening_side,
        quantity=judgement.sized.quantity,
        purpose=Purpose.ENTRY,
        reference_price=judgement.entry.executable_price,
        order_type=order_type,
        limit_price=limit_price,
        time_in_force=in_force,
        leverage=None if is_spot else judgement.leverage,
        margin_mode=None if is_spot else case.strategy.margin_mode,
        signal_id=signal.id,
        stop_loss=judgement.stop_loss,
        take_profit=judgement.take_profit,
        targets=_several(judgement.targets),
        trailing_percent=judgement.trailing_percent,
        expires_at=signal.expires_at,
    )
    order = await order_service.intend(
        session, draft, now=now, cause=signal.decided_by or "system", hand_over=hand_over
    )
    await signal_service.finish(session, signal, SignalStatus.EXECUTING, now=now)
    return order


def _several(targets: tuple[Target, ...]) -> tuple[Target, ...] | None:
    """None for one target that sells everything: its price alone says it."""
    is_plain = len(targets) <= 1 and all(one.fraction == ONE for one in targets)
    return None if is_plain else targets


def _how(
    case: EntryCase, judgement: Judgement
) -> tuple[OrderType, Decimal | None, TimeInForce | None]:
    """Order type, limit price and time in force; a slippage limit turns market into IOC."""
    signal, instrument = case.signal, case.place.instrument
    if signal.order_type is OrderType.LIMIT:
        return OrderType.LIMIT, case.limit_price, TimeInForce.GTC
    most = case.strategy.max_slippage_percent
    if most is None:
        return OrderType.MARKET, None, None
    price, sign = judgement.entry.executable_price, signal.position_side.sign
    with localcontext(EXACT):
        worst = price * (ONE + sign * most / HUNDRED)
    is_long = signal.position_side is PositionSide.LONG
    limit = instrument.floor_price(worst) if is_long else instrument.ceil_price(worst)
    return OrderType.LIMIT, limit, TimeInForce.IOC


async def note_reference(tools: Tools, signal_id: UUID) -> None:
    """Remember the price at receipt for a signal whose alert brought none (TRADING 23)."""
    async with tools.database.read() as session:
        signal = await signals.get(session, signal_id)
        place = await place_of(session, tools, signal.account_id, signal.symbol)
    if signal.reference_price is not None:
        return
    quote = await tools.fresh_quote(market_key(place.account, signal.symbol))
    async with tools.database.transaction() as session:
        signal = await signals.get(session, signal_id)
        if signal.reference_price is None:
            signal.reference_price = quote.fair


async def _note(tools: Tools, signal_id: UUID, reason: str) -> None:
    async with tools.database.transaction() as session:
        signal = await signals.get(session, signal_id)
        if signal.status is SignalStatus.APPROVED:
            signal.reason = reason
