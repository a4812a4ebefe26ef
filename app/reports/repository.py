"""The rows that reports read."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.db.symbols import symbol_is
from app.pipeline.pnl.models import Booking, FundingPayment
from app.pipeline.positions.models import Position
from app.strategies.models import Strategy


class Booked(NamedTuple):
    """What one fill has earned, on the day that it was booked on."""

    is_paper: bool
    currency: str
    day: date
    amount: Decimal


class Funded(NamedTuple):
    """What one funding payment has brought, or cost."""

    is_paper: bool
    currency: str
    paid_at: datetime
    amount: Decimal


async def strategy_names(session: AsyncSession, user_id: UUID) -> dict[UUID, str]:
    """The user's strategies by id, those of manual orders included."""
    query = select(Strategy.id, Strategy.name).where(Strategy.user_id == user_id)
    return {row.id: row.name for row in await session.execute(query)}


async def opened_and_closed(
    session: AsyncSession,
    user_id: UUID,
    *,
    since: datetime | None,
    until: datetime | None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> Sequence[tuple[bool, datetime | None, datetime | None]]:
    """Paper or not, opening and closing time of each position that did either in that time."""
    query = (
        select(ExchangeAccount.is_paper, Position.opened_at, Position.closed_at)
        .join(ExchangeAccount, ExchangeAccount.id == Position.account_id)
        .where(Position.user_id == user_id, Position.opened_at.is_not(None))
    )
    if since is not None:
        query = query.where(or_(Position.opened_at >= since, Position.closed_at >= since))
    if until is not None:
        query = query.where(Position.opened_at < until)
    if strategy_id is not None:
        query = query.where(Position.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Position.symbol, symbol))
    return [(paper, opened, closed) for paper, opened, closed in await session.execute(query)]


async def booked(
    session: AsyncSession, user_id: UUID, *, strategy_id: UUID | None, symbol: str | None
) -> Sequence[Booked]:
    """What fills have earned, net of their fees."""
    query = (
        select(Booking.is_paper, Booking.currency, Booking.day, Booking.net_pnl)
        .join(Position, Position.id == Booking.position_id)
        .where(Booking.user_id == user_id)
    )
    if strategy_id is not None:
        query = query.where(Booking.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Position.symbol, symbol))
    return [Booked(*row) for row in await session.execute(query)]


async def funded(
    session: AsyncSession, user_id: UUID, *, strategy_id: UUID | None, symbol: str | None
) -> Sequence[Funded]:
    """What funding has brought to books; what no book bears is nobody's result."""
    query = (
        select(
            ExchangeAccount.is_paper,
            FundingPayment.currency,
            FundingPayment.paid_at,
            FundingPayment.amount,
        )
        .join(Position, Position.id == FundingPayment.position_id)
        .join(ExchangeAccount, ExchangeAccount.id == Position.account_id)
        .where(Position.user_id == user_id)
    )
    if strategy_id is not None:
        query = query.where(Position.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Position.symbol, symbol))
    return [Funded(*row) for row in await session.execute(query)]
