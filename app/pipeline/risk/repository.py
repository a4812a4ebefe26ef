"""Every query on limits, switches and freezes."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.risk.models import DailyFreeze, KillSwitch, RiskProfile


async def profile(session: AsyncSession, user_id: UUID) -> RiskProfile | None:
    """The trader's limits; None while they never set any."""
    return await session.get(RiskProfile, user_id)


async def switches_on(session: AsyncSession, user_id: UUID) -> Sequence[KillSwitch]:
    """The trader's kill switches that are on."""
    query = select(KillSwitch).where(KillSwitch.user_id == user_id, KillSwitch.is_on.is_(True))
    return (await session.scalars(query)).all()


async def freeze(
    session: AsyncSession, user_id: UUID, day: date, currency: str, *, is_paper: bool
) -> DailyFreeze | None:
    """The latch of one day, if it fell."""
    return await session.get(DailyFreeze, (user_id, is_paper, currency, day))


async def freezes_on(session: AsyncSession, user_id: UUID, day: date) -> Sequence[DailyFreeze]:
    """Every latch that fell on a day."""
    query = select(DailyFreeze).where(DailyFreeze.user_id == user_id, DailyFreeze.day == day)
    return (await session.scalars(query)).all()


async def profiles_with_daily_loss(session: AsyncSession) -> Sequence[RiskProfile]:
    """Limits of every trader who set a daily loss."""
    query = select(RiskProfile).where(RiskProfile.max_daily_loss.is_not(None))
    return (await session.scalars(query)).all()
