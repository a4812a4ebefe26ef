import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.core.errors import OrderRefused, Retryable
from app.market.prices import FeedState, PriceBoard, PriceKey
from app.trading.quote import Quote
from app.trading.words import MarketType
from tests.fakes.exchange import FakeMarketData, an_instrument

KEY = PriceKey("paper", MarketType.SPOT, "BTC/USDT")
START = datetime(2026, 1, 1, tzinfo=UTC)
SILENCE = 0.08
MAX_AGE = timedelta(seconds=3)


class HandClock:
    """Stands still until told."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def pass_seconds(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def market(clock: HandClock) -> FakeMarketData:
    opened = FakeMarketData(an_instrument(), clock=clock)
    opened.set_price("BTC/USDT", Decimal(100))
    return opened


@pytest.fixture
async def board(market: FakeMarketData, clock: HandClock) -> AsyncIterator[PriceBoard]:
    async def source(_exchange: str, _market_type: MarketType) -> FakeMarketData:
        return market

    opened = PriceBoard(source, clock, silence_seconds=SILENCE)
    yield opened
    await opened.stop()


class Ear:
    """Remembers what it heard."""

    def __init__(self, board: PriceBoard) -> None:
        self.quotes: list[Quote] = []
        self._heard = asyncio.Event()
        self.leave = board.listen(self._hear)

    def _hear(self, _key: PriceKey, quote: Quote) -> None:
        self.quotes.append(quote)
        self._heard.set()

    async def next(self) -> Quote:
        """The next quote that comes."""
        self._heard.clear()
        await asyncio.wait_for(self._heard.wait(), 2)
        return self.quotes[-1]


async def test_watch_opens_one_stream_whatever_the_number_of_readers(
    board: PriceBoard, market: FakeMarketData
) -> None:
    ear = Ear(board)

    for _ in range(3):
        board.watch(KEY)

    assert (await ear.next()).last == 100
    assert market.streams == {"BTC/USDT": 1}


async def test_unwatch_ends_the_stream_with_the_last_reader_only(
    board: PriceBoard, market: FakeMarketData
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    board.watch(KEY)
    await ear.next()

    board.unwatch(KEY)
    await asyncio.sleep(0.01)
    assert market.streams == {"BTC/USDT": 1}
    board.unwatch(KEY)
    await asyncio.sleep(0.01)

    assert market.streams == {}
    assert board.latest(KEY) is not None


async def test_unwatch_of_what_nobody_watches_is_nothing(board: PriceBoard) -> None:
    board.unwatch(KEY)

    assert board.feeds(START) == []


async def test_listeners_hear_every_quote_and_one_that_fails_hurts_nobody(
    board: PriceBoard, market: FakeMarketData
) -> None:
    def fail(_key: PriceKey, _quote: Quote) -> None:
        raise RuntimeError("not my day")

    board.listen(fail)
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    market.set_price("BTC/USDT", Decimal(101))

    assert (await ear.next()).last == 101
    ear.leave()
    market.set_price("BTC/USDT", Decimal(102))
    await asyncio.sleep(0.01)
    assert [quote.last for quote in ear.quotes] == [100, 101]


async def test_an_older_quote_never_replaces_a_newer_one(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    clock.pass_seconds(-1)
    market.set_price("BTC/USDT", Decimal(99))
    await asyncio.sleep(0.01)

    latest = board.latest(KEY)
    assert latest is not None
    assert latest.last == 100


async def test_fresh_when_young_enough_then_asks_nobody(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    await board.fresh(KEY, MAX_AGE, clock.now())

    clock.pass_seconds(3)
    await board.fresh(KEY, MAX_AGE, clock.now())

    assert market.requests == 1


async def test_fresh_when_old_then_concurrent_callers_share_one_request(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    await board.fresh(KEY, MAX_AGE, clock.now())
    clock.pass_seconds(3.001)
    market.set_price("BTC/USDT", Decimal(105), is_streamed=False)

    quotes = await asyncio.gather(*(board.fresh(KEY, MAX_AGE, clock.now()) for _ in range(5)))

    assert {quote.last for quote in quotes} == {Decimal(105)}
    assert market.requests == 2


async def test_fresh_when_one_caller_leaves_then_the_others_are_served(
    board: PriceBoard, clock: HandClock
) -> None:
    first = asyncio.create_task(board.fresh(KEY, MAX_AGE, clock.now()))
    second = asyncio.create_task(board.fresh(KEY, MAX_AGE, clock.now()))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).last == 100


@pytest.mark.parametrize("failure", [Retryable("no answer"), OrderRefused("no such symbol")])
async def test_fresh_when_the_venue_does_not_answer_then_says_so(
    board: PriceBoard,
    market: FakeMarketData,
    clock: HandClock,
    failure: Retryable | OrderRefused,
) -> None:
    market.failure = failure

    with pytest.raises(type(failure)):
        await board.fresh(KEY, MAX_AGE, clock.now())


async def test_silent_stream_is_polled_meanwhile(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()
    assert board.feeds(clock.now())[0].state is FeedState.LIVE

    clock.pass_seconds(1)
    market.set_price("BTC/USDT", Decimal(90), is_streamed=False)

    assert (await ear.next()).last == 90
    await asyncio.sleep(0)
    assert board.feeds(clock.now())[0].state is FeedState.POLLING
    market.set_price("BTC/USDT", Decimal(91))
    await ear.next()
    assert board.feeds(clock.now())[0].state is FeedState.LIVE


async def test_feed_when_nothing_answers_then_it_is_stale_and_comes_back(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    market.failure = Retryable("no answer")
    clock.pass_seconds(10)
    await asyncio.sleep(2 * SILENCE)
    (health,) = board.feeds(clock.now())
    assert (health.state, health.age) == (FeedState.STALE, timedelta(seconds=10))

    market.failure = None
    assert (await ear.next()).at == clock.now()


async def test_feed_before_the_first_quote_is_starting(clock: HandClock) -> None:
    async def source(_exchange: str, _market_type: MarketType) -> FakeMarketData:
        raise Retryable("ccxt is not loaded yet")

    board = PriceBoard(source, clock, silence_seconds=SILENCE)
    board.watch(KEY)
    await asyncio.sleep(SILENCE)

    (health,) = board.feeds(clock.now())

    assert (health.key, health.state, health.age) == (KEY, FeedState.STARTING, None)
    await board.stop()


async def test_stream_that_ended_is_opened_again(board: PriceBoard, market: FakeMarketData) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    market.end_streams("BTC/USDT")
    await asyncio.sleep(0.01)
    assert market.streams == {}
    await asyncio.sleep(2 * SILENCE)

    assert market.streams == {"BTC/USDT": 1}


async def test_figures_tell_of_a_lost_stream_and_of_the_time_until_it_spoke_again(
    board: PriceBoard, market: FakeMarketData, clock: HandClock
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    clock.pass_seconds(0.03)
    market.lose_stream("BTC/USDT", clock.now())
    clock.pass_seconds(0.04)
    market.set_price("BTC/USDT", Decimal(101))
    await ear.next()

    figures = board.figures(clock.now())[KEY]
    (health,) = board.feeds(clock.now())
    assert health.figures == figures
    assert (figures.drops, figures.recovery_seconds_max) == (1, 0.04)
    assert (figures.live_seconds, figures.polling_seconds, figures.stale_seconds) == (0.07, 0, 0)


async def test_figures_of_a_symbol_stay_when_nobody_watches_it_any_more(
    board: PriceBoard, clock: HandClock
) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()
    clock.pass_seconds(0.1)

    board.unwatch(KEY)
    clock.pass_seconds(100)

    assert board.figures(clock.now())[KEY].live_seconds == 0.1
    assert board.feeds(clock.now()) == []


async def test_stop_ends_everything(board: PriceBoard, market: FakeMarketData) -> None:
    ear = Ear(board)
    board.watch(KEY)
    await ear.next()

    await board.stop()

    assert market.streams == {}
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("prices")] == []
