"""Public data of a venue in memory: instruments, and prices that a test sets."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from app.core.clock import Clock, SystemClock
from app.core.errors import ExchangeError, OrderRefused
from app.exchanges.venue import OnDrop
from app.trading.candle import Candle
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

CANDLES_AT_ONCE = 10


def an_instrument(symbol: str = "BTC/USDT", **changes: object) -> Instrument:
    """BTC with the paper exchange's steps; a symbol with a settle coin is linear."""
    market_type = MarketType.LINEAR if ":" in symbol else MarketType.SPOT
    values = {
        "symbol": symbol,
        "market_type": market_type,
        "base": symbol.partition("/")[0],
        "quote": "USDT",
        "settle": "USDT",
        "quantity_step": Decimal("0.001"),
        "price_tick": Decimal("0.1"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": None,
        "min_notional": Decimal(5),
        "contract_size": Decimal(1),
        "taker_fee_rate": Decimal("0.001"),
        "maker_fee_rate": Decimal("0.001"),
    }
    return Instrument(**{**values, **changes})  # type: ignore[arg-type]  # a builder takes any field


class FakeMarketData:
    """Prices that a test sets; every stream hears them at once.

    Attributes:
        failure: what the next requests by REST raise, until it is None again.
        requests: how many quotes were asked for by REST.
        streams: how many streams are open, by symbol.
        candles_asked: from which moment on candles were asked for, in their order.
        candles_reach: how far ahead one answer looks; None where it is as far as it takes.
    """

    def __init__(self, *instruments: Instrument, clock: Clock | None = None) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._clock = clock or SystemClock()
        self._quotes: dict[str, Quote] = {}
        self._queues: dict[str, list[asyncio.Queue[Quote | None]]] = {}
        self._candles: dict[tuple[str, Timeframe], list[Candle]] = {}
        self._losses: dict[str, OnDrop] = {}
        self.failure: ExchangeError | None = None
        self.requests = 0
        self.candles_asked: list[datetime] = []
        self.candles_reach: timedelta | None = None

    @property
    def streams(self) -> dict[str, int]:
        return {symbol: len(queues) for symbol, queues in self._queues.items() if queues}

    def set_price(
        self,
        symbol: str,
        price: Decimal,
        *,
        mark: Decimal | None = None,
        is_streamed: bool = True,
    ) -> Quote:
        """Bid, ask, last and mark become this price; the mark another one if it is given."""
        mark = (mark or price) if ":" in symbol else None
        quote = Quote(symbol, price, price, price, mark, self._clock.now())
        self._quotes[symbol] = quote
        for queue in self._queues.get(symbol, ()) if is_streamed else ():
            queue.put_nowait(quote)
        return quote

    def lose_stream(self, symbol: str, since: datetime) -> None:
        """The connection is lost and comes back by itself; it has told nothing since then."""
        self._losses[symbol](since)

    def relist(self, symbol: str, **changes: object) -> None:
        """List a symbol with other steps or minimums from now on, or as halted."""
        listed = self._instruments[symbol]
        self._instruments[symbol] = replace(listed, **changes)  # type: ignore[arg-type]  # any field

    def end_streams(self, symbol: str) -> None:
        """Every open stream of the symbol ends, as if the adapter gave up."""
        for queue in self._queues.get(symbol, ()):
            queue.put_nowait(None)

    async def instruments(self) -> Mapping[str, Instrument]:
        if self.failure is not None:
            raise self.failure
        return dict(self._instruments)

    async def quote(self, symbol: str) -> Quote:
        self.requests += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return replace(self.at_hand(symbol), at=self._clock.now())

    def at_hand(self, symbol: str) -> Quote:
        """The price as it is, without a request."""
        if symbol not in self._quotes:
            raise OrderRefused(f"no such symbol: {symbol}")
        return self._quotes[symbol]

    async def stream(
        self, symbol: str, *, on_drop: OnDrop | None = None
    ) -> AsyncGenerator[Quote, None]:
        if symbol not in self._instruments:
            raise OrderRefused(f"no such symbol: {symbol}")
        queue: asyncio.Queue[Quote | None] = asyncio.Queue()
        queues = self._queues.setdefault(symbol, [])
        queues.append(queue)
        if on_drop is not None:
            self._losses[symbol] = on_drop
        try:
            if symbol in self._quotes:
                yield self._quotes[symbol]
            while (quote := await queue.get()) is not None:
                yield quote
        finally:
            queues.remove(queue)

    def set_candles(self, symbol: str, *candles: Candle) -> None:
        """What the venue has of that symbol, the oldest first; of one timeframe."""
        self._candles[symbol, candles[0].timeframe] = list(candles)

    async def candles(self, symbol: str, timeframe: Timeframe, since: datetime) -> Sequence[Candle]:
        self.candles_asked.append(since)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if symbol not in self._instruments:
            raise OrderRefused(f"no such symbol: {symbol}")
        stored = self._candles.get((symbol, timeframe), [])
        found = [one for one in stored if one.open_time >= since][:CANDLES_AT_ONCE]
        if self.candles_reach is not None:
            found = [one for one in found if one.open_time < since + self.candles_reach]
        return found

    async def candles_at_once(self, symbol: str) -> int:
        del symbol
        return CANDLES_AT_ONCE

    async def close(self) -> None:
        self._quotes.clear()
