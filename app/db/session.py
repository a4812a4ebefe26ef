"""Engines, sessions, and the only place that commits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from app.core.errors import Invalid
from app.db.sqlite import connector, open_file

Done = TypeVar("Done")

MEMORY: Final = ":memory:"
DRIVERS = {"sqlite+aiosqlite", "postgresql+asyncpg", "mysql+aiomysql", "mariadb+aiomysql"}


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction without objects; `info` is what listeners hear once it is committed."""

    connection: Connection
    info: dict[Any, Any] = field(default_factory=dict)


class Database:
    """One database: its engine, and sessions that either only read or commit at their end.

    Args:
        engine: for everything that waits for the database in the event loop.
        apart: a plain one for `together`, which then runs in a thread of its own.
    """

    def __init__(self, engine: AsyncEngine, *, apart: Engine | None = None) -> None:
        self.engine = engine
        self._apart = apart
        self._thread = ThreadPoolExecutor(1, "database")
        self.listeners: list[Callable[[dict[Any, Any]], None]] = []
        self.is_sqlite = engine.dialect.name == "sqlite"
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

    @property
    def engines(self) -> tuple[Engine, ...]:
        """What statements go through, for those who listen to each."""
        return (self.engine.sync_engine, *([self._apart] if self._apart else ()))

    async def together(self, work: Callable[[Writing], Done]) -> Done:
        """What a function does with a connection, committed when it returns.

        For what is written by the hundred: there are no objects to keep, and the whole of it is
        one excursion from the event loop instead of one for each statement. Otherwise as
        `transaction`, but a cancelled caller cuts nothing off, whatever is under way.

        Args:
            work: runs in a thread of its own on SQLite, whose driver gives the interpreter away
                at every step and would fight the event loop for it; elsewhere in the loop's
                thread, which goes on while a statement runs.
        """
        async with self._writer:
            done, info = await _finish(self._begin(work))
        self._tell(info)
        return done

    def _begin(self, work: Callable[[Writing], Done]) -> Awaitable[tuple[Done, dict[Any, Any]]]:
        if self._apart is None:
            begun: Awaitable[tuple[Done, dict[Any, Any]]] = greenlet_spawn(
                self._do, self.engine.sync_engine, work
            )
            return begun
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._do, self._apart, work)

    def _do(self, engine: Engine, work: Callable[[Writing], Done]) -> tuple[Done, dict[Any, Any]]:
        with engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(write=True)
            written = Writing(connection)
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
        self._thread.shutdown()
        if self._apart is not None:
            self._apart.dispose()
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
        return _on_sqlite(url, parsed.database or MEMORY, is_read_only=is_read_only)
    # Each statement sees what is committed by then, on every database: who has a claim, above all.
    return Database(
        create_async_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            isolation_level="READ COMMITTED",
        )
    )


def _on_sqlite(url: str, path: str, *, is_read_only: bool) -> Database:
    if path != MEMORY and not is_read_only:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=20,
        async_creator=connector(path, is_read_only=is_read_only),
    )
    event.listen(engine.sync_engine, "begin", _begin_on_sqlite)
    if path == MEMORY or is_read_only:
        return Database(engine)
    apart = create_engine("sqlite://", creator=partial(open_file, path), poolclass=QueuePool)
    event.listen(apart, "begin", _begin_on_sqlite)
    return Database(engine, apart=apart)


def _begin_on_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
