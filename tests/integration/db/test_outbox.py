"""Whatever changes is noted with the change, once, and for whose it is."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from app.accounts.models import User
from app.core.clock import SystemClock
from app.core.ids import new_id
from app.db import outbox
from app.db.outbox import Change, Noted, Outbox
from app.db.session import Database
from app.jobs.models import Job
from app.jobs.status import JobStatus
from tests.builders import a_user
from tests.fakes.clock import NOON


def a_job(user: User) -> Job:
    return Job(
        id=new_id(), user_id=user.id, kind="candles_fetch", parameters={}, unit="", created_at=NOON
    )


async def a_kept_job(database: Database) -> Job:
    user = a_user(NOON)
    async with database.transaction() as session:
        session.add(user)
    job = a_job(user)
    async with database.transaction() as session:
        session.add(job)
    return job


async def notes(database: Database) -> list[Noted]:
    async with database.read() as session:
        return list(await outbox.after(session, 0))


async def changes(database: Database) -> list[Change]:
    return [Change(*one[1:]) for one in await notes(database)]


async def test_a_new_row_is_noted_with_its_owner(database: Database) -> None:
    job = await a_kept_job(database)

    assert await changes(database) == [Change(job.user_id, "job", str(job.id))]


async def test_a_row_that_changes_several_times_in_a_transaction_is_noted_once(
    database: Database,
) -> None:
    job = await a_kept_job(database)
    async with database.transaction() as session:
        row = await session.get_one(Job, job.id)
        row.done = 1
        await session.flush()
        row.done = 2

    assert await changes(database) == [Change(job.user_id, "job", str(job.id))] * 2


async def test_all_rows_of_a_transaction_are_noted_by_one_statement(database: Database) -> None:
    user = a_user(NOON)
    jobs = [a_job(user) for _ in range(20)]
    async with database.transaction() as session:
        session.add(user)
    said: list[str] = []
    async with database.transaction() as session:
        session.add_all(jobs)
        await session.flush()
        connection = await session.connection()
        told_by = connection.sync_connection
        assert told_by is not None

        @event.listens_for(told_by, "before_cursor_execute")
        def _hear(*heard: object) -> None:
            said.append(str(heard[2]))

    assert len(said) == 1
    assert "INSERT INTO outbox" in said[0]
    assert {one.subject for one in await notes(database)} == {str(one.id) for one in jobs}


async def test_what_nobody_is_shown_and_what_stays_the_same_is_not_noted(
    database: Database,
) -> None:
    job = await a_kept_job(database)
    async with database.transaction() as session:
        row = await session.get_one(Job, job.id)
        row.held_until = NOON
        row.done = 0

    assert len(await notes(database)) == 1


async def test_a_row_that_is_deleted_is_noted(database: Database) -> None:
    job = await a_kept_job(database)
    async with database.transaction() as session:
        await session.delete(await session.get_one(Job, job.id))

    assert len(await notes(database)) == 2


async def test_a_change_by_statement_is_noted_where_it_is_made(database: Database) -> None:
    job = await a_kept_job(database)
    async with database.transaction() as session:
        await session.execute(update(Job).values(status=JobStatus.DONE))
        outbox.note(session, job)

    assert len(await notes(database)) == 2


async def _give_up(database: Database, job: Job) -> None:
    async with database.transaction() as session:
        (await session.get_one(Job, job.id)).done = 1
        raise RuntimeError


async def test_what_is_rolled_back_was_not_noted(database: Database) -> None:
    job = await a_kept_job(database)
    with pytest.raises(RuntimeError):
        await _give_up(database, job)
    async with database.transaction() as session:
        (await session.get_one(Job, job.id)).done = 2
        await session.flush()
        await session.rollback()

    assert len(await notes(database)) == 1


async def test_listeners_hear_that_something_was_noted(database: Database) -> None:
    heard: list[bool] = []
    database.listeners.append(lambda info: heard.append(outbox.TOLD in info))
    job = await a_kept_job(database)
    async with database.transaction() as session:
        (await session.get_one(Job, job.id)).held_until = NOON

    # The user's row is not told of, the job is, who holds it is not.
    assert heard == [False, True, False]


async def test_numbers_go_on_after_the_old_ones_were_dropped(database: Database) -> None:
    job = await a_kept_job(database)
    for done in (1, 2):
        async with database.transaction() as session:
            (await session.get_one(Job, job.id)).done = done
    before = await notes(database)
    later = SystemClock().now() + timedelta(hours=1)
    async with database.transaction() as session:
        await outbox.forget_before(session, later)
    left = await notes(database)
    async with database.transaction() as session:
        for row in await session.scalars(select(Outbox)):
            await session.delete(row)
    async with database.transaction() as session:
        (await session.get_one(Job, job.id)).done = 3

    [newest], [after] = left, await notes(database)
    assert before[-1].id == newest.id < after.id
