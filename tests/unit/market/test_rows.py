"""Rows of the fault matrix about prices: what is asked for, and which of two answers counts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from app.core.clock import SystemClock
from app.exchanges.ticks import Ticks
from app.exchanges.venue import OnDrop
from app.market.prices import FeedState, PriceBoard, PriceKey
from app.trading.quote import Quote
from app.trading.words import MarketType
from tests.builders import SPOT, d
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.exchange import FakeMarketData, an_instrument

KEY = PriceKey("paper", MarketType.SPOT, SPOT)
SILENCE_SECONDS = 0.1
QUIET_SECONDS = 1.5


async def test_row_62_a_quiet_market_then_is_asked_once_per_silence_and_never_stale() -> None:
    market = FakeMarketData(an_instrument(), clock=SystemClock())
    market.set_price(SPOT, d("100"))

    async def source(_exchange: str, _market_type: MarketType) -> FakeMarketData:
        return market

    board = PriceBoard(source, SystemClock(), silence_seconds=SILENCE_SECONDS)
    board.watch(KEY)
    states = set()
    async with asyncio.timeout(QUIET_SECONDS + 2):
        for _ in range(int(QUIET_SECONDS / 0.05)):
            await asyncio.sleep(0.05)
            states.add(board.feeds(SystemClock().now())[0].state)
    streams = market.streams
    await board.stop()

    assert 1 < market.requests <= QUIET_SECONDS / SILENCE_SECONDS + 1
    assert streams == {SPOT: 1}
    assert FeedState.STALE not in states


@dataclass
class Venue:
    """One venue by two ways: a stream of tickers with its time on them, and slow answers."""

    clock: FakeClock
    rest: Decimal
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Queue[tuple[str, datetime]] = field(default_factory=asyncio.Queue)

    async def quote(self, symbol: str) -> Quote:
        """As it was when it was asked, whenever the answer comes."""
        price, asked_at = self.rest, self.clock.now()
        await self.gate.wait()
        return Quote(symbol, price, price, price, None, asked_at)

    async def stream(
        self, symbol: str, *, on_drop: OnDrop | None = None
    ) -> AsyncGenerator[Quote, None]:
        """Every ticker as it comes, read by the product's own adapter; nothing is dropped."""
        del on_drop
        ticks = Ticks(symbol, is_marked=False)
        while True:
            price, stamp = await self.told.get()
            ticker = {"last": price, "bid": price, "ask": price, "timestamp": milliseconds(stamp)}
            ticks.take("ticker", ticker, self.clock.now())
            quote = ticks.quote()
            assert quote is not None
            yield quote

    async def tell(self, price: str, stamp: datetime) -> None:
        """Put a ticker on the stream, and wait until it was heard."""
        self.told.put_nowait((price, stamp))
        for _ in range(5):
            await asyncio.sleep(0)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass
class Market:
    """A board over that venue, and what those who listen to it heard."""

    venue: Venue
    board: PriceBoard
    heard: list[Decimal]

    @property
    def price(self) -> Decimal:
        quote = self.board.latest(KEY)
        assert quote is not None
        return quote.fair

    async def ask(self) -> asyncio.Task[Quote]:
        """Ask by REST; the answer comes when the gate is opened."""
        asking = self.board.fresh(KEY, timedelta(seconds=-1), self.venue.clock.now())
        task = asyncio.create_task(asking)
        for _ in range(5):
            await asyncio.sleep(0)
        return task


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    venue = Venue(FakeClock(), rest=d("100"))

    async def source(_exchange: str, _market_type: MarketType) -> Venue:
        return venue

    board = PriceBoard(source, venue.clock, silence_seconds=3600)  # type: ignore[arg-type]  # the half that is asked
    heard: list[Decimal] = []
    board.listen(lambda _key, quote: heard.append(quote.fair))
    board.watch(KEY)
    await venue.tell("101", NOON)
    yield Market(venue, board, heard)
    await board.stop()


async def test_row_63_an_answer_older_than_the_stream_then_the_stream_counts(
    market: Market,
) -> None:
    asking = await market.ask()
    market.venue.clock.advance(1)
    await market.venue.tell("105", market.venue.clock.now())
    market.venue.gate.set()
    await asking

    assert market.price == 105
    assert market.heard == [101, 105]


async def test_row_63_an_answer_newer_than_the_stream_then_the_answer_counts(
    market: Market,
) -> None:
    market.venue.gate.set()
    market.venue.clock.advance(10)
    market.venue.rest = d("90")
    await (await market.ask())
    assert market.price == 90

    # The stream repeats what it said ten seconds ago, by the venue's own time.
    await market.venue.tell("101", NOON)
    await market.venue.tell("102", NOON + timedelta(seconds=9))
    assert market.price == 90

    market.venue.clock.advance(1)
    await market.venue.tell("91", market.venue.clock.now())
    assert market.price == 91
    assert market.heard == [101, 90, 91]
