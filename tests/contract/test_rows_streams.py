"""Rows of the fault matrix about market streams, through ccxt and the paper exchange."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.core.clock import SystemClock
from app.exchanges.room import ExchangeRoom
from app.market.prices import FeedState, PriceBoard, PriceKey
from app.market.uptime import Figures
from app.trading.words import MarketType
from tests.contract.paper_venue import PaperVenue, open_exchange, serve

LINEAR = PriceKey("paper", MarketType.LINEAR, "BTC/USDT:USDT")
QUIET_SECONDS = 7.0
# What a machine with other work may take; nothing is measured against it.
PATIENCE_SECONDS = 60.0
# Long enough for three answers by REST.
MOVED_SECONDS = 6.5


@dataclass
class Wire:
    """Between the client and the exchange: old connections can be made dumb, new ones work.

    Attributes:
        opened: how many streams were ever opened.
    """

    app: Any
    opened: int = 0
    dumb: set[int] = field(default_factory=set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        self.opened += 1
        number = self.opened

        async def say(message: Any) -> None:
            if number not in self.dumb:
                await send(message)

        await self.app(scope, receive, say)

    def silence(self) -> None:
        """What is open now stays open, and says nothing ever again."""
        self.dumb = set(range(1, self.opened + 1))


@dataclass
class Feed:
    """A board that follows one symbol over the wire."""

    wire: Wire
    venue: PaperVenue
    board: PriceBoard

    @property
    def state(self) -> FeedState:
        return self.board.feeds(SystemClock().now())[0].state

    @property
    def figures(self) -> Figures:
        return self.board.figures(SystemClock().now())[LINEAR]

    async def becomes(self, state: FeedState, price: str, seconds: float) -> None:
        """Wait until the price is known, and comes in that way."""
        async with asyncio.timeout(seconds):
            while not self._is(state, price):  # noqa: ASYNC110 the board has no such event
                await asyncio.sleep(0.05)

    def _is(self, state: FeedState, price: str) -> bool:
        quote = self.board.latest(LINEAR)
        return quote is not None and (self.state, quote.fair) == (state, Decimal(price))


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    exchange = open_exchange(tmp_path)
    wire = Wire(exchange.asgi)
    async with serve(wire) as base:
        await exchange.start()
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: base, timeout_seconds=2.0)
        board = PriceBoard(room.market, SystemClock())
        async with aiohttp.ClientSession() as session:
            venue = PaperVenue(base, session)
            await venue.price("BTCUSDT", "60000")
            board.watch(LINEAR)
            yield Feed(wire, venue, board)
        await board.stop()
        await room.close()
        await exchange.stop()


async def test_row_60_streams_that_died_in_silence_then_prices_are_asked_for_and_new_ones_opened(
    feed: Feed,
) -> None:
    await feed.becomes(FeedState.LIVE, "60000", 15)
    before = feed.wire.opened

    feed.wire.silence()
    await feed.venue.price("BTCUSDT", "59000")
    await feed.becomes(FeedState.POLLING, "59000", 5)
    await feed.venue.price("BTCUSDT", "58500")
    await feed.becomes(FeedState.LIVE, "58500", 10)

    assert feed.wire.opened > before
    assert feed.wire.opened <= 2 * before, "each is opened once more, not again and again"


async def test_the_figures_tell_of_a_stream_that_was_cut_and_of_one_that_died_in_silence(
    feed: Feed,
) -> None:
    await feed.becomes(FeedState.LIVE, "60000", PATIENCE_SECONDS)
    assert feed.figures.drops == 0

    cut = await feed.venue.fault("drop_stream", route="stream.market")
    await feed.venue.price("BTCUSDT", "60100")
    await feed.becomes(FeedState.LIVE, "60100", PATIENCE_SECONDS)
    after_cut = feed.figures
    await feed.venue.fault("silent_stream", route="stream.market")
    await feed.venue.price("BTCUSDT", "59000")
    await feed.becomes(FeedState.POLLING, "59000", PATIENCE_SECONDS)
    # The answers by REST show what the stream keeps to itself: it is dead, and opened anew.
    async with asyncio.timeout(PATIENCE_SECONDS):
        while feed.figures.drops == after_cut.drops:  # noqa: ASYNC110 the board has no such event
            await asyncio.sleep(0.05)
    await feed.venue.clear_faults()
    await feed.venue.price("BTCUSDT", "58000")
    await feed.becomes(FeedState.LIVE, "58000", PATIENCE_SECONDS)
    after_silence = feed.figures

    assert cut
    # Two connections carry the market; they may be cut one after the other.
    assert after_cut.drops in {1, 2}
    assert after_cut.recovery_seconds_max is not None
    assert after_cut.recovery_seconds_max < PATIENCE_SECONDS
    assert after_silence.drops > after_cut.drops
    assert after_silence.recovery_seconds_max is not None
    # From the last price by stream: it is noticed after four seconds at the earliest.
    assert 4 <= after_silence.recovery_seconds_max < PATIENCE_SECONDS
    assert after_silence.polling_seconds > after_cut.polling_seconds
    assert after_silence.live_fraction is not None
    assert 0 < after_silence.live_fraction < 1


async def test_row_62_a_quiet_market_then_nothing_is_connected_anew_until_the_price_moves(
    feed: Feed,
) -> None:
    await feed.becomes(FeedState.LIVE, "60000", 15)
    before = feed.wire.opened

    await feed.venue.fault("silent_stream", route="stream.market")
    await asyncio.sleep(QUIET_SECONDS)

    assert feed.wire.opened == before
    assert feed.state is FeedState.POLLING

    # Now the silence hides something. New connections say nothing either: they are tried once.
    await feed.venue.price("BTCUSDT", "59000")
    await asyncio.sleep(MOVED_SECONDS)
    assert before < feed.wire.opened <= 2 * before
    await feed.venue.clear_faults()
    await feed.becomes(FeedState.LIVE, "59000", 5)
