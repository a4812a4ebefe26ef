"""Candles that have closed, read from and written to the file."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from app.core.decimals import plain
from app.paper_exchange.prices.board import Key
from app.paper_exchange.prices.candles import Candle, Closed
from app.paper_exchange.storage.rows import Cell

CANDLE: Final = "INSERT OR REPLACE INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OF: Final = "SELECT * FROM candles WHERE market = ? AND symbol = ? AND interval = ?"


def candle_rows(closed: Mapping[Key, Sequence[Closed]]) -> Iterator[tuple[Cell, ...]]:
    """What `CANDLE` takes."""
    for (market, symbol), candles in closed.items():
        for interval, one in candles:
            prices = (plain(price) for price in (one.open, one.high, one.low, one.close))
            yield market.value, symbol, interval, one.opened_at, *prices, plain(one.volume)


@dataclass(frozen=True, slots=True)
class StoredCandles:
    """The closed candles of one symbol on one market."""

    connection: sqlite3.Connection
    key: Key

    def first(self) -> Candle | None:
        """The first minute there ever was."""
        return self._one("1m", " ORDER BY opened_at LIMIT 1")

    def newest(self, count: int) -> Sequence[Candle]:
        """The last minutes, oldest first."""
        return self._all("1m", " ORDER BY opened_at DESC LIMIT ?", count)[::-1]

    def between(self, interval: str, since: int, until: int) -> Sequence[Candle]:
        """Those that opened in between, both ends included, oldest first."""
        return self._all(
            interval, " AND opened_at BETWEEN ? AND ? ORDER BY opened_at", since, until
        )

    def before(self, interval: str, at: int) -> Candle | None:
        """The last one that opened before."""
        return self._one(interval, " AND opened_at < ? ORDER BY opened_at DESC LIMIT 1", at)

    def _one(self, interval: str, rest: str, *cells: Cell) -> Candle | None:
        found = self._all(interval, rest, *cells)
        return found[0] if found else None

    def _all(self, interval: str, rest: str, *cells: Cell) -> list[Candle]:
        market, symbol = self.key
        rows = self.connection.execute(_OF + rest, (market.value, symbol, interval, *cells))
        return [
            Candle(
                row["opened_at"],
                *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")),
            )
            for row in rows
        ]
