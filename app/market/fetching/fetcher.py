"""Fetch what is missing of a series from its venue, over refusals, silences and ends in the middle.

Only what is missing is asked for, so going on after an end in the middle is asking again.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from loguru import logger

from app.core.clock import Clock
from app.core.errors import RateLimited, Retryable
from app.db.session import Database
from app.exchanges.venue import MarketData
from app.market.candles import service
from app.market.candles.gaps import MissingCandles
from app.market.candles.series import Series
from app.market.instruments import MarketSource
from app.trading.candle import Candle

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
# With those pauses a venue may be away for ten minutes.
MOST_TRIES: Final = 15
# So far our clock may be ahead of a venue's: a candle that is over here may still change there.
SETTLED_AFTER: Final = timedelta(seconds=5)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, in candles of the range: `done` were looked at, there or not."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of it.

    Attributes:
        inserted: candles that are new.
        duplicates_skipped: candles of the range that were there before.
        missing: candles that the venue does not have either; none before its first one.
    """

    inserted: int
    duplicates_skipped: int
    missing: int


Report = Callable[[Progress], Awaitable[None]]


async def unheard(_: Progress) -> None:
    """Nobody watches."""


class CandleFetcher:
    """Fetches from venues into the database.

    Args:
        database: where candles are kept.
        source: gives the market data of an exchange and market type.
        clock: says which candles are closed.
        settled_after: how long ago a candle must have closed that no other follows in the venue's
            answer; nothing where both go by one clock.
        most_tries: how often a venue is asked that does not answer, or refuses for now.
        sleep: how pauses are made.
    """

    def __init__(
        self,
        database: Database,
        source: MarketSource,
        clock: Clock,
        *,
        settled_after: timedelta = SETTLED_AFTER,
        most_tries: int = MOST_TRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._database = database
        self._source = source
        self._clock = clock
        self._settled_after = settled_after
        self._most_tries = most_tries
        self._sleep = sleep

    async def fetch(
        self, series: Series, since: datetime, until: datetime, report: Report = unheard
    ) -> Fetched:
        """Fetch what is missing of a range, as far as its candles are closed by now.

        Args:
            series: which candles.
            since: where the range begins, inclusive.
            until: where it ends, exclusive.
            report: hears after each answer of the venue how far it is.

        Raises:
            Invalid: the venue has no such market, or no candles that long.
            ExchangeError: the venue refused, or has not answered for ten minutes; what came
                before it is kept.
        """
        market = await self._source(series.exchange, series.market_type)
        until = min(until, series.timeframe.open_of(self._clock.now()))
        total = series.timeframe.how_many(since, until)
        gaps = await self._missing(series, since, until)
        inserted, at = 0, since
        for gap in gaps:
            at = max(at, gap.since)
            while at < gap.until:
                found = await self._asked(market, series, at)
                inserted += await self._kept(series, found, gaps)
                at = await self._next(market, series, at, found)
                done = series.timeframe.how_many(since, min(at, until))
                await report(Progress(done, total))
        await report(Progress(total, total))
        before = total - sum(gap.count for gap in gaps)
        left = await service.gaps(
            self._database, series, since=since, until=until, now=self._clock.now()
        )
        return Fetched(inserted, before, sum(gap.count for gap in left))

    async def _missing(
        self, series: Series, since: datetime, until: datetime
    ) -> Sequence[MissingCandles]:
        """Everything that is not there, before the market's first candle as well."""
        return await service.gaps(
            self._database,
            series,
            since=since,
            until=until,
            now=self._clock.now(),
            listed_at=since,
        )

    async def _asked(self, market: MarketData, series: Series, at: datetime) -> Sequence[Candle]:
        """One answer of the venue, however often it has to be asked."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(self._most_tries - 1):
            try:
                return await market.candles(series.symbol, series.timeframe, at)
            except (Retryable, RateLimited) as failure:
                log = logger.bind(symbol=series.symbol, reason=failure.detail, seconds=pause)
                log.info("candles.asked_again")
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return await market.candles(series.symbol, series.timeframe, at)

    async def _kept(
        self, series: Series, found: Sequence[Candle], gaps: Sequence[MissingCandles]
    ) -> int:
        """Keep what was missing and is closed; how many there were."""
        now = self._clock.now()
        # Whatever another candle follows is over at the venue.
        over = [
            *found[:-1],
            *(one for one in found[-1:] if one.is_closed(now - self._settled_after)),
        ]
        new = [one for one in over if one.is_closed(now) and _is_in(gaps, one.open_time)]
        if not new:
            return 0
        async with self._database.transaction() as session:
            kept = await service.keep(session, {series: new}, now=now)
        return kept[series].inserted

    async def _next(
        self, market: MarketData, series: Series, at: datetime, found: Sequence[Candle]
    ) -> datetime:
        """Where to ask next: after the last candle, or beyond what an empty answer speaks of."""
        if found:
            return found[-1].close_time
        ahead = await market.candles_at_once(series.symbol)
        opens = series.timeframe.opens(at, self._clock.now())
        return next(islice(opens, ahead, None), self._clock.now())


def _is_in(gaps: Sequence[MissingCandles], opened: datetime) -> bool:
    before = bisect_right(gaps, opened, key=lambda gap: gap.since) - 1
    return before >= 0 and opened < gaps[before].until
