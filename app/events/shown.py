"""What is told of a change: the row as the API answers it, as it is at this moment."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.bots import repository as bots
from app.bots.models import Bot
from app.bots.schemas import BotOut
from app.db.base import Base
from app.desk.positions import detail_of
from app.events.listener import Subject
from app.http.schemas import Out
from app.jobs.models import Job
from app.jobs.schemas import JobOut
from app.notifications.models import Notice
from app.notifications.schemas import NoticeOut
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.schemas import AlarmOut
from app.pipeline.flow.tools import Tools
from app.pipeline.orders.models import Order
from app.pipeline.orders.schemas import OrderOut
from app.pipeline.pnl import repository as pnl
from app.pipeline.pnl.schemas import DailyPnlOut
from app.pipeline.positions.models import Position
from app.pipeline.signals.models import Signal
from app.pipeline.signals.schemas import SignalOut

RowT = TypeVar("RowT", bound=Base)
Shown = Mapping[str, Out]


async def shown(
    session: AsyncSession, tools: Tools, user_id: UUID, subjects: Iterable[Subject]
) -> dict[Subject, Out]:
    """The rows that have changed, as they are now; one that is gone is not among them.

    Args:
        session: where to look.
        tools: know what positions are worth.
        user_id: whose they are; what is somebody else's is not there.
        subjects: at least one, each but once.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, subject in subjects:
        by_kind.setdefault(kind, []).append(subject)
    return {
        (kind, subject): row
        for kind, wanted in by_kind.items()
        for subject, row in (await _KINDS[kind](session, tools, user_id, wanted)).items()
    }


def kinds() -> frozenset[str]:
    """What can be told of."""
    return frozenset(_KINDS)


def _of(table: Any, shape: Callable[[Any], Out]) -> "_Load":
    async def load(session: AsyncSession, _: Tools, user_id: UUID, ids: Sequence[str]) -> Shown:
        rows = await _rows(session, table, user_id, ids)
        return {str(row.id): shape(row) for row in rows}

    return load


async def _rows(
    session: AsyncSession, table: Any, user_id: UUID, ids: Sequence[str]
) -> Sequence[Any]:
    query = select(table).where(table.id.in_(map(UUID, ids)), table.user_id == user_id)
    return (await session.scalars(query)).all()


async def _positions(
    session: AsyncSession, tools: Tools, user_id: UUID, ids: Sequence[str]
) -> Shown:
    rows = await _rows(session, Position, user_id, ids)
    return {str(row.id): await detail_of(session, tools, row) for row in rows}


async def _bots(session: AsyncSession, _: Tools, user_id: UUID, ids: Sequence[str]) -> Shown:
    query = bots.listing(user_id).where(Bot.id.in_(map(UUID, ids)))
    return {str(row.id): BotOut.of(row) for row in (await session.scalars(query)).all()}


async def _days(session: AsyncSession, _: Tools, user_id: UUID, keys: Sequence[str]) -> Shown:
    found = await pnl.days_of_keys(session, user_id, keys)
    return {key: DailyPnlOut.of(row) for key, row in found.items()}


_Load = Callable[[AsyncSession, Tools, UUID, Sequence[str]], Awaitable[Shown]]
_KINDS: Final[Mapping[str, _Load]] = {
    "alarm": _of(Alarm, AlarmOut.model_validate),
    "signal": _of(Signal, SignalOut.model_validate),
    "order": _of(Order, OrderOut.model_validate),
    "position": _positions,
    "pnl": _days,
    "bot": _bots,
    "job": _of(Job, JobOut.model_validate),
    "notice": _of(Notice, NoticeOut.model_validate),
}
