"""The job that builds candles, and how it is asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock, iso
from app.db.session import Database
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.run import Run
from app.market.building.service import TRADES, build, source_named
from app.market.candles.series import Series
from app.market.fetching.job import checked_count
from app.trading.timeframe import Timeframe

KIND: Final = "candles_build"
SHOWN: Final = 3


async def queue_build(
    session: AsyncSession,
    series: Series,
    source: Timeframe | None,
    since: datetime,
    until: datetime,
    *,
    user_id: UUID,
    actor: str,
    now: datetime,
) -> Job:
    """Ask for the candles of a range, made from what is stored.

    Args:
        session: the caller's transaction.
        series: of the candles to be built.
        source: as `source_named` gave it.
        since: where the range begins, inclusive.
        until: where it ends, exclusive.
        user_id: whose job it is.
        actor: who asks for it.
        now: what time it is.

    Raises:
        Invalid: as `checked_count`.
        TooMany: as `jobs.service.queue`.
    """
    checked_count(series.timeframe, since, until, now=now)
    parameters = {
        **series.parameters,
        "source": TRADES if source is None else source.value,
        "from": iso(since),
        "to": iso(until),
    }
    return await jobs.queue(
        session, KIND, parameters, unit="candles", user_id=user_id, actor=actor, now=now
    )


class BuildCandles:
    """The program of that job.

    Args:
        database: where candles and trades are.
        clock: says what has closed.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, run: Run) -> Mapping[str, Any]:
        """Build what its parameters say; what is there already is skipped."""
        asked = run.parameters
        series = Series.of_parameters(asked)
        timeframe = series.timeframe
        since, until = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))
        now = self._clock.now()
        total = timeframe.how_many(since, min(until, timeframe.open_of(now)))

        async def report(at: datetime) -> None:
            await run.report(min(total, timeframe.how_many(since, at)), total, {})

        built = await build(
            self._database,
            series,
            source_named(asked["source"], timeframe),
            since=since,
            until=until,
            now=now,
            report=report,
        )
        await run.report(total, total, {}, is_last=True)
        return {
            "inserted": built.kept.inserted,
            "duplicates_skipped": built.kept.duplicates_skipped,
            "incomplete": len(built.incomplete),
            "first_incomplete": [
                {
                    "open_time": iso(one.open_time),
                    "first_missing": iso(one.first_missing),
                    "missing": one.missing,
                }
                for one in built.incomplete[:SHOWN]
            ],
        }
