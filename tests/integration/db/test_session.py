"""Who commits, and what a failure or a cancelled caller leaves behind."""

import asyncio
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.util import await_only

from app.accounts.models import Invite
from app.core.clock import SystemClock
from app.core.errors import Invalid
from app.db.session import PING_AFTER_SECONDS, Database, Writing, open_database
from tests.conftest import POSTGRESQL
from tests.listening import at_each_commit, no_space_left

NOW = SystemClock().now()
# Statements that take a good while.
SLOW = {
    "postgresql": "SELECT pg_sleep(0.3)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) "
    "SELECT count(*) FROM n",
}


def an_invite() -> Invite:
    return Invite(id=uuid4(), digest=uuid4().hex * 2, role="trader", created_at=NOW, expires_at=NOW)


async def fail_after_writing(database: Database, **info: str) -> None:
    async with database.transaction() as session:
        session.info.update(info)
        session.add(an_invite())
        # Reach the database before the failure, so that there is something to take back.
        await session.flush()
        raise Invalid("no")


async def count(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Invite)) or 0


async def test_a_transaction_commits_at_its_end(database: Database) -> None:
    async with database.transaction() as session:
        session.add(an_invite())

    assert await count(database) == 1


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(Invalid):
        await fail_after_writing(database)

    assert await count(database) == 0


async def test_a_commit_that_fails_is_an_error_and_leaves_nothing(database: Database) -> None:
    heard: list[dict[Any, Any]] = []
    database.listeners.append(heard.append)

    with at_each_commit(database, no_space_left), pytest.raises(OSError, match="no space"):
        async with database.transaction() as session:
            session.add(an_invite())

    assert heard == []
    # Whoever comes next is not in the midst of it.
    assert await count(database) == 0
    async with database.transaction() as session:
        session.add(an_invite())
    assert await count(database) == 1


async def test_a_read_keeps_nothing(database: Database) -> None:
    async with database.read() as session:
        session.add(an_invite())
        # Written, then left uncommitted.
        await session.flush()

    assert await count(database) == 0


async def test_listeners_hear_of_commits_and_of_nothing_else(database: Database) -> None:
    heard: list[dict[Any, Any]] = []
    database.listeners.append(heard.append)

    async with database.transaction() as session:
        session.info["said"] = "kept"
    with pytest.raises(Invalid):
        await fail_after_writing(database, said="lost")

    assert [info.get("said") for info in heard] == ["kept"]


async def test_a_caller_cancelled_during_the_commit_still_finishes_it(database: Database) -> None:
    begun = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as session:
            session.add(an_invite())
            begun.set()

    task = asyncio.create_task(write())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    # Whole or nothing: whichever it was, the next writer is not held up by it.
    assert await count(database) in {0, 1}
    async with database.transaction() as session:
        session.add(an_invite())
    assert await count(database) in {1, 2}


async def test_a_commit_that_has_begun_when_its_caller_is_cancelled_then_is_done(
    database: Database,
) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    def hold(_connection: Any) -> None:
        begun.set()
        await_only(gate.wait())

    async def write() -> None:
        async with database.transaction() as session:
            session.add(an_invite())

    with at_each_commit(database, hold):
        task = asyncio.create_task(write())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await count(database) == 1


def two_invites(writing: Writing) -> int:
    rows = [
        {
            "id": uuid4(),
            "digest": uuid4().hex * 2,
            "role": "trader",
            "created_at": NOW,
            "expires_at": NOW,
        }
        for _ in range(2)
    ]
    writing.info["said"] = "kept"
    writing.connection.execute(insert(Invite), rows)
    return len(rows)


async def test_work_together_is_committed_and_heard_of(database: Database) -> None:
    heard: list[dict[Any, Any]] = []
    database.listeners.append(heard.append)

    assert await database.together(two_invites) == 2

    assert await count(database) == 2
    assert heard == [{"said": "kept"}]


async def test_work_together_that_raises_leaves_nothing_and_nobody_hears(
    database: Database,
) -> None:
    heard: list[dict[Any, Any]] = []
    database.listeners.append(heard.append)

    def fail(writing: Writing) -> None:
        two_invites(writing)
        raise Invalid("no")

    with pytest.raises(Invalid):
        await database.together(fail)

    assert heard == []
    assert await count(database) == 0
    assert await database.together(two_invites) == 2


async def test_work_together_whose_commit_fails_is_an_error_and_leaves_nothing(
    database: Database,
) -> None:
    with at_each_commit(database, no_space_left), pytest.raises(OSError, match="no space"):
        await database.together(two_invites)

    # Whoever comes next is not in the midst of it.
    assert await count(database) == 0
    assert await database.together(two_invites) == 2
    assert await count(database) == 2


