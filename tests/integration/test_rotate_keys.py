"""`rotate-keys` beside a running server, and killed again and again."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from uuid import UUID

import keyring
import pytest
from click.testing import Result
from sqlalchemy import select

from app.accounts.key_files import FILE_NAME, only_one
from app.accounts.keys import KeyRing, load_key_ring
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Credentials, Vault
from app.core.errors import AppError
from app.db.session import open_database
from app.settings import Settings
from tests.conftest import sqlite_copy
from tests.fakes.keyrings import FileKeyring
from tests.integration import command_line
from tests.integration.accounts.house import House, bearer, open_house
from tests.integration.accounts.sealed import a_user, accounts_with_keys, credentials
from tests.programs.starting import ROOT, Launcher

COMMAND = ("app", "rotate-keys")
SEED = int(time.time())
KILLS = 20
ROWS = 10_000
# Of a process that is warm already, this is enough for some rows and for the secret itself.
LONGEST_LIFE_SECONDS = 0.4
OLD, NEW = "an old secret, long enough for it!", "a new secret, long enough for it!"


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an installation without rows, named by the environment."""
    data = command_line.data_folder(tmp_path, monkeypatch)
    data.mkdir()
    sqlite_copy(sqlite_template, data)
    load_key_ring(Settings())
    return data


def run(*arguments: str) -> Result:
    return command_line.run("rotate-keys", *arguments)


def fill(folder: Path, count: int, ring: KeyRing) -> None:
    async def work() -> None:
        database = open_database(f"sqlite+aiosqlite:///{folder / 'signalbox.db'}")
        async with database.transaction() as session:
            await accounts_with_keys(session, ring, await a_user(session), range(count))
        await database.close()

    asyncio.run(work())


def unreadable(folder: Path, ring: KeyRing) -> int:
    """How many rows do not give back what was sealed in them."""
    vault = Vault(ring)
    with sqlite3.connect(folder / "signalbox.db") as connection:
        rows = connection.execute("SELECT id, user_id, name, credentials FROM exchange_accounts")
        return sum(not is_readable(vault, *row) for row in rows)


def is_readable(vault: Vault, account_id: str, user_id: str, name: str, sealed: str) -> bool:
    try:
        opened = vault.unseal(sealed, account_id=UUID(account_id), user_id=UUID(user_id))
    except AppError:
        return False
    return opened == credentials(int(name))


def key_ids(folder: Path) -> set[str]:
    """The keys that the stored texts name."""
    with sqlite3.connect(folder / "signalbox.db") as connection:
        rows = connection.execute(
            "SELECT DISTINCT substr(credentials, 4, 8) FROM exchange_accounts"
        ).fetchall()
    return {row[0] for row in rows}


def ring_on_disk() -> KeyRing:
    return load_key_ring(Settings(), may_make=False)


def actions(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "signalbox.db") as connection:
        return connection.execute(
            "SELECT action, actor FROM audit_entries"
            " WHERE subject_kind = 'installation' ORDER BY at"
        ).fetchall()


def test_rotate_keys_makes_a_secret_and_the_one_before_goes_when_told(
    folder: Path,
) -> None:
    fill(folder, 250, ring_on_disk())
    before = (folder / FILE_NAME).read_bytes()

    first, again = run(), run()
    assert (folder / f"{FILE_NAME}.previous").read_bytes() == before
    dropped, nothing = run("--drop-previous"), run("--drop-previous")

    assert first.exit_code == again.exit_code == dropped.exit_code == 0, first.output
    assert "250 stored keys" in first.output
    assert "--drop-previous" in first.output
    assert "going on" in again.output
    assert (nothing.exit_code, "There is no" in nothing.output) == (2, True)
    assert sorted(path.name for path in folder.glob("secret*")) == [FILE_NAME]
    assert unreadable(folder, KeyRing.of((folder / FILE_NAME).read_bytes())) == 0
    assert unreadable(folder, KeyRing.of(before)) == 250
    assert actions(folder) == [
        ("keys.replaced", "cli"),
        ("keys.rewrapped", "cli"),
        ("keys.dropped", "cli"),
    ]


