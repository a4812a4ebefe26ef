"""Engines, sessions, and the only place that commits."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from app.core.errors import Invalid
from app.db.sqlite import at_hand, connector, raw_connection

Done = TypeVar("Done")

PING_AFTER_SECONDS: Final = 1.0
DRIVERS = {"sqlite+aiosqlite", "postgresql+asyncpg", "mysql+aiomysql", "mariadb+aiomysql"}


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction without objects; `info` is what listeners hear once it is committed."""

    connection: Connection
    info: dict[Any, Any] = field(default_factory=dict)


class Database:
    """One database: its engine, and sessions that either only read or commit at their end."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.listeners: list[Callable[[dict[Any, Any]], None]] = []
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.is_postgresql = engine.dialect.name == "postgresql"
        # SQLite has one writer. Queueing here instead of in its busy handler keeps waiters off
        # the thread pool and wakes them the moment the lock is free.
        self._writer: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for questions; nothing it does is kept."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends and rolls back when it raises.

        A cancelled caller cannot cut a commit in half: once it has begun it is finished. After it,
        each of `listeners` hears what the session's `info` says.
        """
        async with self._writer, self.engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(write=True)
            async with AsyncSession(connection, expire_on_commit=False) as session:
                yield session
                try:
                    await _finish(session.commit())
                except Exception:
                    # SQLAlchemy takes it for ended and rolls nothing back: whoever gets the
                    # connection next would be in the midst of it.
                    await connection.invalidate()
                    raise
        self._tell(session.info)

    async def together(
        self, work: Callable[[Writing], Done], *, is_one_statement: bool = False
    ) -> Done:
        """What a function does with a connection, committed when it returns.

        For what is written by the hundred: there are no objects to keep, and the whole of it is
        one excursion from the event loop instead of one for each statement; on SQLite the
        statements run where they are, and the excursion is the commit. Otherwise as
        `transaction`, but a cancelled caller cuts nothing off, whatever is under way.

        Args:
            work: runs on the event loop's thread; its statements let the loop go on meanwhile.
            is_one_statement: it makes only one, which the database then commits with its answer:
                nobody says begin, or commit.
        """
        async with self._writer:
            doing: Awaitable[tuple[Done, dict[Any, Any]]] = greenlet_spawn(
                self._do, work, is_one_statement=is_one_statement
            )
            done, info = await _finish(doing)
        self._tell(info)
        return done

    def _do(
        self, work: Callable[[Writing], Done], *, is_one_statement: bool
    ) -> tuple[Done, dict[Any, Any]]:
        with self.engine.sync_engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(write=True)
            elif is_one_statement:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            written = Writing(connection)
            with at_hand(connection) if self.is_sqlite else nullcontext():
                done = work(written)
            try:
                connection.commit()
            except Exception:
                connection.invalidate()
                raise
        return done, written.info

    def _tell(self, info: dict[Any, Any]) -> None:
        for listener in self.listeners:
            listener(info)

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()


async def _finish(what: Awaitable[Done]) -> Done:
    """See it through: a caller that is cancelled meanwhile is so when it is done."""
    task = asyncio.ensure_future(what)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def open_database(url: str, *, is_read_only: bool = False) -> Database:
    """Connect lazily to the database behind a SQLAlchemy URL.

    Args:
        url: as in DATABASE_URL.
        is_read_only: SQLite then refuses every write; a file that is not there is not made.

    Raises:
        Invalid: the URL is not one, or names a driver that is not supported.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Invalid("DATABASE_URL is not a database URL", code="bad_database_url") from None
    if parsed.drivername not in DRIVERS:
        raise Invalid(
            f"DATABASE_URL: {parsed.drivername!r} is not supported; use one of {sorted(DRIVERS)}",
            code="bad_database_url",
        )
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite_engine(url, parsed.database, is_read_only=is_read_only))
    # Each statement sees what is committed by then, on every database: who has a claim, above all.
    engine = create_async_engine(
        url, pool_size=10, max_overflow=20, isolation_level="READ COMMITTED"
    )
    _ping_what_idled(engine.sync_engine)
    return Database(engine)


def _ping_what_idled(engine: Engine) -> None:
    """Give out no connection that the server has ended meanwhile.

    SQLAlchemy's own `pool_pre_ping` asks each time, which a busy server need not be asked.
    """

    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ping(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", 0.0) < PING_AFTER_SECONDS:
            return
        try:
            is_alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            is_alive = False
        if not is_alive:
            raise DisconnectionError("the server has ended this connection")


def _sqlite_engine(url: str, path: str | None, *, is_read_only: bool) -> AsyncEngine:
    if path and path != ":memory:" and not is_read_only:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=20,
        # The one that was used last: it has the pages at hand that it is asked for.
        pool_use_lifo=True,
        async_creator=connector(path or ":memory:", is_read_only=is_read_only),
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("write", False)
        raw_connection(connection).begin_with_next(writes=writes)

    return engine
