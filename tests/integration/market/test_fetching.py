"""Candles from a venue that refuses, has holes, and is asked again after an end in the middle."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from app.core.errors import ExchangeError, RateLimited, Retryable
from app.db.session import Database
from app.exchanges.venue import MarketData
from app.market.candles import repository
from app.market.candles.series import Series
from app.market.fetching.fetcher import MOST_TRIES, CandleFetcher, Fetched, Progress
from app.trading.candle import Candle, PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.builders import SPOT, d
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.market import CANDLES_AT_ONCE, FakeMarketData, an_instrument

SERIES = Series("paper", MarketType.SPOT, SPOT, PriceKind.LAST, Timeframe.M1)
MINUTE = timedelta(minutes=1)
BEGIN = NOON - 60 * MINUTE


def a_candle(minute: int, close: str = "60000") -> Candle:
    price = d(close)
    return Candle(Timeframe.M1, BEGIN + minute * MINUTE, price, price, price, price, d("1"))


@dataclass
class Post:
    """A fetcher before a venue with candles."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    venue: FakeMarketData = field(default_factory=lambda: FakeMarketData(an_instrument(SPOT)))
    pauses: list[float] = field(default_factory=list)
    heard: list[Progress] = field(default_factory=list)
    failures: list[ExchangeError] = field(default_factory=list)

    async def source(self, exchange: str, market_type: MarketType) -> MarketData:
        assert (exchange, market_type) == (SERIES.exchange, SERIES.market_type)
        return self.venue

    async def sleep(self, seconds: float) -> None:
        """The venue is in another mood after each pause."""
        self.pauses.append(seconds)
        self.venue.failure = self.failures.pop() if self.failures else None

    async def hear(self, progress: Progress) -> None:
        self.heard.append(progress)

    async def fetch(self, minutes: int = 60) -> Fetched:
        fetcher = CandleFetcher(
            self.database, self.source, self.clock, settled_after=timedelta(0), sleep=self.sleep
        )
        return await fetcher.fetch(SERIES, BEGIN, BEGIN + minutes * MINUTE, self.hear)

    async def stored(self) -> list[Candle]:
        found: list[Candle] = []
        async for page in repository.stored(self.database, SERIES):
            found += page
        return found

    async def minutes(self) -> list[int]:
        return [int((one.open_time - BEGIN) / MINUTE) for one in await self.stored()]


@pytest.fixture
def post(database: Database) -> Post:
    """A venue that has the sixty minutes before noon."""
    made = Post(database)
    made.venue.set_candles(SPOT, *(a_candle(minute) for minute in range(60)))
    return made


async def test_a_range_is_fetched_once_whole_and_then_not_asked_for_again(post: Post) -> None:
    first = await post.fetch()
    asked = len(post.venue.candles_asked)
    second = await post.fetch()

    assert (first, second) == (Fetched(60, 0, 0), Fetched(0, 60, 0))
    assert await post.minutes() == list(range(60))
    assert asked == 60 // CANDLES_AT_ONCE == len(post.venue.candles_asked)
    assert [one.done for one in post.heard[: asked + 1]] == [10, 20, 30, 40, 50, 60, 60]
    assert {one.total for one in post.heard} == {60}


async def test_an_end_in_the_middle_costs_what_was_not_kept_and_nothing_else(post: Post) -> None:
    async def end(progress: Progress) -> None:
        if progress.done == 30:
            raise asyncio.CancelledError

    fetcher = CandleFetcher(post.database, post.source, post.clock, settled_after=timedelta(0))
    with pytest.raises(asyncio.CancelledError):
        await fetcher.fetch(SERIES, BEGIN, NOON, end)
    asked = len(post.venue.candles_asked)

    assert await post.fetch() == Fetched(30, 30, 0)

    assert await post.minutes() == list(range(60))
    assert post.venue.candles_asked[asked] == BEGIN + 30 * MINUTE


async def test_a_venue_that_refuses_is_asked_again_after_growing_pauses(post: Post) -> None:
    post.failures = [Retryable("away"), RateLimited("too many"), Retryable("away")]
    post.venue.failure = RateLimited("too many")

    assert await post.fetch() == Fetched(60, 0, 0)

    assert post.pauses == [1, 2, 4, 8]
    assert await post.minutes() == list(range(60))


async def test_a_venue_that_stays_away_ends_it_and_what_came_is_kept(post: Post) -> None:
    post.venue.set_candles(SPOT, *(a_candle(minute) for minute in range(10)))
    await post.fetch(10)
    post.failures = [Retryable("away")] * MOST_TRIES
    post.venue.failure = Retryable("away")

    with pytest.raises(Retryable):
        await post.fetch()

    assert len(post.pauses) == MOST_TRIES - 1
    assert sum(post.pauses) == pytest.approx(600, abs=60)
    assert await post.minutes() == list(range(10))


async def test_what_the_venue_does_not_have_is_counted_and_jumped_over(post: Post) -> None:
    there = [minute for minute in range(25, 60) if not 30 <= minute < 48]
    post.venue.set_candles(SPOT, *(a_candle(minute) for minute in there))

    found = await post.fetch()

    # Nothing is missing before the market's first candle.
    assert found == Fetched(len(there), 0, 18)
    assert await post.minutes() == there


async def test_an_empty_answer_speaks_only_of_as_much_as_one_answer_holds(post: Post) -> None:
    post.venue.candles_reach = CANDLES_AT_ONCE * MINUTE
    post.venue.set_candles(SPOT, *(a_candle(minute) for minute in range(45, 60)))

    assert await post.fetch() == Fetched(15, 0, 0)
    assert await post.minutes() == list(range(45, 60))


async def test_a_candle_that_is_still_open_is_not_kept(post: Post) -> None:
    post.clock.set(BEGIN + timedelta(minutes=20, seconds=30))

    assert await post.fetch() == Fetched(20, 0, 0)
    assert await post.minutes() == list(range(20))


async def test_what_is_stored_stays_whatever_the_venue_says_now(post: Post) -> None:
    await post.fetch(20)
    post.venue.set_candles(SPOT, *(a_candle(minute, "61000") for minute in range(60)))

    assert await post.fetch() == Fetched(40, 20, 0)

    closes = [one.close for one in await post.stored()]
    assert closes == [d("60000")] * 20 + [d("61000")] * 40
