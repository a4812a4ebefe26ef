"""The newest price of every symbol anyone watches, and how old it is."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from loguru import logger

from app.core.clock import Clock
from app.core.errors import AppError
from app.market.instruments import MarketSource
from app.market.uptime import Figures, Uptime
from app.trading.quote import Quote
from app.trading.words import MarketType

LONGEST_PAUSE_SECONDS = 30.0


class PriceKey(NamedTuple):
    """One symbol of one market of one venue."""

    exchange: str
    market_type: MarketType
    symbol: str


class FeedState(StrEnum):
    """How the prices of a watched symbol come in."""

    STARTING = "starting"
    LIVE = "live"
    POLLING = "polling"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """One watched symbol. `age` is how old its last price is, None before the first."""

    key: PriceKey
    state: FeedState
    age: timedelta | None
    figures: Figures


Listener = Callable[[PriceKey, Quote], None]


@dataclass(slots=True)
class _Feed:
    task: asyncio.Task[None]
    readers: int = 1
    is_polled: bool = False


class PriceBoard:
    """Quotes in memory, fed by one stream per watched symbol, by polling while that is silent.

    Args:
        source: gives the market data of an exchange and market type.
        clock: the time that ages are counted in.
        silence_seconds: how old a price may get before it is asked for by REST.
    """

    def __init__(self, source: MarketSource, clock: Clock, *, silence_seconds: float = 2.0) -> None:
        self._source = source
        self._clock = clock
        self._silence = timedelta(seconds=silence_seconds)
        self._quotes: dict[PriceKey, Quote] = {}
        self._feeds: dict[PriceKey, _Feed] = {}
        self._uptimes: dict[PriceKey, Uptime] = {}
        self._fetches: dict[PriceKey, asyncio.Task[Quote]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []

    def watch(self, key: PriceKey) -> None:
        """Follow the symbol; pair every call with an `unwatch`. One stream serves all readers."""
        if key in self._feeds:
            self._feeds[key].readers += 1
            return
        self._uptime(key).begin(self._clock.now())
        name = f"prices {key.exchange} {key.symbol}"
        self._feeds[key] = _Feed(asyncio.create_task(self._follow(key), name=name))

    def unwatch(self, key: PriceKey) -> None:
        """Stop following with the last reader; its last quote stays known, and grows old."""
        feed = self._feeds.get(key)
        if feed is None:
            return
        feed.readers -= 1
        if feed.readers == 0:
            self._end(self._feeds.pop(key).task)
            self._uptime(key).rest(self._clock.now())

    def _uptime(self, key: PriceKey) -> Uptime:
        if key not in self._uptimes:
            self._uptimes[key] = Uptime(2 * self._silence)
        return self._uptimes[key]

    def _end(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.cancel()

    def latest(self, key: PriceKey) -> Quote | None:
        """The newest quote we know, however old; None when there never was one."""
        return self._quotes.get(key)

    async def fresh(self, key: PriceKey, max_age: timedelta, now: datetime) -> Quote:
        """A quote that is not older than `max_age`, or else the venue's answer of this moment.

        Callers that ask at the same time share one request.

        Raises:
            Invalid: we do not know that market.
            ExchangeError: the venue did not answer.
        """
        known = self._quotes.get(key)
        if known is not None and known.age(now) <= max_age:
            return known
        return await self._fetch(key)

    async def _fetch(self, key: PriceKey) -> Quote:
        fetch = self._fetches.get(key)
        if fetch is None:
            fetch = asyncio.create_task(self._ask(key))
            self._fetches[key] = fetch
            fetch.add_done_callback(lambda done: self._fetched(key, done))
        return await asyncio.shield(fetch)

    def _fetched(self, key: PriceKey, fetch: asyncio.Task[Quote]) -> None:
        self._fetches.pop(key, None)
        # Every caller may have left meanwhile; a failure nobody waits for is no failure.
        if not fetch.cancelled():
            fetch.exception()

    async def _ask(self, key: PriceKey) -> Quote:
        market = await self._source(key.exchange, key.market_type)
        quote = await market.quote(key.symbol)
        self._accept(key, quote)
        return quote

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have every new quote of every symbol; call the result to leave.

        The listener must not block. What it raises is logged and keeps nobody else from hearing.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def feeds(self, now: datetime) -> list[FeedHealth]:
        """Every watched symbol with the age of its last price."""
        return [self._health(key, feed, now) for key, feed in self._feeds.items()]

    def figures(self, now: datetime) -> dict[PriceKey, Figures]:
        """How well prices came in of every symbol that was ever watched."""
        return {key: uptime.figures(now) for key, uptime in self._uptimes.items()}

    def _health(self, key: PriceKey, feed: _Feed, now: datetime) -> FeedHealth:
        quote, figures = self._quotes.get(key), self._uptime(key).figures(now)
        if quote is None:
            return FeedHealth(key, FeedState.STARTING, None, figures)
        age = quote.age(now)
        # A poll answers one silence after the last price at best, and a second later as a rule.
        if age > 2 * self._silence:
            return FeedHealth(key, FeedState.STALE, age, figures)
        state = FeedState.POLLING if feed.is_polled else FeedState.LIVE
        return FeedHealth(key, state, age, figures)

    async def stop(self) -> None:
        """End every stream and request."""
        for feed in self._feeds.values():
            self._end(feed.task)
        self._feeds.clear()
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*self._ending, *fetches, return_exceptions=True)

    async def _follow(self, key: PriceKey) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stream(key))
            group.create_task(self._poll_when_silent(key))

    async def _stream(self, key: PriceKey) -> None:
        """Listen for ever; a stream that ends or cannot start is started again."""
        pause = 0.0
        lost = self._uptime(key).dropped
        while True:
            try:
                market = await self._source(key.exchange, key.market_type)
                async with aclosing(market.stream(key.symbol, on_drop=lost)) as quotes:
                    async for quote in quotes:
                        pause = 0.0
                        self._accept(key, quote, is_streamed=True)
            except AppError as error:
                logger.bind(symbol=key.symbol, reason=error.detail).warning("prices.no_stream")
            except Exception:  # noqa: BLE001 the feed of a held position must not end
                logger.bind(symbol=key.symbol).exception("prices.stream_failed")
            lost(self._clock.now())
            pause = _longer(pause, self._silence)
            await asyncio.sleep(pause)

    async def _poll_when_silent(self, key: PriceKey) -> None:
        step = self._silence.total_seconds() / 4
        pause = step
        while True:
            await asyncio.sleep(pause)
            known = self._quotes.get(key)
            is_young = known is not None and known.age(self._clock.now()) < self._silence
            pause = step if is_young or await self._poll(key) else _longer(pause, self._silence)

    async def _poll(self, key: PriceKey) -> bool:
        """Ask once; False when there was no answer."""
        try:
            await self._fetch(key)
            self._feeds[key].is_polled = True
            self._uptime(key).polled(self._clock.now())
        except AppError as error:
            logger.bind(symbol=key.symbol, reason=error.detail).warning("prices.no_answer")
            return False
        except Exception:  # noqa: BLE001 the feed of a held position must not end
            logger.bind(symbol=key.symbol).exception("prices.poll_failed")
            return False
        return True

    def _accept(self, key: PriceKey, quote: Quote, *, is_streamed: bool = False) -> None:
        known = self._quotes.get(key)
        if known is not None and quote.at < known.at:
            return
        self._quotes[key] = quote
        feed, now = self._feeds.get(key), self._clock.now()
        if feed is not None:
            self._uptime(key).heard(quote.at, now)
        if feed is not None and is_streamed:
            feed.is_polled = False
            self._uptime(key).streamed(now)
        for listener in tuple(self._listeners):
            try:
                listener(key, quote)
            except Exception:  # noqa: BLE001 one listener must not keep the others from hearing
                logger.bind(symbol=key.symbol).exception("prices.listener_failed")


def _longer(pause: float, first: timedelta) -> float:
    return min(max(pause * 2, first.total_seconds()), LONGEST_PAUSE_SECONDS)
