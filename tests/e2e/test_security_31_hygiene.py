"""31, 32 and the invariant of secret hygiene: after a busy day no secret is anywhere.

Looked for in the logs, on the terminal, in the database file and its write-ahead log, in backups,
in every value of every row, and in every answer.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import text

from app.cli import commands
from app.core.log import configure_logging
from app.db.base import Base
from app.db.session import Database
from app.settings import Settings
from tests.canaries import Canaries
from tests.e2e.busy_day import GUESSES, NOBODY_THERE, Day, live
from tests.e2e.site import Site, running

# What a trader wrote is kept as it came: with the token, if they wrote it there.
KEPT_RAW = ("alarms", "body")


@pytest.mark.usefixtures("as_before")
async def test_security_32_a_busy_day_leaves_no_secret_anywhere(
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    canaries = Canaries()
    settings: dict[str, Any] = {
        "secret_key": SecretStr(canaries.make("SECRET_KEY")),
        "log_level": "TRACE",
        "webhook_guesses_per_minute": GUESSES,
        "outgoing_allowed_hosts": (NOBODY_THERE,),
    }
    async with running(tmp_path, sqlite_url, **settings) as site:
        configure_logging(site.house.settings)
        day = Day(site, canaries)
        await live(day)
        said = [*day.answers, *await commanded(site, monkeypatch)]
        said += await rows_of(site.house.database)
        said += list(files_of(tmp_path))
    printed = capfd.readouterr()
    said += [("terminal", (printed.out + printed.err).encode())]

    found = [leak for where, data in said for leak in canaries.found_in(where, data)]
    # The venue's own book, with the keys it gave out and what the test told it to say.
    found = [
        leak for leak in found if not leak.startswith("paper-exchange.db") or "venue" not in leak
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)
    assert {400, 401, 403, 404, 405, 409, 413, 422, 429, 503} <= day.statuses


async def rows_of(database: Database) -> list[tuple[str, bytes]]:
    """Every value of every row, as it is stored."""
    found = []
    async with database.engine.connect() as connection:
        for name, table in Base.metadata.tables.items():
            columns = [one.name for one in table.columns if (name, one.name) != KEPT_RAW]
            quoted = ", ".join(f'"{one}"' for one in columns)
            rows = await connection.execute(text(f'SELECT {quoted} FROM "{name}"'))  # noqa: S608
            for row in rows:
                found += [
                    (f"{name}.{column}", value if isinstance(value, bytes) else str(value).encode())
                    for column, value in zip(columns, row, strict=True)
                ]
    return found


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that the installation wrote while it runs, and a backup of its database.

    The other way to make a backup, copying the file and its write-ahead log, is these files.
    """
    database = folder / "signalbox.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(folder / "backup.db"),))
        bodies = [body for (body,) in connection.execute("SELECT body FROM alarms")]
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        data = path.read_bytes()
        for body in bodies:
            data = data.replace(body, b"")
        yield path.name, data


async def commanded(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """What the commands say about a server at work."""
    for name in Settings.model_fields:
        value = getattr(site.house.settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        shown = ",".join(plain) if isinstance(plain, tuple) else str(plain)
        monkeypatch.setenv(name.upper(), shown)
    said = []
    for command in (("audit", "verify", "--json"), ("doctor", "--json")):
        # A command has an event loop of its own, which needs a thread of its own here.
        result = await asyncio.to_thread(CliRunner().invoke, commands, command)
        assert json.loads(result.output), command
        said.append((" ".join(command), result.output.encode()))
    return said
