"""Entries get their place in the chain: each once, in order, whoever else is at it."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit.chain import COLUMNS, canonical
from app.audit.models import AuditEntry, AuditSeal
from app.audit.sealing import AT_ONCE, SETTLED_AFTER, WHOLE_EVERY, Sealer
from app.core.ids import new_id
from app.db.session import Database, open_database
from tests.integration.audit.trail import Trail
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.listening import statements_of
from tests.programs.starting import ROOT, Launcher

PATIENCE_SECONDS: Final = 60
# What every database can store: no half of a character, and no zero.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
storable = st.fixed_dictionaries(
    {
        "id": st.builds(new_id),
        "at": st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 the zone comes with them
        "actor": words,
        "action": words,
        "subject_kind": words,
        "subject_id": words,
        "detail": st.dictionaries(words, words, max_size=3),
        "source": st.none() | words,
        "request_id": st.none() | words,
    }
)


async def test_security_38_entries_are_sealed_in_the_order_they_were_made(trail: Trail) -> None:
    first = await trail.sealed(3)
    second = await trail.sealed(2)

    seals = await trail.seals()
    found = await trail.verify()
    assert [number for number, _, _ in seals] == [1, 2, 3, 4, 5]
    assert [entry_id for _, entry_id, _ in seals] == first + second
    assert (found.flaws, found.sealed, found.unsealed) == ([], 5, 0)
    assert (found.head.number, found.head.digest) == (5, seals[-1][2])


async def test_a_long_backlog_is_sealed_in_several_transactions(trail: Trail) -> None:
    made = await trail.write(2 * AT_ONCE + 1)

    assert await trail.sealer.seal_some() == AT_ONCE
    await trail.sealer.seal()

    assert [entry_id for _, entry_id, _ in await trail.seals()] == made
    assert (await trail.verify()).flaws == []


async def test_at_rest_nothing_is_written_and_hardly_anything_read(trail: Trail) -> None:
    await trail.sealed(3)
    before = await trail.seals()
    said: list[str] = []

    with statements_of(trail.database, said):
        for sealer in (trail.sealer, Sealer(trail.database, trail.clock)):
            await sealer.seal()

    # Two questions each; on SQLite a transaction that only reads begins with the first of them.
    asked = [statement for statement in said if statement != "BEGIN"]
    assert [statement.split()[0] for statement in asked] == ["SELECT"] * 4
    assert await trail.seals() == before


async def test_security_38_an_entry_that_was_committed_late_is_sealed(trail: Trail) -> None:
    late = trail.entry()
    on_time = await trail.sealed(2)

    await trail.keep(late)
    await trail.sealer.seal()

    assert [entry_id for _, entry_id, _ in await trail.seals()] == [*on_time, late.id]
    assert (await trail.verify()).flaws == []


async def test_security_38_an_entry_that_was_committed_very_late_is_sealed_in_the_end(
    trail: Trail,
) -> None:
    late = trail.entry()
    on_time = await trail.sealed(2)
    for _ in range(3):
        trail.clock.advance(SETTLED_AFTER.total_seconds())
        await trail.sealer.seal()

    await trail.keep(late)
    await trail.sealer.seal()
    assert (await trail.verify()).unsealed == 1

    trail.clock.advance(WHOLE_EVERY.total_seconds())
    await trail.sealer.seal()
    assert [entry_id for _, entry_id, _ in await trail.seals()] == [*on_time, late.id]


async def test_security_38_two_sealers_at_once_make_one_chain(
    trail: Trail, database_url: str
) -> None:
    elsewhere = open_database(database_url)
    other = Sealer(elsewhere, trail.clock)
    made: list[UUID] = []
    for _ in range(10):
        made += await trail.write(7)
        await asyncio.gather(trail.sealer.seal(), other.seal())
    await elsewhere.close()

    seals = await trail.seals()
    assert [number for number, _, _ in seals] == list(range(1, 71))
    assert [entry_id for _, entry_id, _ in seals] == made
    assert (await trail.verify()).flaws == []


async def test_security_38_a_number_and_an_entry_are_taken_once(trail: Trail) -> None:
    [first] = await trail.sealed(1)
    [second] = await trail.write(1)

    for seal in (
        AuditSeal(number=1, entry_id=second, digest="0" * 64),
        AuditSeal(number=2, entry_id=first, digest="0" * 64),
    ):
        with pytest.raises(IntegrityError):
            async with trail.database.transaction() as session:
                session.add(seal)


async def test_security_38_a_sealer_that_is_killed_before_its_commit_leaves_no_half(
    trail: Trail, database_url: str, warm: Launcher
) -> None:
    first = await trail.sealed(2)
    second = await trail.write(3)

    words = ("-m", "tests.integration.audit.killed_sealer", database_url)
    child = warm.launch(words, {"PATH": os.defpath}, ROOT)
    assert await child.ended(PATIENCE_SECONDS)
    assert warm.status(child) == -signal.SIGKILL
    assert [entry_id for _, entry_id, _ in await trail.seals()] == first

    await trail.sealer.seal()
    assert [entry_id for _, entry_id, _ in await trail.seals()] == first + second
    assert (await trail.verify()).flaws == []


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=st.lists(storable, min_size=10, max_size=20))
async def test_security_38_an_entry_has_the_same_bytes_wherever_it_is_read_from(
    trail: Trail, made: list[dict[str, Any]]
) -> None:
    rows = [{**one, "user_id": trail.user.id} for one in made]
    await trail.keep(*(AuditEntry(**row) for row in rows))

    async with trail.database.read() as session:
        query = select(*AuditEntry.__table__.columns)
        read = {row["id"]: row for row in (await session.execute(query)).mappings()}

    assert set(read[rows[0]["id"]]) == set(COLUMNS)
    assert [canonical(read[row["id"]]) for row in rows] == [canonical(row) for row in rows]


async def test_security_38_the_program_cannot_change_or_delete_an_entry_or_a_seal(
    trail: Trail,
) -> None:
    [entry_id] = await trail.sealed(1)
    before = await trail.seals()

    for table, key, column in ((AuditEntry, entry_id, "actor"), (AuditSeal, 1, "digest")):
        with pytest.raises(RuntimeError, match="never changed"):
            async with trail.database.transaction() as session:
                setattr(await session.get_one(table, key), column, "somebody else")
        with pytest.raises(RuntimeError, match="never deleted"):
            async with trail.database.transaction() as session:
                await session.delete(await session.get_one(table, key))

    assert await trail.seals() == before
    assert (await trail.verify()).flaws == []


async def sealed_and_not(desk: Desk) -> tuple[int, int]:
    seals, entries = await desk.rows(AuditSeal), await desk.rows(AuditEntry)
    return len(seals), len(entries) - len(seals)


async def test_the_worker_seals_what_the_flow_writes_and_then_rests(database: Database) -> None:
    async with open_desk(database) as desk:
        await desk.alert(stop_loss="58000")
        assert (await sealed_and_not(desk))[1] > 5

        await desk.sweep(after_seconds=2)
        sealed, unsealed = await sealed_and_not(desk)
        assert (sealed > 5, unsealed) == (True, 0)

        await desk.sweep(after_seconds=2)
        assert await sealed_and_not(desk) == (sealed, 0)


async def test_a_worker_that_stops_leaves_nothing_unsealed(database: Database) -> None:
    async with open_desk(database) as desk:
        await desk.alert()

        await desk.process.end()
        _, unsealed = await sealed_and_not(desk)

        desk.process = Process(database, desk.town)
        await desk.process.start()
        assert unsealed == 0
