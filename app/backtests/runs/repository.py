"""Every query on backtests and what they leave behind."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.processes.packing import Line, Part, Strand, opened
from app.backtests.processes.recording import moment_of
from app.backtests.runs.models import Backtest, BacktestPart, SweepRow
from app.core.errors import NotFound
from app.db.session import Database
from app.jobs.models import Job

# A part is some fifty kilobytes: a megabyte at a time goes through the one writer of SQLite.
PARTS_AT_ONCE: Final = 20
# A page has fewer lines than a part: it reaches over one border at most.
PARTS_OF_A_PAGE: Final = 2


def listing(user_id: UUID, *, is_sweep: bool) -> Select[tuple[Backtest]]:
    """The user's single runs, or their sweeps."""
    return select(Backtest).where(Backtest.user_id == user_id, Backtest.is_sweep.is_(is_sweep))


async def own(
    session: AsyncSession, backtest_id: UUID, user_id: UUID, *, is_sweep: bool
) -> Backtest:
    """A user's run, or sweep.

    Raises:
        NotFound: it is not there, is the other kind, or somebody else's.
    """
    row = await session.scalar(
        listing(user_id, is_sweep=is_sweep).where(Backtest.id == backtest_id)
    )
    if row is None:
        raise NotFound("There is no such sweep." if is_sweep else "There is no such backtest.")
    return row


async def jobs_of(session: AsyncSession, rows: Iterable[Backtest]) -> dict[UUID, Job]:
    """The jobs of some backtests, by their ids."""
    ids = [row.job_id for row in rows]
    found = await session.scalars(select(Job).where(Job.id.in_(ids)))
    return {job.id: job for job in found}


async def of_job(session: AsyncSession, job_id: UUID) -> Backtest | None:
    """The backtest that a job is for."""
    row: Backtest | None = await session.scalar(select(Backtest).where(Backtest.job_id == job_id))
    return row


async def count(session: AsyncSession, user_id: UUID) -> int:
    """How many runs and sweeps a user has."""
    query = select(func.count()).select_from(Backtest).where(Backtest.user_id == user_id)
    return await session.scalar(query) or 0


async def put_parts(database: Database, backtest_id: UUID, parts: Sequence[Part]) -> None:
    """Keep what a run leaves behind, in place of what an attempt before it had left."""
    async with database.transaction() as session:
        await _remove_parts(session, backtest_id)
    for start in range(0, len(parts), PARTS_AT_ONCE):
        async with database.transaction() as session:
            session.add_all(
                BacktestPart(
                    backtest_id=backtest_id,
                    strand=one.strand,
                    first=one.first,
                    count=one.count,
                    first_at=moment_of(one.first_at),
                    last_at=moment_of(one.last_at),
                    body=one.body,
                )
                for one in parts[start : start + PARTS_AT_ONCE]
            )


async def put_result(session: AsyncSession, backtest_id: UUID, result: dict[str, Any]) -> None:
    """Keep the figures, which makes it whole."""
    await session.execute(update(Backtest).where(Backtest.id == backtest_id).values(result=result))


async def remove(session: AsyncSession, backtest_id: UUID) -> None:
    """Delete a backtest and everything that it left behind."""
    await _remove_parts(session, backtest_id)
    await session.execute(delete(SweepRow).where(SweepRow.backtest_id == backtest_id))
    await session.execute(delete(Backtest).where(Backtest.id == backtest_id))


async def _remove_parts(session: AsyncSession, backtest_id: UUID) -> None:
    await session.execute(delete(BacktestPart).where(BacktestPart.backtest_id == backtest_id))


async def newest_lines(
    session: AsyncSession, backtest_id: UUID, strand: Strand, *, before: int | None, limit: int
) -> list[tuple[int, Line]]:
    """The newest lines with their numbers, newest first.

    Args:
        session: where to ask.
        backtest_id: of which run.
        strand: of what.
        before: only lines of a smaller number.
        limit: how many at most; fewer than a part has.
    """
    earlier = () if before is None else (BacktestPart.first < before,)
    query = _parts(backtest_id, strand, *earlier).order_by(BacktestPart.first.desc())
    found: list[tuple[int, Line]] = []
    for part in await session.scalars(query.limit(PARTS_OF_A_PAGE)):
        numbered = reversed(list(enumerate(opened(part.body), part.first)))
        found += [one for one in numbered if before is None or one[0] < before]
    return found[:limit]


async def lines(
    database: Database,
    backtest_id: UUID,
    strand: Strand,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncGenerator[Sequence[Line]]:
    """The lines of a range, oldest first, a part at a time: nothing is held open in between.

    Args:
        database: where to ask.
        backtest_id: of which run.
        strand: of what.
        since: nothing before that; a part that reaches over it comes whole.
        until: likewise, nothing after.
    """
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(BacktestPart.last_at >= since)
    if until is not None:
        conditions.append(BacktestPart.first_at < until)
    first = -1
    while True:
        after = BacktestPart.first > first
        query = _parts(backtest_id, strand, after, *conditions).order_by(BacktestPart.first)
        async with database.read() as session:
            part = await session.scalar(query.limit(1))
        if part is None:
            return
        yield opened(part.body)
        first = part.first


def _parts(
    backtest_id: UUID, strand: Strand, *conditions: ColumnElement[bool]
) -> Select[tuple[BacktestPart]]:
    return select(BacktestPart).where(
        BacktestPart.backtest_id == backtest_id, BacktestPart.strand == strand, *conditions
    )
