"""Whatever is done to the trail behind its back is found and named."""

from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import select

from app.audit import verifying
from app.audit.chain import digest_after
from app.audit.models import AuditEntry
from app.audit.repository import Head
from app.audit.verifying import FlawKind, Verification
from app.core.ids import new_id
from tests.integration.audit.trail import Trail

CHANGES: Final = (
    "UPDATE audit_entries SET at = '2026-03-02 12:00:00.000001' WHERE id = :id",
    "UPDATE audit_entries SET user_id = NULL WHERE id = :id",
    "UPDATE audit_entries SET actor = 'eve' WHERE id = :id",
    "UPDATE audit_entries SET action = 'signal.rejected' WHERE id = :id",
    "UPDATE audit_entries SET subject_kind = 'order' WHERE id = :id",
    "UPDATE audit_entries SET subject_id = 'another' WHERE id = :id",
    'UPDATE audit_entries SET detail = \'{"reason": "so "}\' WHERE id = :id',
    "UPDATE audit_entries SET source = '10.0.0.1' WHERE id = :id",
    "UPDATE audit_entries SET request_id = NULL WHERE id = :id",
)
REMOVE: Final = "DELETE FROM audit_entries WHERE id = :id"
REMOVE_SEAL: Final = "DELETE FROM audit_seals WHERE number = :number"
RENUMBER: Final = "UPDATE audit_seals SET number = :to WHERE number = :number"
REPLACE: Final = "UPDATE audit_seals SET entry_id = :id WHERE number = :number"
SEAL_ANEW: Final = "UPDATE audit_seals SET digest = :digest WHERE number = :number"
BECOME_EVE: Final = CHANGES[2]


def named(found: Verification) -> list[tuple[str, int | None, UUID | None]]:
    return [(one.kind.value, one.number, one.entry_id) for one in found.flaws]


async def test_security_38_a_change_of_any_column_is_found_and_named(trail: Trail) -> None:
    first, *ids, last = await trail.sealed(len(CHANGES) + 2)

    for statement, entry_id in zip(CHANGES, ids, strict=True):
        await trail.tamper(statement, id=entry_id)

    found = await trail.verify()
    assert named(found) == [("changed", number, one) for number, one in enumerate(ids, start=2)]
    assert not {first, last} & {one.entry_id for one in found.flaws}
    assert str(ids[0]) in found.flaws[0].sentence
    assert "(number 2) is not what was sealed" in found.flaws[0].sentence


async def test_security_38_an_entry_with_another_id_is_one_removed_and_one_added(
    trail: Trail,
) -> None:
    ids = await trail.sealed(3)

    await trail.tamper(
        "UPDATE audit_entries SET id = :other WHERE id = :id", other=new_id(), id=ids[1]
    )

    found = await trail.verify()
    assert named(found) == [("removed", 2, ids[1])]
    assert found.unsealed == 1


async def test_security_38_a_removed_entry_is_found_and_named(trail: Trail) -> None:
    ids = await trail.sealed(4)

    await trail.tamper(REMOVE, id=ids[2])

    found = await trail.verify()
    assert named(found) == [("removed", 3, ids[2])]
    assert found.flaws[0].sentence == (
        f"Entry {ids[2]} (number 3) was removed; its seal is still there."
    )


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ([1], "Number 1 is missing: the seals were removed, and maybe their entries."),
        ([2, 3], "Numbers 2 to 3 are missing: the seals were removed, and maybe their entries."),
    ],
)
async def test_security_38_an_entry_removed_with_its_seal_leaves_a_hole(
    trail: Trail, gone: list[int], sentence: str
) -> None:
    ids = await trail.sealed(5)

    for number in gone:
        await trail.tamper(REMOVE_SEAL, number=number)
        await trail.tamper(REMOVE, id=ids[number - 1])

    found = await trail.verify()
    assert [one.sentence for one in found.flaws] == [sentence]


async def test_security_38_a_hole_that_is_closed_by_counting_anew_is_found(trail: Trail) -> None:
    ids = await trail.sealed(4)

    await trail.tamper(REMOVE_SEAL, number=2)
    await trail.tamper(REMOVE, id=ids[1])
    await trail.tamper(RENUMBER, number=3, to=2)
    await trail.tamper(RENUMBER, number=4, to=3)

    assert named(await trail.verify()) == [("changed", 2, ids[2])]


async def test_security_38_two_entries_that_changed_places_are_found(trail: Trail) -> None:
    ids = await trail.sealed(4)

    await trail.tamper(REPLACE, number=2, id=new_id())
    await trail.tamper(REPLACE, number=3, id=ids[1])
    await trail.tamper(REPLACE, number=2, id=ids[2])

    assert named(await trail.verify()) == [("changed", 2, ids[2]), ("changed", 3, ids[1])]


