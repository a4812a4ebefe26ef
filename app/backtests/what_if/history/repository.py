"""The rows that a what-if reads: one question per table, however many alarms there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import ExchangeAccount
from app.market.candles.models import CandleRow
from app.market.prices import PriceKey
from app.pipeline.alarms.models import TEST_SOURCE, Alarm
from app.pipeline.orders.models import Order
from app.pipeline.pnl.models import Booking, FundingPayment
from app.pipeline.positions.models import Position
from app.pipeline.signals.models import Signal
from app.strategies.models import Strategy
from app.trading.candle import PriceKind
from app.trading.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class Choice:
    """Which part of the past: strategies of one user, and a range; `until` is exclusive."""

    strategy_ids: Sequence[UUID]
    since: datetime | None
    until: datetime

    def alarms(self) -> list[ColumnElement[bool]]:
        """What an alarm of it has to be; tests move nothing and are none."""
        return [
            Alarm.strategy_id.in_(self.strategy_ids),
            ~Alarm.source.startswith(TEST_SOURCE),
            *self.within(Alarm.received_at),
        ]

    def within(self, column: InstrumentedAttribute[datetime]) -> list[ColumnElement[bool]]:
        """Whether a moment is in the range."""
        since = [] if self.since is None else [column >= self.since]
        return [*since, column < self.until]


async def strategies(
    session: AsyncSession, user_id: UUID
) -> Sequence[Row[tuple[Strategy, ExchangeAccount]]]:
    """All strategies of the user with their accounts; manual orders' books are none."""
    query = (
        select(Strategy, ExchangeAccount)
        .join(ExchangeAccount, ExchangeAccount.id == Strategy.account_id)
        .where(Strategy.user_id == user_id, Strategy.is_manual.is_(False))
        .order_by(Strategy.id)
    )
    return (await session.execute(query)).all()


async def alarms(session: AsyncSession, choice: Choice, *, most: int) -> Sequence[Alarm]:
    """Up to so many alarms, by receipt."""
    query = select(Alarm).where(*choice.alarms()).order_by(Alarm.received_at, Alarm.id)
    return (await session.scalars(query.limit(most))).all()


async def signals(session: AsyncSession, choice: Choice) -> Sequence[Signal]:
    """What those alarms led to."""
    query = (
        select(Signal)
        .join(Alarm, Alarm.id == Signal.alarm_id)
        .where(*choice.alarms(), Signal.is_test.is_(False))
        .order_by(Signal.alarm_id, Signal.part)
    )
    return (await session.scalars(query)).all()


class Sent(NamedTuple):
    """What a replay needs of an order."""

    signal_id: UUID
    position_id: UUID | None
    quantity: Decimal
    reference_price: Decimal
    created_at: datetime


async def orders(session: AsyncSession, choice: Choice) -> Sequence[Sent]:
    """The orders that those signals led to, oldest first."""
    query = (
        select(
            Order.signal_id,
            Order.position_id,
            Order.quantity,
            Order.reference_price,
            Order.created_at,
        )
        .join(Signal, Signal.id == Order.signal_id)
        .join(Alarm, Alarm.id == Signal.alarm_id)
        .where(*choice.alarms())
        .order_by(Order.created_at, Order.id)
    )
    return [Sent(*row) for row in await session.execute(query)]


async def positions(session: AsyncSession, choice: Choice) -> Sequence[Position]:
    """Positions of the strategies that were there in the range, oldest first."""
    query = select(Position).where(
        Position.strategy_id.in_(choice.strategy_ids), Position.created_at < choice.until
    )
    if choice.since is not None:
        # Funding may be paid for what is closed.
        paid = select(FundingPayment.position_id).where(*choice.within(FundingPayment.paid_at))
        was_there = (Position.closed_at.is_(None), Position.closed_at >= choice.since)
        query = query.where(or_(*was_there, Position.id.in_(paid)))
    return (await session.scalars(query.order_by(Position.created_at, Position.id))).all()


async def bookings(session: AsyncSession, choice: Choice) -> Sequence[Booking]:
    """What closing fills of the range have brought, oldest first."""
    query = select(Booking).where(
        Booking.strategy_id.in_(choice.strategy_ids), *choice.within(Booking.booked_at)
    )
    return (await session.scalars(query.order_by(Booking.booked_at, Booking.id))).all()


async def funding(session: AsyncSession, choice: Choice) -> Sequence[FundingPayment]:
    """What those strategies' books were paid, or paid, in the range."""
    query = (
        select(FundingPayment)
        .join(Position, Position.id == FundingPayment.position_id)
        .where(
            Position.strategy_id.in_(choice.strategy_ids),
            *choice.within(FundingPayment.paid_at),
        )
    )
    return (await session.scalars(query.order_by(FundingPayment.paid_at))).all()


async def count_candles(
    session: AsyncSession,
    market: PriceKey,
    timeframe: Timeframe,
    *,
    since: datetime,
    until: datetime,
) -> int:
    """How many candles of a market open in a range, of its last price."""
    query = select(func.count()).where(
        *_candles_of(market, since, until), CandleRow.timeframe == timeframe
    )
    return await session.scalar(query) or 0


async def candle_prices(
    session: AsyncSession,
    market: PriceKey,
    timeframe: Timeframe,
    *,
    since: datetime,
    until: datetime,
) -> Sequence[Row[tuple[datetime, Decimal, Decimal, Decimal, Decimal]]]:
    """Open time, open, high, low and close of those candles, oldest first."""
    query = (
        select(CandleRow.open_time, CandleRow.open, CandleRow.high, CandleRow.low, CandleRow.close)
        .where(*_candles_of(market, since, until), CandleRow.timeframe == timeframe)
        .order_by(CandleRow.open_time)
    )
    return (await session.execute(query)).all()


def _candles_of(
    market: PriceKey, since: datetime, until: datetime
) -> tuple[ColumnElement[bool], ...]:
    return (
        CandleRow.exchange == market.exchange,
        CandleRow.market_type == market.market_type,
        CandleRow.symbol == market.symbol,
        CandleRow.price == PriceKind.LAST,
        CandleRow.open_time >= since,
        CandleRow.open_time < until,
    )
