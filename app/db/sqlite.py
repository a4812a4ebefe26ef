"""SQLite through aiosqlite with one trip to its thread for a statement instead of four.

SQLAlchemy makes a cursor, executes, fetches all and closes, and waits for aiosqlite's thread each
time; on a laptop the waiting costs more than the statement. Here the trip brings everything home.

A batch makes no trips but the one that waits for the disk (`at_hand`): a thread that has run a
statement wins the interpreter back from a busy event loop only milliseconds later. Nor does it take
SQLAlchemy's way to a statement (`run_plain`), which is longer than SQLite's own.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

SQLITE_BUSY_MILLISECONDS = 2_000
# How long a commit may take to begin, at most, while the event loop stands still for it.
BEGIN_SECONDS: Final = 0.002


class OneTripCursor:
    """What SQLAlchemy asks of a cursor; everything but executing is answered from memory."""

    def __init__(self, connection: "OneTripConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.lastrowid: int | None = -1
        self.rowcount = -1

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> "OneTripCursor":
        """Run one statement and bring its rows along."""
        self._keep(*await self._connection.run(_execute, operation, parameters))
        return self

    async def executemany(
        self, operation: str, parameters: Sequence[Sequence[Any]]
    ) -> "OneTripCursor":
        """Run one statement for many rows of parameters."""
        self._keep(*await self._connection.run(_execute_many, operation, parameters))
        return self

    async def fetchall(self) -> list[Any]:
        """The rows of the last statement."""
        return self._rows

    async def close(self) -> None:
        """Nothing is held at the thread."""

    def _keep(self, rows: list[Any], cursor: sqlite3.Cursor) -> None:
        self._rows = rows
        self.description = cursor.description
        self.lastrowid = cursor.lastrowid
        self.rowcount = cursor.rowcount


class OneTripConnection(aiosqlite.Connection):
    """An aiosqlite connection that gives out cursors which travel once."""

    def __init__(self, path: str, *, is_read_only: bool = False) -> None:
        opener = _open_read_only if is_read_only else _open
        super().__init__(lambda: opener(path), iter_chunk_size=64)
        # As SQLAlchemy does for the connections it makes: a process that gives up must end.
        self._thread.daemon = True
        self._begin: str | None = None
        self.is_at_hand = False

    async def _connect(self) -> "OneTripConnection":
        try:
            await super()._connect()
        except sqlite3.Error:
            # Told to end, its thread still answers to the event loop, which a caller that gives
            # up closes at once.
            self._thread.join()
            raise
        return self

    async def cursor(self) -> OneTripCursor:  # type: ignore[override]  # aiosqlite decorates its own
        """A cursor; nothing happens at the thread yet."""
        return OneTripCursor(self)

    def begin_with_next(self, *, writes: bool) -> None:
        """Begin a transaction on the way to its first statement.

        Args:
            writes: it waits for its turn to write at once, and not when it has read already.
        """
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    async def commit(self) -> None:
        """Keep what the transaction did; one that did nothing has not begun.

        The disk is waited for in the thread, and the thread is waited for until it begins: from a
        busy event loop it would win the interpreter for that only milliseconds later, in which the
        disk does nothing.
        """
        if not self._has_begun():
            return
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        begins = Lock()
        begins.acquire()
        self._tx.put_nowait((kept, partial(_commit, self._conn, begins)))
        begins.acquire(timeout=BEGIN_SECONDS)
        await kept

    async def rollback(self) -> None:
        """Take back what the transaction did; one that did nothing has not begun."""
        if self._has_begun():
            await super().rollback()

    def _has_begun(self) -> bool:
        self._begin = None
        return self.in_transaction

    async def run(self, function: Any, *arguments: Any) -> Any:
        """Call a function with the raw connection: on its thread, unless that is at hand."""
        if self.is_at_hand and self._begin_at_once():
            return function(self._conn, *arguments)
        begin, self._begin = self._begin, None
        # aiosqlite leaves this untyped; everything that runs on its thread goes through it.
        return await self._execute(_run, self._conn, begin, function, arguments)  # type: ignore[no-untyped-call]

    def _begin_at_once(self) -> bool:
        """Whether a transaction is under way, or could be begun without waiting for a lock."""
        if self._begin is None:
            return self.in_transaction
        try:
            self._conn.execute("PRAGMA busy_timeout=0")
            self._conn.execute(self._begin)
        except sqlite3.OperationalError:
            # Another process writes: its end is waited for elsewhere.
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MILLISECONDS}")
        self._begin = None
        return True


def raw_connection(connection: Connection) -> OneTripConnection:
    """Ours, beneath SQLAlchemy's."""
    return cast("OneTripConnection", connection.connection.driver_connection)


