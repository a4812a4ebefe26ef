"""Look through a stored series for candles that are not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.errors import Invalid
from app.db.session import Database
from app.market.candles import repository, service
from app.market.candles.gaps import MissingCandles
from app.market.candles.series import Series
from app.market.fetching.job import checked_count

# A year of minutes. More would take a request too long; the command looks through any number.
MOST_LOOKED_THROUGH: Final = 600_000


@dataclass(frozen=True, slots=True)
class Looked:
    """What is missing of a part of a series.

    Attributes:
        since: where the part begins, not before the first stored candle; None where nothing is
            stored of it.
        until: where it ends.
        stored: how many candles are there.
        gaps: where they are not, oldest first.
    """

    since: datetime | None
    until: datetime
    stored: int
    gaps: Sequence[MissingCandles]

    @property
    def missing(self) -> int:
        """How many are not there."""
        return sum(gap.count for gap in self.gaps)


async def look_through(
    database: Database,
    series: Series,
    *,
    since: datetime | None,
    until: datetime,
    now: datetime,
    most: int | None = MOST_LOOKED_THROUGH,
) -> Looked:
    """See which closed candles of a range are missing.

    Before the first stored candle nothing is missing: nobody here knows whether the market was
    listed by then. Fetching that range asks the exchange.

    Args:
        database: where to look.
        series: which candles.
        since: where the range begins, inclusive; at the first stored candle when None.
        until: where it ends, exclusive.
        now: what is not closed by then is not missing.
        most: candles that are looked through at most.

    Raises:
        Invalid: `future_range`, `reversed_range`, `nothing_closed`, or `too_many_candles`.
    """
    if since is not None:
        checked_count(series.timeframe, since, until, now=now)
    async with database.read() as session:
        first = await repository.first_open(session, series)
    until = min(until, series.timeframe.open_of(now))
    begin = first if first is None or since is None else max(first, since)
    if begin is None or begin >= until:
        return Looked(None, until, 0, [])
    count = series.timeframe.how_many(begin, until)
    if most is not None and count > most:
        raise Invalid(
            f"These are {count} candles; at most {most} are looked through at a time.",
            code="too_many_candles",
        )
    gaps = await service.gaps(database, series, since=begin, until=until, now=now, listed_at=first)
    return Looked(begin, until, count - sum(gap.count for gap in gaps), gaps)
