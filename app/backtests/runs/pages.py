"""Pages of backtests and of what they keep."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.runs import repository
from app.backtests.runs.models import Backtest
from app.core.errors import Invalid
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.jobs.models import Job
from app.market.asking import BAD_CURSOR

ItemT = TypeVar("ItemT")


async def with_jobs(
    session: AsyncSession,
    query: Select[tuple[Backtest]],
    paging: Paging,
    shape: Callable[[Backtest, Job], ItemT],
) -> Page[ItemT]:
    """A page of rows, each shaped with the job that works on it."""
    page = await page_of(
        session,
        query,
        paging,
        id_column=Backtest.id,
        time_column=Backtest.created_at,
        shape=lambda row: row,
    )
    jobs = await repository.jobs_of(session, page.items)
    return Page(
        items=[shape(row, jobs[row.job_id]) for row in page.items], next_cursor=page.next_cursor
    )


def number_in(cursor: str | None, *, most_digits: int) -> int | None:
    """The number that a page before gave as its cursor; None on the first page.

    Raises:
        Invalid: no page gave that.
    """
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= most_digits):
        raise Invalid(BAD_CURSOR)
    return int(cursor)
