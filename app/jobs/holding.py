"""Who works on a job: taken, kept, and given back by statements that say whether they were first.

Whoever takes a job gets a new holder's id. Everything written about the job afterwards names it, so
a process that stood still for a minute cannot write over the one that took its job meanwhile.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.ids import new_id
from app.db.changing import changed
from app.db.outbox import note as note_change
from app.jobs.models import Job
from app.jobs.status import JobStatus

HELD_FOR: Final = timedelta(seconds=30)
# Said again when less than that is left.
HELD_AT_LEAST: Final = timedelta(seconds=20)
# A job that ends its process each time would do so for ever.
MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Hold:
    """How a holder stands to its job.

    Attributes:
        is_wanted: its owner has not called it off.
        until: when the holder counts as gone.
    """

    is_wanted: bool
    until: datetime


async def next_one(session: AsyncSession, kinds: Collection[str], *, now: datetime) -> Job | None:
    """The job that has waited longest, of those whose owner has none running.

    Args:
        session: where to ask.
        kinds: what the caller can do.
        now: whoever was to be heard of before then is gone.
    """
    busy = aliased(Job)
    owner_is_busy = select(busy.id).where(
        busy.user_id == Job.user_id,
        busy.id != Job.id,
        busy.status == JobStatus.RUNNING,
        busy.held_until >= now,
    )
    query = select(Job).where(Job.kind.in_(kinds), _is_free(now), ~owner_is_busy.exists())
    job: Job | None = await session.scalar(query.order_by(Job.id).limit(1))
    return job


async def take(session: AsyncSession, found: Job, *, now: datetime) -> Job | None:
    """Take a job that is free; it with its new holder, None when somebody else was first."""
    claim = update(Job).where(Job.id == found.id, _is_free(now), Job.tries == found.tries)
    claim = claim.values(
        status=JobStatus.RUNNING,
        holder=new_id(),
        held_until=now + HELD_FOR,
        tries=found.tries + 1,
        started_at=found.started_at or now,
    )
    if not await changed(session, claim):
        return None
    note_change(session, found)
    return await session.get_one(Job, found.id)


def _is_free(now: datetime) -> ColumnElement[bool]:
    """It waits, or its holder has not been heard of for too long."""
    has_lapsed = and_(Job.status == JobStatus.RUNNING, Job.held_until < now)
    return or_(Job.status == JobStatus.QUEUED, has_lapsed)


async def hold_of(session: AsyncSession, job: Job) -> Hold | None:
    """How its holder stands; None when somebody else has the job."""
    query = select(Job.is_cancel_wanted, Job.held_until).where(
        Job.id == job.id, Job.holder == job.holder
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Hold(not row.is_cancel_wanted, row.held_until)


async def hold_on(session: AsyncSession, job: Job, *, now: datetime) -> None:
    """Be believed for as long again."""
    await session.execute(_held(job).values(held_until=now + HELD_FOR))


async def note(
    session: AsyncSession,
    job: Job,
    *,
    done: int,
    total: int | None,
    checkpoint: Mapping[str, Any],
) -> bool:
    """Write down how far it is; False when somebody else has it."""
    values = {"done": done, "total": total, "checkpoint": dict(checkpoint)}
    note_change(session, job)
    return await changed(session, _held(job).values(**values)) == 1


async def end(
    session: AsyncSession,
    job: Job,
    status: JobStatus,
    *,
    now: datetime,
    result: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> bool:
    """Write down what became of it; False when somebody else has it."""
    ended = _held(job).values(
        status=status,
        result=None if result is None else dict(result),
        reason=reason,
        ended_at=now,
        holder=None,
        held_until=None,
    )
    note_change(session, job)
    return await changed(session, ended) == 1


async def give_back(session: AsyncSession, job: Job) -> None:
    """Let somebody else go on with it: this process ends, and that is no fault of the job."""
    back = _held(job).values(
        status=JobStatus.QUEUED, holder=None, held_until=None, tries=job.tries - 1
    )
    await session.execute(back)
    note_change(session, job)


def _held(job: Job) -> Update:
    return (
        update(Job)
        .where(Job.id == job.id, Job.holder == job.holder)
        .execution_options(synchronize_session=False)
    )