def test_rotate_keys_keeps_the_previous_secret_while_a_row_that_names_it_does_not_open(
    folder: Path,
) -> None:
    fill(folder, 2, ring_on_disk())
    with sqlite3.connect(folder / "signalbox.db") as connection:
        connection.execute(
            "UPDATE exchange_accounts SET credentials = substr(credentials, 1, 100)"
            " WHERE name = '0'"
        )

    rotated, dropped = run(), run("--drop-previous")

    assert rotated.exit_code == dropped.exit_code == 2
    assert "1 stored keys open with no secret" in rotated.output
    assert (folder / f"{FILE_NAME}.previous").exists()
    assert unreadable(folder, KeyRing.of((folder / FILE_NAME).read_bytes())) == 1


def test_rotate_keys_from_the_previous_secret_key_to_the_present_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3, KeyRing.of(OLD.encode()))
    monkeypatch.setenv("SECRET_KEY", NEW)

    too_early = run()
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", OLD)
    rotated, dropped = run(), run("--drop-previous")

    assert too_early.exit_code == 2
    assert "Set SECRET_KEY_PREVIOUS" in too_early.output
    assert rotated.exit_code == 0, rotated.output
    assert "take the previous one away" in rotated.output
    assert (dropped.exit_code, "yours" in dropped.output) == (2, True)
    assert unreadable(folder, KeyRing.of(NEW.encode())) == 0
    assert OLD not in too_early.output + rotated.output


def test_rotate_keys_from_a_secret_of_its_own_to_a_mounted_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3, ring_on_disk())
    mounted = tmp_path / "mounted"
    mounted.write_text(f"{NEW}\n")
    (folder / FILE_NAME).rename(tmp_path / "mounted.previous")
    monkeypatch.setenv("SECRET_KEY_FILE", str(mounted))

    rotated = run()

    assert rotated.exit_code == 0, rotated.output
    assert unreadable(folder, KeyRing.of(NEW.encode())) == 0


def test_rotate_keys_where_nothing_was_started_yet_makes_nothing(
    folder: Path,
) -> None:
    (folder / "signalbox.db").unlink()
    without_database = run()
    (folder / FILE_NAME).unlink()
    without_secret = run()

    assert (without_database.exit_code, without_secret.exit_code) == (2, 2)
    assert "start the server once" in without_database.output
    assert "start the server once" in without_secret.output
    assert list(folder.iterdir()) == []


def test_rotate_keys_when_the_database_does_not_answer_makes_no_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://nobody:canary@127.0.0.1:1/none")

    refused = run()

    assert refused.exit_code == 2
    assert "the database cannot be used" in refused.output
    assert "canary" not in refused.output
    assert not (folder / f"{FILE_NAME}.previous").exists()


def test_rotate_keys_beside_another_one_is_refused(folder: Path) -> None:
    with only_one(folder):
        refused = run()

    assert refused.exit_code == 2
    assert "another process" in refused.output


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    """A server of that installation, which has been running since before the rotation."""
    database = open_database(f"sqlite+aiosqlite:///{folder / 'signalbox.db'}")
    async with open_house(folder, database, ring=ring_on_disk()) as opened:
        yield opened
    await database.close()


async def test_security_31_a_running_server_works_through_a_rotation(
    house: House, folder: Path
) -> None:
    before = await house.as_("ada")

    async def made(name: str) -> None:
        body = {"name": name, "exchange": "binance", "market_type": "spot"}
        keys = {"api_key": f"key of {name}", "api_secret": "secret"}
        answer = await house.client.post("/accounts", json={**body, **keys}, headers=before)
        assert answer.status_code == 201, answer.text

    await made("first")
    rotated = await asyncio.to_thread(run)
    assert rotated.exit_code == 0, rotated.output
    await made("second")

    async with house.database.read() as session:
        rows = (await session.scalars(select(ExchangeAccount))).all()
    only_new = Vault(KeyRing.of((folder / FILE_NAME).read_bytes()))
    opened = {
        row.name: only_new.unseal(row.credentials or "", account_id=row.id, user_id=row.user_id)
        for row in rows
    }
    assert opened == {name: Credentials(f"key of {name}", "secret") for name in ("first", "second")}
    after = bearer(await house.log_in("ada"))
    assert (await house.client.get("/auth/me", headers=before)).status_code == 200

    (folder / f"{FILE_NAME}.previous").unlink()

    assert (await house.client.get("/auth/me", headers=before)).status_code == 401
    assert (await house.client.get("/auth/me", headers=after)).status_code == 200


