"""Ask for long work, and call it off."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.errors import Conflict, TooMany
from app.db.changing import changed
from app.db.outbox import note
from app.jobs import repository
from app.jobs.models import Job
from app.jobs.status import UNFINISHED, JobStatus

# Of one user, waiting or running: more would keep the others waiting for hours.
MOST_UNFINISHED: Final = 20


async def queue(
    session: AsyncSession,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    unit: str,
    user_id: UUID,
    actor: str,
    now: datetime,
) -> Job:
    """Write down a job; a worker takes it up within a second or two.

    Args:
        session: the caller's transaction.
        kind: which program does it.
        parameters: as JSON takes them, checked by the caller: a job that makes no sense is
            refused when it is asked for and not when its turn comes.
        unit: what its progress is counted in.
        user_id: whose it is.
        actor: who asks for it.
        now: when.

    Raises:
        TooMany: `too_many_jobs`, when that many of the user's wait or run already.
    """
    if await repository.count_unfinished(session, user_id) >= MOST_UNFINISHED:
        raise TooMany(
            f"{MOST_UNFINISHED} of your jobs wait or run already; cancel one, or wait for it.",
            code="too_many_jobs",
        )
    job = Job(user_id=user_id, kind=kind, parameters=dict(parameters), unit=unit, created_at=now)
    session.add(job)
    # Its entry in the audit trail names its id.
    await session.flush()
    await record(
        session,
        now=now,
        actor=actor,
        action="job.queued",
        subject_kind="job",
        subject_id=str(job.id),
        user_id=user_id,
        detail={"kind": kind, **{name: str(value) for name, value in parameters.items()}},
    )
    return job


async def cancel(session: AsyncSession, job: Job, *, actor: str, now: datetime) -> None:
    """Call a job off: one that waits ends at once, one that runs within seconds.

    What it has written by then stays.

    Raises:
        Conflict: it has ended already.
    """
    unfinished = update(Job).where(Job.id == job.id, Job.status.in_(UNFINISHED))
    if not await changed(session, unfinished.values(is_cancel_wanted=True)):
        await session.refresh(job)
        raise Conflict(f"This job is {job.status.value} already.")
    waiting = update(Job).where(Job.id == job.id, Job.status == JobStatus.QUEUED)
    await session.execute(waiting.values(status=JobStatus.CANCELED, ended_at=now))
    note(session, job)
    await record(
        session,
        now=now,
        actor=actor,
        action="job.canceled",
        subject_kind="job",
        subject_id=str(job.id),
        user_id=job.user_id,
        detail={"kind": job.kind},
    )
    await session.refresh(job)