async def test_security_38_an_entry_sealed_anew_breaks_the_chain_after_it(trail: Trail) -> None:
    ids = await trail.sealed(4)
    (_, _, before), *_ = await trail.seals()
    await trail.tamper(BECOME_EVE, id=ids[1])

    digest = digest_after(before, await values_of(trail, ids[1]))
    await trail.tamper(SEAL_ANEW, number=2, digest=digest)

    found = await trail.verify()
    assert named(found) == [("changed", 3, ids[2])]
    assert str(ids[1]) in found.flaws[0].sentence


async def test_security_38_a_seal_that_says_something_else_is_found(trail: Trail) -> None:
    ids = await trail.sealed(3)

    await trail.tamper(SEAL_ANEW, number=2, digest="nothing")

    assert named(await trail.verify()) == [("changed", 2, ids[1]), ("changed", 3, ids[2])]


async def test_security_38_an_entry_added_between_is_found_before_and_after_it_is_sealed(
    trail: Trail,
) -> None:
    await trail.sealed(1)
    then = trail.clock.now()
    trail.clock.advance(2 * verifying.LATE.total_seconds())
    await trail.sealed(1)

    [added] = await trail.keep(trail.entry(at=then))
    before = await trail.verify()
    await trail.sealer.seal()
    after = await trail.verify()

    assert named(before) == [("added", None, added)]
    assert named(after) == [("added", 3, added)]
    assert "2026-03-02T12:00:01.000000Z" in after.flaws[0].sentence


async def test_security_38_an_end_that_was_cut_off_is_seen_with_a_head_that_was_kept(
    trail: Trail,
) -> None:
    ids = await trail.sealed(4)
    kept = await trail.head()
    assert (await trail.verify(kept)).flaws == []

    for number in (3, 4):
        await trail.tamper(REMOVE_SEAL, number=number)
        await trail.tamper(REMOVE, id=ids[number - 1])

    assert (await trail.verify()).flaws == []
    found = await trail.verify(kept)
    assert named(found) == [("cut", 4, None)]
    assert "ends at number 2, before the head that was kept (4)" in found.flaws[0].sentence


async def test_security_38_a_chain_made_anew_is_seen_with_a_head_that_was_kept(
    trail: Trail,
) -> None:
    ids = await trail.sealed(4)
    kept = await trail.head()

    await trail.tamper(BECOME_EVE, id=ids[1])
    digest = "0" * 64
    for number, entry_id in enumerate(ids, start=1):
        digest = digest_after(digest, await values_of(trail, entry_id))
        await trail.tamper(SEAL_ANEW, number=number, digest=digest)

    assert (await trail.verify()).flaws == []
    assert named(await trail.verify(kept)) == [("changed", 4, None)]
    assert named(await trail.verify(Head(9, kept.digest))) == [("cut", 9, None)]


async def test_a_head_of_earlier_is_still_there_when_the_chain_has_grown(trail: Trail) -> None:
    await trail.sealed(2)
    kept = await trail.head()
    await trail.sealed(3)

    assert (await trail.verify(kept)).flaws == []


async def test_what_waits_for_its_seal_is_counted(trail: Trail) -> None:
    await trail.sealed(2)
    since = trail.clock.now()
    await trail.write(3)

    found = await trail.verify()

    assert (found.sealed, found.unsealed, found.oldest_unsealed_at) == (2, 3, since)
    assert found.flaws == []


async def test_an_empty_trail_is_a_trail(trail: Trail) -> None:
    found = await trail.verify()

    assert (found.head, found.sealed, found.unsealed, found.flaws) == (Head(), 0, 0, [])


async def test_a_walk_says_how_far_it_is(trail: Trail) -> None:
    await trail.sealed(5)
    steps: list[int] = []
    async with trail.database.read() as session:
        await verifying.verify(session, on_progress=steps.append, piece=2)

    assert steps == [2, 2, 1]


@pytest.mark.parametrize(
    "garbage",
    [
        "UPDATE audit_entries SET detail = 'garbage' WHERE id = :id",
        "UPDATE audit_entries SET at = 'yesterday' WHERE id = :id",
        "UPDATE audit_entries SET actor = x'ff00' WHERE id = :id",
        "UPDATE audit_seals SET entry_id = 'nobody' WHERE entry_id = :id",
    ],
)
async def test_security_38_what_is_not_even_of_its_kind_is_named_and_ends_no_walk(
    sqlite_trail: Trail, garbage: str
) -> None:
    ids = await sqlite_trail.sealed(4)

    await sqlite_trail.tamper(garbage, id=ids[1])

    found = await sqlite_trail.verify()
    assert [(one.kind, one.number) for one in found.flaws] == [(FlawKind.CHANGED, 2)]
    assert found.sealed == 4


async def values_of(trail: Trail, entry_id: UUID) -> dict[str, object]:
    query = select(*AuditEntry.__table__.columns).where(AuditEntry.id == entry_id)
    async with trail.database.read() as session:
        return dict((await session.execute(query)).mappings().one())
