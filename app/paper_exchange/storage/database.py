"""The database file: one connection, one commit per step, ledger and state together.

Plain `sqlite3` in the event loop on purpose: with the WAL and `synchronous=NORMAL` a commit is a
write to the page cache, some 50 microseconds, less than a hop to another thread costs. What is
committed survives a kill of this process; only a power cut may take the last moments.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.core.decimals import plain
from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.journal import Income, Journal
from app.paper_exchange.engine.models import Order, Position, Trade
from app.paper_exchange.engine.stops import OrderList
from app.paper_exchange.prices.board import Key, Track
from app.paper_exchange.prices.candles import Closed
from app.paper_exchange.storage.candles import CANDLE, candle_rows
from app.paper_exchange.storage.rows import columns, to_cells
from app.paper_exchange.storage.schema import SCHEMA

FILE_NAME = "paper-exchange.db"
LOCK_NAME = "paper-exchange.lock"


def _upsert(table: str, names: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(names))
    return f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 (our names)


_ORDER = _upsert("orders", columns(Order))
_TRADE = _upsert("trades", columns(Trade))
_POSITION = _upsert("positions", columns(Position))
_ALGO = _upsert("algo_orders", columns(AlgoOrder))
_LIST = _upsert("order_lists", columns(OrderList))
_INCOME = _upsert("incomes", columns(Income))
_TERMS_COLUMNS = ("stop_price", "order_list_id", "is_working", "shares_lock")
_TERMS = _upsert("order_terms", ("order_id", *_TERMS_COLUMNS))
_BALANCE = _upsert("balances", ("account_id", "market", "asset", "free", "locked"))
_TRACK = _upsert("tracks", ("symbol", "price", "step"))
_HELD = _upsert("held_prices", ("market", "symbol", "price"))
_RELEASED = "DELETE FROM held_prices WHERE market = ? AND symbol = ?"
_ENTRY = "INSERT INTO ledger (at, kind, body) VALUES (?, ?, ?)"


class AlreadyServed(RuntimeError):
    """Another process serves this file; two of them would contradict each other."""


class Database:
    """The open file.

    Args:
        folder: where `paper-exchange.db` lies; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: sqlite3.Connection | None = None
        self._lock_path = folder / LOCK_NAME
        path = folder / FILE_NAME
        path.touch(mode=0o600)
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.executescript(SCHEMA)

    def claim(self) -> None:
        """Be the only process that serves this file, until it closes or dies.

        Raises:
            AlreadyServed: another one is.
        """
        lock = sqlite3.connect(self._lock_path, isolation_level=None, timeout=0)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            raise AlreadyServed(f"another process serves {self._lock_path.parent}") from error
        self._lock = lock

    def close(self) -> None:
        """Close the file; committed work is already safe."""
        self.connection.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is kept, or none."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def write(self, journal: Journal, *, at: str, request: dict[str, object] | None) -> None:
        """Keep one step; the request that caused it comes first in the ledger."""
        entries = list(journal.entries)
        if request is not None:
            entries.insert(0, ("request", request))
        if not entries and not journal.algos:
            return
        with self.step() as connection:
            connection.executemany(_ENTRY, _ledger_rows(entries, at))
            connection.executemany(_ORDER, map(to_cells, journal.orders.values()))
            connection.executemany(_TRADE, map(to_cells, journal.trades))
            connection.executemany(_POSITION, map(to_cells, journal.positions.values()))
            connection.executemany(_BALANCE, _balance_rows(journal))
            connection.executemany(_ALGO, map(to_cells, journal.algos.values()))
            connection.executemany(_TERMS, _terms_rows(journal))
            _write_rare(connection, journal)

    def write_market(
        self, tracks: dict[str, Track], closed: Mapping[Key, Sequence[Closed]]
    ) -> None:
        """Remember how far the price sources have come, and the candles that have closed."""
        rows = [(symbol, plain(track.price), track.step) for symbol, track in tracks.items()]
        with self.step() as connection:
            connection.executemany(_TRACK, rows)
            connection.executemany(CANDLE, candle_rows(closed))

    def read_ledger(self, after: int, limit: int) -> list[dict[str, object]]:
        """Entries with a higher number than `after`, in order; all of them for a limit of -1."""
        sql = "SELECT seq, at, kind, body FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self.connection.execute(sql, (after, limit))
        return [
            {"seq": row["seq"], "at": row["at"], "kind": row["kind"], **json.loads(row["body"])}
            for row in rows
        ]


def _write_rare(connection: sqlite3.Connection, journal: Journal) -> None:
    if journal.lists:
        connection.executemany(_LIST, map(to_cells, journal.lists))
    if journal.incomes:
        connection.executemany(_INCOME, map(to_cells, journal.incomes))
    for (market, symbol), price in journal.held.items():
        if price is None:
            connection.execute(_RELEASED, (market.value, symbol))
        else:
            connection.execute(_HELD, (market.value, symbol, plain(price)))


def _ledger_rows(
    entries: Iterable[tuple[str, dict[str, object]]], at: str
) -> Iterator[tuple[str, str, str]]:
    written = time.monotonic_ns()
    for kind, body in entries:
        body["monotonic_ns"] = written
        yield at, kind, msgspec.json.encode(body).decode()


def _terms_rows(journal: Journal) -> Iterator[tuple[int, str, int, bool, bool]]:
    for order in journal.orders.values():
        if order.stop_price > 0 or order.order_list_id != -1:
            terms = order.order_list_id, order.is_working, order.shares_lock
            yield order.id, plain(order.stop_price), *terms


def _balance_rows(journal: Journal) -> Iterator[tuple[int, str, str, str, str]]:
    for (account_id, market, asset), account in journal.balances.items():
        balance = account.balance(market, asset)
        yield account_id, market.value, asset, plain(balance.free), plain(balance.locked)
