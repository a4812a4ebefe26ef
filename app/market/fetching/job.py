"""The job that fetches candles, and how it is asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import iso
from app.core.errors import Invalid
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.run import Run
from app.market.candles.series import Series
from app.market.fetching.fetcher import CandleFetcher, Progress
from app.trading.timeframe import Timeframe

KIND: Final = "candles_fetch"
# Nine years of minutes: a venue is asked for them five thousand times.
MOST_CANDLES: Final = 5_000_000


async def queue_fetch(
    session: AsyncSession,
    series: Series,
    since: datetime,
    until: datetime,
    *,
    user_id: UUID,
    actor: str,
    now: datetime,
) -> Job:
    """Ask for what is missing of a range.

    Raises:
        Invalid: `too_many_candles`, or as `checked_count`.
        TooMany: as `jobs.service.queue`.
    """
    count = checked_count(series.timeframe, since, until, now=now)
    if count > MOST_CANDLES:
        detail = f"These are {count} candles; at most {MOST_CANDLES} are fetched by one job."
        raise Invalid(detail, code="too_many_candles")
    parameters = {
        **series.parameters,
        "from": iso(since),
        "to": iso(until),
    }
    return await jobs.queue(
        session, KIND, parameters, unit="candles", user_id=user_id, actor=actor, now=now
    )


def checked_count(timeframe: Timeframe, since: datetime, until: datetime, *, now: datetime) -> int:
    """How many closed candles a range has.

    Raises:
        Invalid: `future_range`, `reversed_range`, or `nothing_closed`.
    """
    if since > now:
        raise Invalid("from is yet to come: nothing has happened then.", code="future_range")
    if since >= until:
        raise Invalid("from is not before to.", code="reversed_range")
    count = timeframe.how_many(since, min(until, timeframe.open_of(now)))
    if not count:
        detail = f"No {timeframe} candle of that range is closed yet."
        raise Invalid(detail, code="nothing_closed")
    return count


class FetchCandles:
    """The program of that job.

    Args:
        fetcher: does it.
    """

    def __init__(self, fetcher: CandleFetcher) -> None:
        self._fetcher = fetcher

    async def __call__(self, run: Run) -> Mapping[str, Any]:
        """Fetch what its parameters say; what is there already is not asked for again."""
        asked = run.parameters
        series = Series.of_parameters(asked)
        since, until = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))

        async def report(progress: Progress) -> None:
            is_last = progress.done == progress.total
            await run.report(progress.done, progress.total, {}, is_last=is_last)

        found = await self._fetcher.fetch(series, since, until, report)
        return {
            "inserted": found.inserted,
            "duplicates_skipped": found.duplicates_skipped,
            "missing": found.missing,
        }
