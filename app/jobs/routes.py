"""`/jobs`: long work, how far it is, and calling it off."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.http.caller import Caller, require_trader
from app.http.filters import PRINTABLE, choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.jobs import repository, service
from app.jobs.models import Job
from app.jobs.schemas import JobOut
from app.jobs.status import JobStatus


@get("/", operation_id="listJobs", summary="Long work, and how far it is")
async def list_jobs(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    kind: Annotated[
        str | None,
        QueryParameter(
            max_length=32, pattern=PRINTABLE, description="`candles_fetch`, for example"
        ),
    ] = None,
) -> Page[JobOut]:
    """Your own, newest first."""
    query = repository.listing(
        caller.user_id, status=choice(JobStatus, status, "status"), kind=kind
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Job.id,
        time_column=Job.created_at,
        shape=JobOut.model_validate,
    )


@get("/{job_id:uuid}", operation_id="getJob", summary="How far one job is")
async def get_job(
    session: NamedDependency[AsyncSession], caller: NamedDependency[Caller], job_id: FromPath[UUID]
) -> JobOut:
    """Your own."""
    return JobOut.model_validate(await repository.own(session, job_id, caller.user_id))


@post(
    "/{job_id:uuid}/cancel",
    operation_id="cancelJob",
    summary="Call a job off",
    status_code=200,
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def cancel_job(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
    job_id: FromPath[UUID],
) -> JobOut:
    """One that waits ends at once, one that runs within seconds; what it has done stays."""
    job = await repository.own(session, job_id, caller.user_id)
    await service.cancel(session, job, actor=caller.username, now=now)
    return JobOut.model_validate(job)


router = Router(path="/jobs", tags=["jobs"], route_handlers=[list_jobs, get_job, cancel_job])
