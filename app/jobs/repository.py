"""Questions about jobs."""

from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.jobs.models import Job
from app.jobs.status import UNFINISHED, JobStatus


def listing(
    user_id: UUID, *, status: JobStatus | None = None, kind: str | None = None
) -> Select[tuple[Job]]:
    """The user's jobs, narrowed by what is given."""
    query = select(Job).where(Job.user_id == user_id)
    if status is not None:
        query = query.where(Job.status == status)
    if kind:
        query = query.where(Job.kind == kind)
    return query


async def own(session: AsyncSession, job_id: UUID, user_id: UUID) -> Job:
    """A user's job.

    Raises:
        NotFound: it is not there, or somebody else's.
    """
    job = await session.scalar(select(Job).where(Job.id == job_id, Job.user_id == user_id))
    if job is None:
        raise NotFound("There is no such job.")
    return job


async def count_unfinished(session: AsyncSession, user_id: UUID) -> int:
    """How many jobs of a user wait or run."""
    query = select(func.count()).where(Job.user_id == user_id, Job.status.in_(UNFINISHED))
    return await session.scalar(query) or 0
