"""Questions about bots."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.bots.models import Bot, BotMarket
from app.bots.status import AT_WORK, BotStatus
from app.core.errors import NotFound


def listing(
    user_id: UUID, *, status: BotStatus | None = None, strategy_id: UUID | None = None
) -> Select[tuple[Bot]]:
    """The user's bots, narrowed by what is given."""
    query = select(Bot).where(Bot.user_id == user_id).options(selectinload(Bot.markets))
    if status is not None:
        query = query.where(Bot.status == status)
    if strategy_id is not None:
        query = query.where(Bot.strategy_id == strategy_id)
    return query


async def own(session: AsyncSession, bot_id: UUID, user_id: UUID) -> Bot:
    """A user's bot as it is now.

    Raises:
        NotFound: it is not there, or somebody else's.
    """
    query = listing(user_id).where(Bot.id == bot_id).execution_options(populate_existing=True)
    bot = await session.scalar(query)
    if bot is None:
        raise NotFound("There is no such bot.")
    return bot


async def count_at_work(session: AsyncSession, user_id: UUID) -> int:
    """How many bots of a user are started."""
    query = select(func.count()).where(Bot.user_id == user_id, Bot.status.in_(AT_WORK))
    return await session.scalar(query) or 0


async def taken_symbols(
    session: AsyncSession, strategy_id: UUID, symbols: Collection[str]
) -> list[str]:
    """Those of the symbols on which a bot of the strategy is at work."""
    query = (
        select(BotMarket.symbol)
        .join(Bot, Bot.id == BotMarket.bot_id)
        .where(
            Bot.strategy_id == strategy_id,
            Bot.status.in_(AT_WORK),
            BotMarket.symbol.in_(symbols),
        )
    )
    return sorted(set((await session.scalars(query)).all()))


async def count_by_status(session: AsyncSession, user_id: UUID | None) -> Mapping[str, int]:
    """How many bots there are in each status: of a user, or of all."""
    query = select(Bot.status, func.count().label("number")).group_by(Bot.status)
    if user_id is not None:
        query = query.where(Bot.user_id == user_id)
    counts = dict.fromkeys(BotStatus, 0)
    counts.update({row.status: row.number for row in await session.execute(query)})
    return {status.value: count for status, count in counts.items()}
