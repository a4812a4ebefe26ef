"""Public data of one market of one venue, through a ccxt client without keys."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from loguru import logger

from app.core.clock import Clock
from app.core.errors import ExchangeError, Invalid, Retryable
from app.exchanges.candles import AskForCandles, most_at_once
from app.exchanges.client import speaking
from app.exchanges.errors import Call, UnreadableReply
from app.exchanges.mapping import Raw, instrument_of, market_type_of, milliseconds
from app.exchanges.ticks import Ticks
from app.exchanges.venue import OnDrop
from app.trading.candle import Candle
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
UNSUBSCRIBE_SECONDS = 1.0
# A stream that knows no price younger than this, while the price moves, is dead: it looks open,
# and asking for the same again on the same connection does not help.
DEAD_AFTER = timedelta(seconds=4)
RENEWED_AT_MOST_EVERY = timedelta(seconds=10)


class CcxtMarket:
    """A `MarketData` over a ccxt client without keys.

    Args:
        client: used for this market alone; closed by `close`.
        market_type: which of the venue's markets to show.
        clock: gives quotes their time.
        ask_for_candles: how this venue is asked for candles.
    """

    def __init__(
        self,
        client: Any,
        *,
        market_type: MarketType,
        clock: Clock,
        ask_for_candles: AskForCandles,
    ) -> None:
        self._client = client
        self._ask_for_candles = ask_for_candles
        self._market_type = market_type
        self._clock = clock
        self._streamed: dict[str, Ticks] = {}
        self._renewed_at: datetime | None = None

    async def instruments(self) -> Mapping[str, Instrument]:
        """Every symbol of this market by its ccxt name, asked for anew.

        Raises:
            Retryable: the venue did not answer.
        """
        async with speaking(Call.READ):
            markets = await self._client.load_markets(reload=True)
            ours = [row for row in markets.values() if market_type_of(row) is self._market_type]
            found = [instrument_of(row, self._market_type) for row in ours]
        return {instrument.symbol: instrument for instrument in found if instrument is not None}

    async def share_markets(self, client: Any) -> None:
        """Give another client of the same ccxt class this one's markets, loaded at most once.

        Raises:
            Retryable: the venue did not answer; nothing else was asked of it.
        """
        async with speaking(Call.READ):
            if self._client.markets is None:
                await self._client.load_markets()
            if client.markets is not self._client.markets:
                client.set_markets_from_exchange(self._client)

    async def quote(self, symbol: str) -> Quote:
        """The prices of this moment, asked by REST.

        Raises:
            OrderRefused: the venue has no such symbol.
            Retryable: the venue did not answer, or without a price.
        """
        await self.share_markets(self._client)
        ticks = Ticks(symbol, is_marked=self._is_marked)
        # Known to have held when we asked, at the earliest; a slow answer is an old one.
        at = self._clock.now()
        async with speaking(Call.READ):
            # Wait for all before one fails; a task group would hide which family it fails with.
            answers = await asyncio.gather(*self._asks(symbol), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
                ticks.take("rest", {**answer, "timestamp": None}, at)
            quote = ticks.quote()
            if quote is None:
                raise UnreadableReply(f"the venue has no price of {symbol}")
        self._renew_if_dead(quote)
        return quote

    async def candles(self, symbol: str, timeframe: Timeframe, since: datetime) -> Sequence[Candle]:
        """One answer's worth of candles that opened at that moment or later, the oldest first.

        The last of them may still be open. An empty answer says nothing of what is later: some
        venues look only as far ahead as one answer reaches, which `candles_at_once` tells.

        Raises:
            Invalid: `unknown_timeframe`, the venue has no candles that long.
            OrderRefused: the venue has no such symbol.
            Retryable: the venue did not answer.
        """
        await self.share_markets(self._client)
        self._check_timeframe(timeframe)
        async with speaking(Call.READ):
            limit = most_at_once(self._client, symbol)
            found = await self._ask_for_candles(
                self._client, symbol, timeframe.value, milliseconds(since), limit
            )
        return [one for one in found if one.open_time >= since]

    def _check_timeframe(self, timeframe: Timeframe) -> None:
        offered = self._client.timeframes or {}
        if timeframe.value not in offered:
            known = ", ".join(one for one in Timeframe if one.value in offered)
            detail = f"{self._client.id} has no {timeframe} candles; it has: {known}"
            raise Invalid(detail, code="unknown_timeframe")

    async def candles_at_once(self, symbol: str) -> int:
        """How many candles one answer holds at most.

        Raises:
            Retryable: the venue's markets could not be loaded.
        """
        await self.share_markets(self._client)
        return most_at_once(self._client, symbol)

    def _renew_if_dead(self, asked: Quote) -> None:
        """Connect anew when a stream has not told of a price that the answer shows.

        A quiet market is no dead stream: there the answer is what was streamed last.
        """
        ticks = self._streamed.get(asked.symbol)
        told = None if ticks is None else ticks.quote()
        if (
            ticks is None
            or told is None
            or told.fair == asked.fair
            or asked.at - told.at < DEAD_AFTER
        ):
            return
        if self._renewed_at and asked.at - self._renewed_at < RENEWED_AT_MOST_EVERY:
            return
        self._renewed_at = asked.at
        ticks.lost_since = told.at
        age_seconds = round((asked.at - told.at).total_seconds(), 1)
        logger.bind(symbol=asked.symbol, age_seconds=age_seconds).warning("stream.renewed")
        for connection in list(self._client.clients.values()):
            # As ccxt does with one that is lost: whoever waits on it hears so, and asks again.
            connection.on_error(Retryable("the stream is silent while the price moves"))

    def _asks(self, symbol: str) -> list[Any]:
        asks = [self._ticker(symbol)]
        if self._is_marked and self._client.has["fetchMarkPrice"]:
            asks.append(self._client.fetch_mark_price(symbol))
        return asks

    async def _ticker(self, symbol: str) -> Raw:
        ticker: dict[str, Any] = await self._client.fetch_ticker(symbol)
        if ticker.get("bid") and ticker.get("ask"):
            return ticker
        # Binance's contract ticker has no bid and ask.
        if self._client.has["fetchBidsAsks"] is True:
            book = (await self._client.fetch_bids_asks([symbol]))[symbol]
            return {**ticker, "bid": book["bid"], "ask": book["ask"]}
        depth = await self._client.fetch_order_book(symbol, 5)
        return {**ticker, "bid": depth["bids"][0][0], "ask": depth["asks"][0][0]}

    @property
    def _is_marked(self) -> bool:
        return self._market_type is not MarketType.SPOT

    async def stream(
        self, symbol: str, *, on_drop: OnDrop | None = None
    ) -> AsyncGenerator[Quote, None]:
        """Quotes as they come, for ever; only the newest when the reader is slow.

        A dropped connection makes a pause, not an end: every channel connects again by itself,
        at first at once, then every ten seconds. Nothing is yielded before the venue has told bid,
        ask, last and, on contracts, mark. Close the iterator (`contextlib.aclosing`) to stop.

        Raises:
            OrderRefused: the venue has no such symbol.
            Retryable: the markets could not be loaded; nothing was yielded yet.
        """
        await self.share_markets(self._client)
        async with speaking(Call.READ):
            self._client.market(symbol)
        ticks = self._streamed[symbol] = Ticks(symbol, is_marked=self._is_marked)
        channels = self._channels(symbol)
        lost = on_drop or _nobody_asks
        tasks = [asyncio.create_task(self._follow(channel, ticks, lost)) for channel in channels]
        try:
            while True:
                await ticks.changed()
                quote = ticks.quote()
                if quote is not None:
                    yield quote
        finally:
            if self._streamed.get(symbol) is ticks:
                del self._streamed[symbol]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._unsubscribe(channels)

    def _channels(self, symbol: str) -> list["Channel"]:
        client, has = self._client, self._client.has
        channels = [Channel(client, "ticker", lambda: client.watch_ticker(symbol), symbol)]
        if has.get("watchBidsAsks"):
            channels.append(
                Channel(client, "bids_asks", lambda: client.watch_bids_asks([symbol]), symbol)
            )
        if self._is_marked and has.get("watchMarkPrice"):
            channels.append(
                Channel(client, "mark_price", lambda: client.watch_mark_price(symbol), symbol)
            )
        return channels

    async def _follow(self, channel: "Channel", ticks: Ticks, on_drop: OnDrop) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with speaking(Call.READ):
                    ticks.take(channel.name, await channel.watch(), self._clock.now())
                pause, ticks.lost_since = FIRST_PAUSE_SECONDS, None
            except ExchangeError as error:
                on_drop(ticks.lost_since or self._clock.now())
                log = logger.bind(symbol=ticks.symbol, channel=channel.name, reason=error.detail)
                log.debug("stream.dropped")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _unsubscribe(self, channels: list["Channel"]) -> None:
        for channel in channels:
            # Leaving is a courtesy: a dropped connection has left already.
            with contextlib.suppress(ExchangeError, TimeoutError):
                async with asyncio.timeout(UNSUBSCRIBE_SECONDS), speaking(Call.READ):
                    await channel.leave()

    async def close(self) -> None:
        """Let go of the connections; streams must have been closed before."""
        await self._client.close()


def _nobody_asks(_since: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One subscription of one symbol."""

    client: Any
    name: str
    watch: Callable[[], Awaitable[Any]]
    symbol: str

    async def leave(self) -> None:
        """Unsubscribe, where ccxt can."""
        call = LEAVE[self.name]
        if self.client.has.get(call[0]):
            await getattr(self.client, call[1])([self.symbol])


LEAVE = {
    "ticker": ("unWatchTickers", "un_watch_tickers"),
    "bids_asks": ("unWatchBidsAsks", "un_watch_bids_asks"),
    "mark_price": ("unWatchMarkPrices", "un_watch_mark_prices"),
}