@contextmanager
def at_hand(connection: Connection) -> Iterator[None]:
    """Run the block's statements on the thread that makes them; only its commit is waited for.

    For a batch of short writes, which take a fraction of a millisecond: the event loop does nothing
    else meanwhile.
    """
    raw = raw_connection(connection)
    raw.is_at_hand = True
    try:
        yield
    finally:
        raw.is_at_hand = False


def is_plain(connection: Connection) -> bool:
    """Whether `run_plain` may be used: a batch on SQLite, and nobody listens to its statements."""
    raw = connection.connection.driver_connection
    is_batch = isinstance(raw, OneTripConnection) and raw.is_at_hand
    return is_batch and not connection.dispatch.before_cursor_execute


def run_plain(
    connection: Connection, statement: str, parameters: Sequence[Any]
) -> tuple[list[Any], sqlite3.Cursor]:
    """Run a statement of a batch as SQLite's driver takes it; its rows, and its cursor.

    SQLAlchemy's own way costs more than the statement: a context, a cursor in two layers, a result.

    Args:
        connection: for which `is_plain`.
        statement: in the driver's words.
        parameters: as the driver takes them.

    Raises:
        DBAPIError: as SQLAlchemy says it, without the parameters: they may be somebody's alert.
    """
    if not connection.in_transaction():
        connection.begin()
    running = raw_connection(connection).run(_execute, statement, parameters)
    try:
        rows, cursor = await_only(running)
    except sqlite3.Error as failed:
        raise DBAPIError.instance(
            statement, None, failed, sqlite3.Error, hide_parameters=True
        ) from failed
    return rows, cursor


def connector(path: str, *, is_read_only: bool = False) -> Any:
    """What SQLAlchemy calls for a new connection to that file."""

    def connect(*_: Any, **__: Any) -> OneTripConnection:
        return OneTripConnection(path, is_read_only=is_read_only)

    return connect


def _open(path: str) -> sqlite3.Connection:
    # The driver must not begin transactions on its own: a deferred one that writes later can
    # fail with BUSY_SNAPSHOT, whatever the busy timeout.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_MILLISECONDS}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _open_read_only(path: str) -> sqlite3.Connection:
    """A connection that SQLite itself keeps from writing, whatever is asked of it."""
    connection = sqlite3.connect(
        f"{Path(path).absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MILLISECONDS}")
    return connection


def _run(
    connection: sqlite3.Connection, begin: str | None, function: Any, arguments: tuple[Any, ...]
) -> Any:
    if begin is not None:
        connection.execute(begin)
    return function(connection, *arguments)


def _commit(connection: sqlite3.Connection, begins: Lock) -> None:
    begins.release()
    connection.commit()


def _execute(
    connection: sqlite3.Connection, operation: str, parameters: Sequence[Any]
) -> tuple[list[Any], sqlite3.Cursor]:
    cursor = connection.execute(operation, parameters)
    return (cursor.fetchall() if cursor.description else []), cursor


def _execute_many(
    connection: sqlite3.Connection, operation: str, parameters: Sequence[Sequence[Any]]
) -> tuple[list[Any], sqlite3.Cursor]:
    return [], connection.executemany(operation, parameters)