class Rotations:
    """Processes of `rotate-keys`, each killed or not in time."""

    def __init__(self, starts: Launcher, folder: Path) -> None:
        self._starts = starts
        self._folder = folder
        self._random = Random(SEED)
        self.kills = 0

    def cold(self) -> None:
        """`python -m app rotate-keys`, killed a moment after it has begun."""
        with command() as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            self._wait()
            process.kill()
        self._count(process.returncode)

    def warm(self) -> None:
        """One that has nothing to import, killed at any moment of its life."""
        child = self._starts.launch(("-m", *COMMAND), environment(), self._folder)
        self._wait()
        child.send(signal.SIGKILL)
        self._count(self._starts.status(child))

    def _wait(self) -> None:
        time.sleep(self._random.uniform(0, LONGEST_LIFE_SECONDS))

    def _count(self, status: int) -> None:
        assert status in {0, -signal.SIGKILL}
        self.kills += status != 0


def command() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", *COMMAND],
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}  # noqa: TID251 as this test's, and our modules


def test_security_31_rotate_keys_over_ten_thousand_rows_survives_twenty_kills(
    folder: Path, warm: Launcher
) -> None:
    print(f"seed {SEED}")  # noqa: T201 shown when it fails
    first, half_way = (folder / FILE_NAME).read_bytes(), 0
    fill(folder, ROWS, ring_on_disk())
    rotations = Rotations(warm, folder.parent)
    rotations.cold()
    while rotations.kills < KILLS:
        rotations.warm()
        ring, named = ring_on_disk(), key_ids(folder)
        assert named <= {keys.key_id for keys in ring.all}
        half_way += len(named) == 2
        if named == {ring.current.key_id} and len(ring.all) == 2:
            (folder / f"{FILE_NAME}.previous").unlink()  # the next kills meet the next rotation
    assert half_way > 0
    assert unreadable(folder, ring_on_disk()) == 0

    with command() as last:
        said, _ = last.communicate()

    assert last.returncode == 0
    assert "--drop-previous" in said
    only_new = (folder / FILE_NAME).read_bytes()
    assert only_new != first
    assert unreadable(folder, KeyRing.of(only_new)) == 0


def test_rotate_keys_in_the_keyring_replaces_the_entry_and_says_what_it_cannot_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / FILE_NAME).unlink()
    fill(folder, 3, KeyRing.of(OLD.encode()))
    monkeypatch.setenv("SECRET_KEY_KEYRING", "signalbox/secret")
    kept, before = FileKeyring(tmp_path / "keyring"), keyring.get_keyring()
    kept.set_password("signalbox", "secret", OLD)
    keyring.set_keyring(kept)
    try:
        rotated, again = run(), run()
        new = kept.entries["signalbox/secret"]
        assert kept.entries["signalbox/secret.previous"] == OLD
        dropped, nothing = run("--drop-previous"), run("--drop-previous")
    finally:
        keyring.set_keyring(before)

    assert rotated.exit_code == again.exit_code == dropped.exit_code == 0, rotated.output
    assert "3 stored keys" in rotated.output
    assert "start every one of them anew" in rotated.output
    assert "going on" in again.output
    assert (nothing.exit_code, "There is no signalbox/secret.previous" in nothing.output) == (
        2,
        True,
    )
    assert kept.entries == {"signalbox/secret": new}
    assert unreadable(folder, KeyRing.of(new.encode())) == 0
    assert not {OLD, new} & set((rotated.output + again.output + dropped.output).split())
    assert list(folder.glob("secret*")) == []
