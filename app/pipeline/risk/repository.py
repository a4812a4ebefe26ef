"""Every query on limits, switches and freezes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import User
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.loosening import TraderLimits
from app.pipeline.risk.models import DailyFreeze, KillSwitch, RiskProfile


async def profile(session: AsyncSession, user_id: UUID) -> RiskProfile | None:
    """The trader's limits; None while they never set any."""
    return await session.get(RiskProfile, user_id)


async def profile_to_change(session: AsyncSession, user_id: UUID) -> RiskProfile | None:
    """As `profile`, kept from other writers: which limit is tighter depends on those before."""
    return await session.get(RiskProfile, user_id, with_for_update=True)


async def asks_second(session: AsyncSession, user_id: UUID, *, now: datetime) -> bool:
    """Whether the trader wants a second person's consent to large entries."""
    limits = limits_at(await profile(session, user_id), now=now)
    return limits.in_force.second_approval_above is not None


async def approver_of(session: AsyncSession, limits: TraderLimits) -> User | None:
    """Whose consent these limits ask for; None when nobody's."""
    return None if limits.approver is None else await session.get(User, limits.approver)


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
    """Rows of every trader who set a daily loss; one that waited to be lifted may be among them."""
    query = select(RiskProfile).where(RiskProfile.max_daily_loss.is_not(None))
    return (await session.scalars(query)).all()


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a trader's own rules binds an entry now.

    Attributes:
        owner: the trader, who may have been switched off meanwhile.
        profile: the limits; None while they never set any.
        has_switch_on: whether any kill switch is on.
        freeze: the latch of the day asked about, if it fell.
    """

    owner: User
    profile: RiskProfile | None
    has_switch_on: bool
    freeze: DailyFreeze | None


_ASKED: Final = select(bindparam("user_id", type_=Uuid()).label("user_id")).subquery()
_SWITCHES: Final = select(func.count()).where(
    KillSwitch.user_id == bindparam("user_id", type_=Uuid()), KillSwitch.is_on.is_(True)
)
# Built once: it is asked for every entry.
_STANDING: Final = (
    select(User, RiskProfile, DailyFreeze, _SWITCHES.scalar_subquery())
    .select_from(_ASKED)
    .join(User, User.id == _ASKED.c.user_id)
    .outerjoin(RiskProfile, RiskProfile.user_id == _ASKED.c.user_id)
    .outerjoin(
        DailyFreeze,
        and_(
            DailyFreeze.user_id == _ASKED.c.user_id,
            DailyFreeze.is_paper == bindparam("is_paper"),
            DailyFreeze.currency == bindparam("currency"),
            DailyFreeze.day == bindparam("day"),
        ),
    )
)


async def standing(
    session: AsyncSession, user_id: UUID, *, day: date, currency: str, is_paper: bool
) -> Standing:
    """The trader, their limits, switches and latch in one question."""
    asked = {"user_id": user_id, "day": day, "currency": currency, "is_paper": is_paper}
    owner, profile_row, latch, count = (await session.execute(_STANDING, asked)).one()
    return Standing(owner, profile_row, has_switch_on=count > 0, freeze=latch)
