"""The closed candles that a bot is fed: those that warm it up, and those that came since."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

from app.algorithms.bars import Bar, in_closing_order
from app.core.clock import Clock
from app.core.errors import Invalid
from app.db.session import Database
from app.market.bars import bar_of, length_of
from app.market.candles import repository
from app.market.candles.series import Series
from app.market.fetching.fetcher import CandleFetcher
from app.market.prices import PriceKey
from app.trading.timeframe import Timeframe

# A venue finishes its candle a moment after the close, by a clock that is not ours.
SETTLES_AFTER: Final = timedelta(seconds=1)
# In a market with holes, so many candles may lie that many times as far back.
REACHES: Final = (1, 2, 4)
# No venue knows an earlier moment.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# The candles that close together, the base candle last.
Step = Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Due:
    """Candles that have closed since the last one that was fed, in closing order.

    Attributes:
        bars: ends with a base candle; empty when none is due.
        is_all: whether there is nothing newer.
    """

    bars: Sequence[Bar]
    is_all: bool

    def steps(self, base: timedelta) -> list[Step]:
        """The candles cut after each base candle, whose length that is."""
        found: list[Step] = []
        step: list[Bar] = []
        for bar in self.bars:
            step.append(bar)
            if bar.length == base:
                found.append(step)
                step = []
        return found


class Supply:
    """Candles of one market, fetched as far as they are missing.

    Args:
        database: where they are kept.
        fetcher: asks the venue for what is missing.
        clock: says which are closed.
        market: whose.
        base: timeframe that is decided on.
        larger: others that are fed; the base is none of them.
    """

    def __init__(
        self,
        database: Database,
        fetcher: CandleFetcher,
        clock: Clock,
        *,
        market: PriceKey,
        base: Timeframe,
        larger: Sequence[Timeframe],
    ) -> None:
        self._database = database
        self._fetcher = fetcher
        self._clock = clock
        self._market = market
        self._base = base
        self._larger = tuple(larger)

    async def before(self, moment: datetime, count: int) -> list[Bar]:
        """The last candles by a moment, as many of each timeframe, in closing order.

        Raises:
            Invalid: `too_few_candles`; also what the fetcher raises.
            ExchangeError: the venue was to be asked, and did not answer.
        """
        timeframes = (*self._larger, self._base)
        return list(
            in_closing_order(*[await self._last(each, moment, count) for each in timeframes])
        )

    async def after(self, moment: datetime) -> Due:
        """Those that have closed since a moment, a page of them at most.

        A base candle is given with the larger ones that close with it, or not yet: it is decided
        by them.

        Args:
            moment: the close of the last base candle that was fed.

        Raises:
            Invalid: as the fetcher.
            ExchangeError: the venue was to be asked, and did not answer.
        """
        now = self._clock.now() - SETTLES_AFTER
        until = self._base.open_of(now)
        if until <= moment:
            return Due((), is_all=True)
        base = await self._opened(self._base, moment, until)
        if not base:
            return Due((), is_all=False)
        larger = [await self._closed(each, moment, now) for each in self._larger]
        known = [found[-1].closed_at if found else moment for found in larger]
        ready = list(
            takewhile(
                lambda bar: all(
                    each.open_of(bar.closed_at) <= newest
                    for each, newest in zip(self._larger, known, strict=True)
                ),
                base,
            )
        )
        if not ready:
            return Due((), is_all=False)
        end = ready[-1].closed_at
        parts = [[bar for bar in found if bar.closed_at <= end] for found in larger]
        return Due(list(in_closing_order(*parts, ready)), is_all=end >= until)

    async def _last(self, timeframe: Timeframe, moment: datetime, count: int) -> list[Bar]:
        series, until = Series.of(self._market, timeframe), timeframe.open_of(moment)
        length, found = length_of(timeframe), []
        for reach in REACHES:
            since = max(EPOCH, until - reach * count * length)
            await self._fetcher.fetch(series, since, until)
            async with self._database.read() as session:
                found = await repository.newest(
                    session, series, since=since, until=until, limit=count
                )
            if len(found) == count:
                return [bar_of(one) for one in reversed(found)]
        raise Invalid(
            f"{self._market.symbol} has {len(found)} closed candles of {timeframe}, and the "
            f"algorithm has to have seen {count} before it decides.",
            code="too_few_candles",
        )

    async def _closed(self, timeframe: Timeframe, moment: datetime, now: datetime) -> list[Bar]:
        """Candles of a larger timeframe that have closed since a moment."""
        if timeframe.open_of(now) <= moment:
            return []
        return await self._opened(timeframe, timeframe.open_of(moment), timeframe.open_of(now))

    async def _opened(self, timeframe: Timeframe, since: datetime, until: datetime) -> list[Bar]:
        """A page of the candles that opened in a range, oldest first."""
        series = Series.of(self._market, timeframe)
        await self._fetcher.fetch(series, since, until)
        pages = repository.stored(self._database, series, since=since, until=until)
        async with aclosing(pages):
            async for page in pages:
                return [bar_of(one) for one in page]
        return []
