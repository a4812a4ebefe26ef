"""Every query on twins and gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.changing import changed
from app.pipeline.alarms.gaps.models import Gap, Twin
from app.pipeline.alarms.models import BY_HAND, TEST_SOURCE, Alarm
from app.pipeline.alarms.status import GapKind, GapStatus
from app.strategies.models import Strategy

# Asked on the way from an alert to its order, so built once (docs/decisions/0018).
_AT: Final = {
    "strategy_id": bindparam("strategy_id", type_=Uuid()),
    "symbol": bindparam("symbol", type_=String()),
}
_TWIN: Final = select(Twin).where(
    Twin.strategy_id == _AT["strategy_id"], Twin.symbol == _AT["symbol"]
)
_OPEN_OF: Final = (
    select(Gap)
    .where(
        Gap.strategy_id == _AT["strategy_id"],
        Gap.symbol == _AT["symbol"],
        Gap.status == GapStatus.OPEN,
        Gap.kind == GapKind.CHAIN,
    )
    .order_by(Gap.id)
)


async def twin(session: AsyncSession, strategy_id: UUID, symbol: str) -> Twin | None:
    """What TradingView says that the strategy holds; None when it never said it."""
    asked = {"strategy_id": strategy_id, "symbol": symbol}
    found: Twin | None = await session.scalar(_TWIN, asked)
    return found


async def open_of(session: AsyncSession, strategy_id: UUID, symbol: str) -> Sequence[Gap]:
    """Undecided gaps of a strategy's chain, oldest first."""
    asked = {"strategy_id": strategy_id, "symbol": symbol}
    return (await session.scalars(_OPEN_OF, asked)).all()


async def owned(session: AsyncSession, gap_id: UUID, user_id: UUID) -> Gap:
    """A gap of this user.

    Raises:
        NotFound: no such gap, or somebody else's.
    """
    row = await session.get(Gap, gap_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no gap {gap_id}.")
    return row


async def claim(
    session: AsyncSession, gap_id: UUID, *, frm: GapStatus, to: GapStatus, **values: object
) -> bool:
    """Move a gap for one caller only; False when another one was faster."""
    statement = update(Gap).where(Gap.id == gap_id, Gap.status == frm)
    return await changed(session, statement.values(status=to, **values)) == 1


async def revealed_by(session: AsyncSession, alarm_id: UUID) -> Gap | None:
    """The gap that an alarm revealed; the first, should it speak of several markets."""
    query = select(Gap).where(Gap.alarm_id == alarm_id).order_by(Gap.id).limit(1)
    found: Gap | None = await session.scalar(query)
    return found


async def repaired_by(session: AsyncSession, alarm_id: UUID) -> Gap | None:
    """The gap that an alarm is to repair."""
    query = select(Gap).where(Gap.repair_alarm_id == alarm_id, Gap.status == GapStatus.REPAIRING)
    found: Gap | None = await session.scalar(query)
    return found


async def untold(session: AsyncSession, *, before: datetime) -> Sequence[Gap]:
    """Gaps that have been open since then, and nobody was told."""
    query = select(Gap).where(
        Gap.status == GapStatus.OPEN, Gap.opened_at <= before, Gap.told_at.is_(None)
    )
    return (await session.scalars(query.order_by(Gap.id))).all()


def listing(
    user_id: UUID, *, status: GapStatus | None = None, strategy_id: UUID | None = None
) -> Select[tuple[Gap]]:
    """The user's gaps, narrowed by what is given."""
    query = select(Gap).where(Gap.user_id == user_id)
    if status is not None:
        query = query.where(Gap.status == status)
    if strategy_id is not None:
        query = query.where(Gap.strategy_id == strategy_id)
    return query


@dataclass(frozen=True, slots=True)
class Hearing:
    """When a strategy was heard of last, and when it fell silent last.

    Attributes:
        last_alert_at: when its newest alert arrived; one by hand is no sign of life.
        silent_at: when its latest silence was opened.
        is_silent: whether a silence is open.
    """

    strategy: Strategy
    last_alert_at: datetime | None
    silent_at: datetime | None
    is_silent: bool


_CAME_BY_ITSELF: Final = and_(
    ~Alarm.source.startswith(BY_HAND), ~Alarm.source.startswith(TEST_SOURCE)
)
# The newest row of an index, not the largest of all: it is asked every two seconds.
_LAST_ALERT: Final = (
    select(Alarm.received_at)
    .where(Alarm.strategy_id == Strategy.id, _CAME_BY_ITSELF)
    .order_by(Alarm.received_at.desc())
    .limit(1)
    .correlate(Strategy)
    .scalar_subquery()
)
_LAST_SILENCE: Final = (
    select(func.max(Gap.opened_at))
    .where(Gap.strategy_id == Strategy.id, Gap.kind == GapKind.SILENCE)
    .correlate(Strategy)
    .scalar_subquery()
)
_SILENT: Final = select(Gap.strategy_id).where(
    Gap.kind == GapKind.SILENCE, Gap.status == GapStatus.OPEN
)
_IS_SILENT: Final = Strategy.id.in_(_SILENT)
_HEARINGS: Final = select(Strategy, _LAST_ALERT, _LAST_SILENCE, _IS_SILENT).where(
    or_(Strategy.heartbeat_seconds.is_not(None), _IS_SILENT)
)


async def hearings(session: AsyncSession, strategy_id: UUID | None = None) -> Sequence[Hearing]:
    """Every strategy that has a heartbeat, or is silent; or this one of them."""
    query = _HEARINGS if strategy_id is None else _HEARINGS.where(Strategy.id == strategy_id)
    return [Hearing(*row) for row in (await session.execute(query)).all()]


async def open_silence(session: AsyncSession, strategy_id: UUID) -> Gap | None:
    """The silence of a strategy that nobody has decided."""
    query = select(Gap).where(
        Gap.strategy_id == strategy_id,
        Gap.kind == GapKind.SILENCE,
        Gap.status == GapStatus.OPEN,
    )
    found: Gap | None = await session.scalar(query.limit(1))
    return found


async def last_heard(session: AsyncSession, strategy_id: UUID) -> UUID | None:
    """The newest alarm of a strategy that did not come by hand."""
    query = (
        select(Alarm.id)
        .where(Alarm.strategy_id == strategy_id, _CAME_BY_ITSELF)
        .order_by(Alarm.received_at.desc())
        .limit(1)
    )
    found: UUID | None = await session.scalar(query)
    return found
