"""Chapter 6: what a crash, a lost note or the clock left to do is found by its status and done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import guesses
from app.accounts.live import tickets
from app.accounts.models import ExchangeAccount, User
from app.db import outbox
from app.http import request_keys
from app.market.prices import PriceKey
from app.pipeline import wakeups
from app.pipeline.alarms import claims
from app.pipeline.alarms import repository as alarms
from app.pipeline.flow.exposure import Holdings, holdings, unrealised_change
from app.pipeline.flow.tools import Tools, hold_trader, hold_user, market_key
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl import repository as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions.book import unrealised
from app.pipeline.positions.models import Position
from app.pipeline.positions.service import book_of, has_levels
from app.pipeline.risk import repository as risk
from app.pipeline.risk import service as risk_service
from app.pipeline.risk.exposure import daily_loss_state
from app.pipeline.risk.in_force import limits_at
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Work
from app.trading.days import trading_day
from app.trading.words import CloseReason, OrderType, Purpose

ZERO: Final = Decimal(0)
# Younger ones are in somebody's hands at this moment.
SETTLED_AFTER: Final = timedelta(seconds=2)
RESTING_CHECK: Final = timedelta(seconds=5)
RESTING: Final = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED})
NOTES_KEPT: Final = timedelta(hours=1)
# Whoever was away for longer loads everything anew.
CHANGES_KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is missing, and the account and symbol it belongs to."""

    work: Work
    subject_id: UUID
    lane: tuple[UUID, str]
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep found to be done.

    Attributes:
        alarms: stored and not decided.
        due: steps by signal and order.
        exits: positions that still have to be closed, after an exit that died, or whose time is up.
        guarded: positions with a stop or a target.
        live: every order that may still be filled.
    """

    alarms: Sequence[UUID]
    due: Sequence[Due]
    exits: Sequence[tuple[UUID, CloseReason]]
    guarded: Sequence[Position]
    live: Sequence[Order]


async def find_due(
    tools: Tools, *, is_start: bool = False, asked: Mapping[UUID, datetime] | None = None
) -> Found:
    """Everything whose status says that a step is missing.

    Args:
        tools: the database and the clock.
        is_start: True at start-up: nothing can be in anybody's hands, so nothing is too young.
        asked: when the venue was last asked about an order; no news of it is written nowhere.
    """
    asked = asked or {}
    settled = tools.now() - (timedelta(0) if is_start else SETTLED_AFTER)
    async with tools.database.read() as session:
        undecided = await alarms.undecided(session, before=settled)
        approved = await signals.in_status(session, SignalStatus.APPROVED)
        unweighed = await signals.to_be_weighed(session)
        live = await orders.live(session)
        steps = [
            Due(
                signal_service.step_of(one),
                one.id,
                (one.account_id, one.symbol),
                is_urgent=not one.action.opens,
            )
            for one in (*approved, *unweighed)
        ]
        steps += [
            Due(
                _step_of(one),
                one.id,
                order_service.lane_of(one),
                is_urgent=order_service.is_exit(one),
            )
            for one in live
            if is_start or _is_due(one, tools, asked.get(one.id))
        ]
        exits = [
            (one.id, one.close_reason)
            for one in await positions.to_be_closed(session)
            if one.close_reason is not None
        ]
        exits += [
            (one.id, CloseReason.SCHEDULED) for one in await positions.overdue(session, tools.now())
        ]
        guarded = [one for one in await positions.held(session) if has_levels(one)]
    return Found(undecided, steps, exits, guarded, live)


async def held_books(tools: Tools) -> list[tuple[Position, PriceKey]]:
    """Every book that is not flat, with the market whose prices guard it."""
    async with tools.database.read() as session:
        rows = await positions.held(session)
        wanted = {row.account_id for row in rows}
        query = select(ExchangeAccount).where(ExchangeAccount.id.in_(wanted))
        accounts = {one.id: one for one in (await session.scalars(query)).all()} if wanted else {}
    return [(row, market_key(accounts[row.account_id], row.symbol)) for row in rows]


def _step_of(order: Order) -> Work:
    return Work.CANCEL if order.cancel_requested_at is not None else Work.ORDER


def _is_due(order: Order, tools: Tools, asked_at: datetime | None) -> bool:
    wait = SETTLED_AFTER
    if order.status in RESTING:
        is_patient = order.order_type is OrderType.LIMIT or order.is_conditional
        wait = RESTING_CHECK if is_patient else SETTLED_AFTER
    last = max(order.updated_at, asked_at or order.updated_at)
    return last <= tools.now() - wait or order.status is OrderStatus.UNKNOWN


async def expire(tools: Tools) -> None:
    """Let signals lapse whose time ran out, and have resting entries cancelled (TRADING 20)."""
    async with tools.database.read() as session:
        lapsed = [signal.id for signal in await signals.overdue(session, tools.now())]
        rests = [order.id for order in await orders.live(session) if _is_over(order, tools)]
    for signal_id in lapsed:
        await _lapse(tools, signal_id)
    for order_id in rests:
        await _end_rest(tools, order_id)


async def _lapse(tools: Tools, signal_id: UUID) -> None:
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Signal, signal_id)
        signal = await signals.get(session, signal_id)
        if signal.status in {SignalStatus.PENDING, SignalStatus.APPROVED}:
            await signal_service.expire(session, signal, now=tools.now())


async def _end_rest(tools: Tools, order_id: UUID) -> None:
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order_id)
        order = await orders.get(session, order_id)
        if order.is_final:
            return
        is_sent = order.status is not OrderStatus.CREATED
        order.reason = f"expired{'_unfilled' if is_sent else ''}: It was not filled in time."
        await order_service.request_cancel(session, order, actor="rule:ttl", now=tools.now())


def _is_over(order: Order, tools: Tools) -> bool:
    is_resting_entry = order.purpose is Purpose.ENTRY and order.cancel_requested_at is None
    return is_resting_entry and order.expires_at is not None and order.expires_at <= tools.now()


async def keep_day(tools: Tools) -> None:
    """Turn the trader's day at their midnight, and latch a day whose loss limit is reached."""
    async with tools.database.read() as session:
        profiles = await risk.profiles_with_daily_loss(session)
        held = await positions.held(session)
    users = {one.user_id for one in held} | {one.user_id for one in profiles}
    for user_id in users:
        await _keep_day_of(tools, user_id)


