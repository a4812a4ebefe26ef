"""Numbers that are committed out of order reach listeners in order, and none is lost."""

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import User
from app.core.ids import new_id
from app.db import outbox
from app.db.outbox import Change
from app.db.session import Database
from app.events.hub import EventHub
from app.events.listener import Listener
from tests.builders import a_user
from tests.fakes.clock import NOON

SERVER = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def take_number(session: AsyncSession, user_id: object, subject: str) -> None:
    """Write a note that is not committed yet."""
    change = Change(user_id, "job", subject)  # type: ignore[arg-type]  # a UUID
    await session.run_sync(lambda sync: outbox.note_in(sync.connection(), [change]))


def told(listener: Listener) -> Sequence[str]:
    return [subject for (_, subject), _ in listener.take(100)]


@SERVER
async def test_a_note_that_is_committed_after_a_later_one_is_told_before_it(
    database: Database,
) -> None:
    user_id = new_id()
    async with database.transaction() as session:
        await take_number(session, user_id, "before")
    hub = EventHub(database, look_seconds=60, patience_seconds=60)
    async with hub.listening(user_id, None) as listener:
        listener.take_reset()
        listener.take(100)
        async with database.transaction() as slow:
            await take_number(slow, user_id, "first")
            async with database.transaction() as quick:
                await take_number(quick, user_id, "second")
            await hub.look()
            while_it_waits = told(listener)
        await hub.look()

        assert while_it_waits == []
        assert told(listener) == ["first", "second"]


@SERVER
async def test_a_note_that_comes_when_nobody_waits_any_more_is_told_all_the_same(
    database: Database,
) -> None:
    user_id = new_id()
    async with database.transaction() as session:
        await take_number(session, user_id, "before")
    hub = EventHub(database, look_seconds=60, patience_seconds=0.001)
    async with hub.listening(user_id, None) as listener:
        listener.take_reset()
        listener.take(100)
        async with database.transaction() as slow:
            await take_number(slow, user_id, "first")
            async with database.transaction() as quick:
                await take_number(quick, user_id, "second")
            for _ in range(5):
                await hub.look()
            given_up = listener.take(100)
        await hub.look()
        late = listener.take(100)

    [(second, number)] = given_up
    assert second == ("job", "second")
    assert number > 0
    # Without a number: whoever resumes does so after the second one.
    assert late == [(("job", "first"), 0)]


@SERVER
async def test_who_begins_while_an_earlier_note_is_under_way_hears_of_it(
    database: Database,
) -> None:
    user_id = new_id()
    async with database.transaction() as session:
        await take_number(session, user_id, "before")
    hub = EventHub(database, look_seconds=60, patience_seconds=60)
    async with database.transaction() as slow:
        await take_number(slow, user_id, "first")
        async with database.transaction() as quick:
            await take_number(quick, user_id, "second")
        listening = hub.listening(user_id, None)
        listener = await listening.__aenter__()
    await hub.look()
    heard = told(listener)
    await listening.__aexit__(None, None, None)

    assert heard[-2:] == ["first", "second"]


async def test_what_another_process_has_told_already_is_not_unknown_here(
    database: Database,
) -> None:
    user = a_user(NOON)
    await _note(database, user, "before")
    ahead, behind = [EventHub(database, look_seconds=60) for _ in range(2)]
    async with behind.listening(user.id, None):
        await _note(database, user, "one")
        async with ahead.listening(user.id, None) as told_first:
            reset = told_first.take_reset()
        assert reset is not None
        async with behind.listening(user.id, reset.number) as listener:
            assert listener.take_reset() is None
            await _note(database, user, "two")
            await behind.look()

            assert "two" in told(listener)


async def _note(database: Database, user: User, subject: str) -> None:
    async with database.transaction() as session:
        await take_number(session, user.id, subject)