async def test_work_together_that_has_begun_when_its_caller_is_cancelled_then_is_done(
    database: Database,
) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def slowly(writing: Writing) -> None:
        loop.call_soon_threadsafe(begun.set)
        writing.connection.exec_driver_sql(SLOW[writing.connection.dialect.name])
        two_invites(writing)

    task = asyncio.create_task(database.together(slowly))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await count(database) == 2


async def test_work_together_on_sqlite_is_at_hand_but_its_commit_is_waited_for(
    sqlite_database: Database,
) -> None:
    where: dict[str, int] = {}

    def note(statement: str) -> None:
        where[statement.split(maxsplit=1)[0]] = threading.get_ident()

    def traced(writing: Writing) -> None:
        raw: Any = writing.connection.connection.driver_connection
        raw._conn.set_trace_callback(note)
        two_invites(writing)

    await sqlite_database.together(two_invites)
    await sqlite_database.together(traced)

    assert where["BEGIN"] == where["INSERT"] == threading.get_ident()
    assert where["COMMIT"] != threading.get_ident()


async def test_a_commit_on_sqlite_when_the_loop_is_busy_then_does_not_wait_for_it(
    sqlite_database: Database,
) -> None:
    log = Path(f"{sqlite_database.engine.url.database}-wal")
    sizes: list[int] = []

    def keep_busy(writing: Writing) -> None:
        two_invites(writing)
        sizes.append(log.stat().st_size)
        asyncio.get_running_loop().call_soon(be_busy)

    def be_busy() -> None:
        # Whoever asks for the interpreter now does not get it.
        ends = time.monotonic() + 0.1
        while time.monotonic() < ends:
            pass
        sizes.append(log.stat().st_size)

    await sqlite_database.together(two_invites)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        # More than once: a thread that gets no processor for two milliseconds is not waited for.
        for _ in range(5):
            await sqlite_database.together(keep_busy)
    finally:
        sys.setswitchinterval(interval)

    assert any(after > before for before, after in zip(sizes[::2], sizes[1::2], strict=True))


async def test_work_together_waits_for_another_process_without_stopping_the_loop(
    sqlite_database: Database,
) -> None:
    path = sqlite_database.engine.url.database
    with closing(sqlite3.connect(path or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(sqlite_database.together(two_invites))
        await asyncio.sleep(0.1)
        assert not task.done()
        other.execute("ROLLBACK")
        assert await task == 2

    assert await count(sqlite_database) == 2


async def test_fifty_writers_at_once_all_get_through(database: Database) -> None:
    async def write() -> None:
        async with database.transaction() as session:
            session.add(an_invite())

    await asyncio.gather(*(write() for _ in range(50)))

    assert await count(database) == 50


async def test_sqlite_is_durable_and_does_not_wait_for_ever(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    async with database.read() as session:
        found = [
            await session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await database.close()

    assert found == ["wal", 2, 1, 2000]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a database URL"),
        ("oracle://x", "not supported"),
        ("postgresql://u:secret@h/d", "not supported"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        open_database(url)

    assert "secret" not in refusal.value.detail


async def test_a_file_that_cannot_be_opened_leaves_no_thread_that_answers_later(
    tmp_path: Path,
) -> None:
    nowhere = open_database(f"sqlite+aiosqlite:///{tmp_path}/nothing/here.db")
    (tmp_path / "nothing").rmdir()
    before = set(threading.enumerate())
    with pytest.raises(OperationalError):
        async with nowhere.read() as session:
            await session.execute(text("SELECT 1"))

    assert set(threading.enumerate()) <= before
    await nowhere.close()


@pytest.mark.parametrize("database_url", [POSTGRESQL], indirect=True)
async def test_a_connection_that_the_server_ended_while_it_idled_is_not_given_out(
    database: Database,
) -> None:
    assert await count(database) == 0
    await end_the_others(database)
    await asyncio.sleep(PING_AFTER_SECONDS)

    assert await count(database) == 0


async def end_the_others(database: Database) -> None:
    """As a server that is started anew does."""
    other = open_database(database.engine.url.render_as_string(hide_password=False))
    async with other.read() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await other.close()


@pytest.mark.parametrize("database_url", [POSTGRESQL], indirect=True)
async def test_one_statement_is_its_own_transaction(database: Database) -> None:
    def write(writing: Writing) -> None:
        writing.connection.execute(
            insert(Invite).values(
                id=uuid4(), digest=uuid4().hex * 2, role="trader", created_at=NOW, expires_at=NOW
            )
        )
        writing.info["said"] = "written"
        raise OSError("the answer is lost")

    heard: list[dict[Any, Any]] = []
    database.listeners.append(heard.append)

    with pytest.raises(OSError, match="lost"):
        await database.together(write, is_one_statement=True)

    # It was committed with its answer, whatever happened to whoever asked.
    assert (await count(database), heard) == (1, [])
