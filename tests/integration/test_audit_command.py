"""`audit verify` on a real data folder: what it says, and how it ends."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.audit.sealing import Sealer
from app.core.clock import SystemClock
from app.db.session import open_database
from tests.integration.command_line import data_folder, run

GOOD_PASSWORD = "a-long-password\n"
LONG_AGO = "UPDATE audit_entries SET at = '2020-01-01 00:00:00.000000'"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own, named by the environment, with a user in it."""
    data = data_folder(tmp_path, monkeypatch)
    assert run("create-user", "ada", "--password-stdin", stdin=GOOD_PASSWORD).exit_code == 0
    return data


def seal(folder: Path) -> None:
    """What the worker does."""

    async def sealing() -> None:
        database = open_database(f"sqlite+aiosqlite:///{folder / 'signalbox.db'}")
        await Sealer(database, SystemClock()).seal()
        await database.close()

    asyncio.run(sealing())


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "signalbox.db")) as connection, connection:
        connection.execute(statement)


def as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("audit", "verify", "--json", *arguments).output)
    return found


def test_security_38_a_trail_that_is_as_it_was_sealed_ends_with_0_and_tells_its_head(
    folder: Path,
) -> None:
    seal(folder)

    told, found = run("audit", "verify"), as_json()

    head = f"{found['head']['number']}:{found['head']['digest']}"
    assert (told.exit_code, found["status"], found["flaws"]) == (0, "ok", [])
    assert f"{found['sealed']} entries are sealed." in told.output
    assert f"The head, to be kept elsewhere: {head}\n" in told.output
    assert run("audit", "verify", "--head", head).exit_code == 0


def test_security_38_a_trail_that_was_tampered_with_ends_with_1_and_the_doctor_says_so(
    folder: Path,
) -> None:
    seal(folder)
    assert run("doctor").exit_code == 0
    change(folder, "UPDATE audit_entries SET actor = 'eve' WHERE action = 'user.registered'")

    told, found = run("audit", "verify"), as_json()

    assert (told.exit_code, found["status"], found["flaw_count"]) == (1, "broken", 1)
    [flaw] = found["flaws"]
    assert flaw["sentence"] in told.output
    assert str(flaw["entry_id"]) in flaw["sentence"]
    looked = run("doctor")
    assert looked.exit_code == 1
    assert "broken      the audit trail is what was sealed" in looked.output
    assert str(flaw["entry_id"]) in looked.output


def test_security_38_a_trail_whose_end_was_cut_off_is_seen_with_the_head_alone(
    folder: Path,
) -> None:
    seal(folder)
    head = as_json()["head"]
    change(folder, "DELETE FROM audit_seals WHERE number = (SELECT max(number) FROM audit_seals)")
    change(folder, "DELETE FROM audit_entries WHERE id NOT IN (SELECT entry_id FROM audit_seals)")

    kept = f"{head['number']}:{head['digest']}"
    assert run("audit", "verify").exit_code == 0
    cut = run("audit", "verify", "--head", kept)
    assert cut.exit_code == 1
    assert "its end was cut off" in cut.output


def test_entries_that_wait_for_their_seal_are_counted_and_after_minutes_end_with_2(
    folder: Path,
) -> None:
    young = run("audit", "verify")
    change(folder, LONG_AGO)
    old = run("audit", "verify")

    assert young.exit_code == 0
    assert "Not sealed yet: " in young.output
    assert old.exit_code == 2
    assert "the oldest since 2020-01-01 00:00:00 UTC: nothing proves them yet" in old.output


def test_a_database_that_is_not_there_or_not_of_this_version_ends_with_2(folder: Path) -> None:
    change(folder, "UPDATE alembic_version SET version_num = 'older'")
    old = run("audit", "verify")
    (folder / "signalbox.db").unlink()
    gone = run("audit", "verify")

    assert (old.exit_code, gone.exit_code) == (2, 2)
    assert "its schema is another" in old.output
    assert "there is no database" in gone.output
    assert not (folder / "signalbox.db").exists()


@pytest.mark.parametrize("head", ["", "7", "0:" + "a" * 64, "7:abc", "-1:" + "a" * 64])
def test_a_head_that_is_none_is_refused(head: str) -> None:
    refused = run("audit", "verify", "--head", head)

    assert refused.exit_code == 2
    assert refused.output.startswith("signalbox: --head: a number, a colon and 64 hex digits")
