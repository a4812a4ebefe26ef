"""The prices that a stream was asked for."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.core.errors import TooMany
from app.events.stream import Say
from app.http.event_streams import frame
from app.market.finding import market_of
from app.market.instruments import InstrumentBook
from app.market.live.readers import LivePrices, Reader
from app.market.prices import PriceKey
from app.market.schemas import PriceOut
from app.trading.words import MarketType

# Of each symbol so often at most.
PACE_SECONDS: Final = 0.2


async def keys_of(
    instruments: InstrumentBook,
    tickers: str | None,
    *,
    exchange: str,
    market_type: MarketType | None,
    most: int,
) -> Sequence[PriceKey]:
    """The markets that a list of tickers names, each once.

    Args:
        instruments: know what is listed.
        tickers: with commas in between; nothing when None.
        exchange: whose prices.
        market_type: by each ticker's spelling when None.
        most: so many at most.

    Raises:
        TooMany: `too_many_symbols`.
        NotFound: one of them is not listed there.
        Invalid: one of them has no reading.
        ExchangeError: the venue had to be asked, and did not answer.
    """
    names = [name for name in (part.strip() for part in (tickers or "").split(",")) if name]
    if len(names) > most:
        raise TooMany(f"One stream has the prices of {most} symbols at most.", code=TOO_MANY)
    found = [
        await market_of(instruments, name, exchange=exchange, market_type=market_type)
        for name in names
    ]
    return list(dict.fromkeys(found))


TOO_MANY: Final = "too_many_symbols"


@dataclass(frozen=True, slots=True)
class PricePart:
    """Tells prices, of each symbol the newest."""

    prices: LivePrices
    keys: Sequence[PriceKey]

    async def __call__(self, say: Say) -> None:
        """Tell them for ever, beginning with those that are known."""
        with self._reading() as reader:
            while True:
                for _ in range(await reader.news()):
                    taken = reader.take()
                    if taken is not None:
                        await say(frame("price", PriceOut.of(taken[0]).model_dump_json()))
                await asyncio.sleep(PACE_SECONDS)

    @contextmanager
    def _reading(self) -> Iterator[Reader]:
        reader = Reader()
        try:
            for key in self.keys:
                self.prices.join(reader, key)
            yield reader
        finally:
            for key in self.keys:
                self.prices.leave(reader, key)
