"""The rows that reports read."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.pipeline.positions.models import Position
from app.strategies.models import Strategy


async def strategy_names(session: AsyncSession, user_id: UUID) -> dict[UUID, str]:
    """The user's strategies by id, those of manual orders included."""
    query = select(Strategy.id, Strategy.name).where(Strategy.user_id == user_id)
    return {row.id: row.name for row in await session.execute(query)}


async def opened_and_closed(
    session: AsyncSession, user_id: UUID, *, since: datetime | None, until: datetime | None
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
    return [(paper, opened, closed) for paper, opened, closed in await session.execute(query)]