@dataclass(frozen=True, slots=True)
class _Day:
    """A trader's day as of one moment: none is held against the limit of the one before."""

    user_id: UUID
    day: date
    loss_limit: Decimal | None
    now: datetime


async def _keep_day_of(tools: Tools, user_id: UUID) -> None:
    async with tools.database.transaction() as session:
        await hold_user(session, tools, user_id)
        user = await session.get_one(User, user_id)
        now = tools.now()
        limits = limits_at(await risk.profile(session, user_id), now=now).in_force
        today = _Day(
            user_id, trading_day(now, zone=ZoneInfo(user.timezone)), limits.max_daily_loss, now
        )
        for is_paper in (False, True):
            held = await holdings(session, user_id, is_paper=is_paper)
            _turn_day(tools, held, today.day)
            if today.loss_limit is not None:
                await _latch(session, tools, held, today, is_paper=is_paper)


def _turn_day(tools: Tools, held: Holdings, today: date) -> None:
    for position in held.positions:
        if position.day_start_on == today:
            continue
        account = held.accounts[position.account_id]
        instrument = tools.instruments.get(account.exchange, account.market_type, position.symbol)
        quote = tools.prices.latest(market_key(account, position.symbol))
        if instrument is not None and quote is not None:
            position.day_start_on = today
            position.day_start_unrealized = unrealised(book_of(position, instrument), quote.fair)


async def _latch(
    session: AsyncSession, tools: Tools, held: Holdings, today: _Day, *, is_paper: bool
) -> None:
    """Freeze each settle currency whose day has lost as much as allowed."""
    tomorrow = today.day + timedelta(days=1)
    rows = {
        row.currency: row.realized_pnl
        for row in await pnl.days(session, today.user_id, since=today.day, until=tomorrow)
        if row.is_paper is is_paper
    }
    for currency in set(rows) | _settle_currencies(tools, held):
        state = daily_loss_state(
            rows.get(currency, ZERO),
            (unrealised_change(tools, held, currency=currency),),
            limit=today.loss_limit,
        )
        if state.is_reached:
            await risk_service.latch_daily_loss(
                session,
                today.user_id,
                day=today.day,
                currency=currency,
                is_paper=is_paper,
                loss=state.loss,
                now=today.now,
            )


def _settle_currencies(tools: Tools, held: Holdings) -> set[str]:
    found = set()
    for position in held.positions:
        account = held.accounts[position.account_id]
        instrument = tools.instruments.get(account.exchange, account.market_type, position.symbol)
        if instrument is not None:
            found.add(instrument.settle)
    return found


async def keep_peaks(tools: Tools, peaks: Mapping[UUID, Decimal]) -> set[UUID]:
    """Store the best prices that trailing stops follow, so that a restart goes on from there.

    Returns:
        The positions whose best price moved: their stop at the venue may have to follow.
    """
    async with tools.database.read() as session:
        rows = await positions.held(session)
    moved = {row.id for row in rows if row.id in peaks and peaks[row.id] != row.trailing_peak}
    if not moved:
        return moved
    async with tools.database.transaction() as session:
        for position_id in moved:
            position = await positions.get(session, position_id)
            position.trailing_peak = peaks[position_id]
    return moved


async def tidy(tools: Tools) -> None:
    """Drop what nobody needs: notes, claims, keys of requests, tickets, guesses, old changes."""
    now = tools.now()
    async with tools.database.transaction() as session:
        await wakeups.forget_before(session, now - NOTES_KEPT)
        await claims.forget_lapsed(session, now=now)
        await guesses.forget_old(session, now=now)
        await tickets.forget_old(session, now=now)
        await request_keys.forget_before(session, now - request_keys.KEPT)
        await outbox.forget_before(session, now - CHANGES_KEPT)
