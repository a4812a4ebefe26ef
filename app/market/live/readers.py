"""Who reads which prices: one venue stream per symbol, one waiting price per reader of it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from app.core.errors import TooMany
from app.market.prices import PriceBoard, PriceKey
from app.trading.quote import Quote

# Of all readers of this process together: what one connection to a venue carries. Whoever guards
# positions shares it, and the limits on what may be asked.
MOST_SYMBOLS: Final = 200


class Reader:
    """The prices that one reader has not taken yet: of each symbol the newest, never a queue."""

    def __init__(self) -> None:
        self._waiting: dict[PriceKey, Quote] = {}
        self._greeted: set[PriceKey] = set()
        self._news = asyncio.Event()

    def put(self, key: PriceKey, quote: Quote) -> None:
        """A newer price of a symbol; one that still waits is forgotten and keeps its place."""
        self._waiting[key] = quote
        self._news.set()

    def forget(self, key: PriceKey) -> None:
        """The symbol is of no interest any more; the next price of it is a first one again."""
        self._waiting.pop(key, None)
        self._greeted.discard(key)

    async def news(self) -> int:
        """Wait until there is something; of how many symbols."""
        await self._news.wait()
        self._news.clear()
        return len(self._waiting)

    def take(self) -> tuple[Quote, bool] | None:
        """The price that waits longest, and whether it is the first of its symbol."""
        if not self._waiting:
            return None
        key = next(iter(self._waiting))
        quote = self._waiting.pop(key)
        is_first = key not in self._greeted
        self._greeted.add(key)
        return quote, is_first


class LivePrices:
    """Hands the prices of a board to readers.

    Args:
        board: has one stream for each symbol, however many read it.
        now: what time it is.
        max_age: a price older than this is no answer to a new reader.
        most_symbols: how many different ones all readers together may read.
    """

    def __init__(
        self,
        board: PriceBoard,
        *,
        now: Callable[[], datetime],
        max_age: timedelta,
        most_symbols: int = MOST_SYMBOLS,
    ) -> None:
        self._board = board
        self._now = now
        self._max_age = max_age
        self._most_symbols = most_symbols
        self._readers: dict[PriceKey, set[Reader]] = {}
        board.listen(self._hear)

    def check_room(self, keys: Sequence[PriceKey]) -> None:
        """See whether all of these may be read, too.

        Raises:
            TooMany: `too_many_symbols`: all readers together read as many as they may.
        """
        if len(self._readers.keys() | set(keys)) > self._most_symbols:
            raise TooMany(
                f"{self._most_symbols} symbols are read here already; try again later.",
                code="too_many_symbols",
            )

    def join(self, reader: Reader, key: PriceKey) -> None:
        """Have the reader get this symbol's prices, beginning with the one that is known.

        Raises:
            TooMany: `too_many_symbols`: all readers together read as many as they may.
        """
        readers = self._readers.get(key)
        if readers is None:
            self.check_room([key])
            readers = self._readers[key] = set()
        if reader not in readers:
            readers.add(reader)
            self._board.watch(key)
        known = self._board.latest(key)
        reader.forget(key)
        if known is not None and known.age(self._now()) <= self._max_age:
            reader.put(key, known)

    def leave(self, reader: Reader, key: PriceKey) -> None:
        """Have the reader get no more of this symbol; nothing when it gets none."""
        readers = self._readers.get(key, set())
        if reader not in readers:
            return
        readers.remove(reader)
        if not readers:
            del self._readers[key]
        self._board.unwatch(key)
        reader.forget(key)

    def _hear(self, key: PriceKey, quote: Quote) -> None:
        for reader in self._readers.get(key, ()):
            reader.put(key, quote)
