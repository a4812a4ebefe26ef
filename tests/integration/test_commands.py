"""The commands on a real data folder, and the demo against a real server."""

import asyncio
import io
import json
import shutil
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console

from app.commands.demo.server import connected
from app.commands.demo.story import Story, logged_in
from app.core.clock import SystemClock
from app.house import PAPER_PATH
from tests.e2e.site import PASSWORD, USERNAME, running
from tests.integration.command_line import data_folder, run

GOOD_PASSWORD = "a-long-password\n"
CONTRADICTIONS = {
    "UPDATE orders SET filled_quantity = '0.02'": "orders are the sum of their fills",
    "UPDATE positions SET quantity = '0.5'": "positions are the sum of their fills",
    "UPDATE positions SET realized_pnl = '7'": "what positions realised is booked",
    "UPDATE daily_pnl SET realized_pnl = '1'": "days are the sum of their bookings",
    "UPDATE trades SET fees = '0'": "each closed position is one trade",
    "UPDATE positions SET status = 'closing'": "closing positions have an exit on its way",
    "UPDATE orders SET status = 'unknown', submitted_at = '2020-01-01 00:00:00.000000'"
    " WHERE purpose = 'entry'": "no order's outcome is open for long",
    "UPDATE alarms SET status = 'received', received_at = '2020-01-01 00:00:00.000000'": (
        "alarms are decided"
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own, named by the environment."""
    return data_folder(tmp_path, monkeypatch)


def made_user(name: str = "ada") -> Result:
    return run("create-user", name, "--password-stdin", stdin=GOOD_PASSWORD)


def change(folder: Path, statement: str, values: Sequence[Any] = ()) -> None:
    with sqlite3.connect(folder / "signalbox.db") as connection:
        connection.execute(statement, values)


def findings(*arguments: str) -> dict[str, list[str]]:
    shown = json.loads(run("doctor", "--json", *arguments).output)
    return {one["name"]: one["problems"] for one in shown["checks"] if one["problems"]}


def test_create_user_gives_two_paper_accounts_and_the_first_one_a_demo(folder: Path) -> None:
    first, second = made_user("Ada"), made_user("grace")

    assert first.exit_code == second.exit_code == 0
    assert "Made ada (trader)" in first.output
    assert "/webhooks/tradingview/" in first.output
    assert "/webhooks/tradingview/" not in second.output
    with sqlite3.connect(folder / "signalbox.db") as connection:
        [(accounts,)] = connection.execute("SELECT count(*) FROM exchange_accounts")
    assert accounts == 4


@pytest.mark.usefixtures("folder")
def test_create_user_when_the_name_is_taken_says_so() -> None:
    made_user()

    again = made_user()

    assert again.exit_code == 2
    assert again.output == "signalbox: The username 'ada' is taken.\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (("no",), GOOD_PASSWORD, "username: 3 to 64"),
        (("ada",), "short\n", "password: at least 8"),
        (("ada", "--timezone", "Mars/Olympus"), GOOD_PASSWORD, "timezone: an IANA name"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_create_user_refuses_what_makes_no_sense(
    arguments: tuple[str, ...], stdin: str, sentence: str
) -> None:
    refused = run("create-user", *arguments, "--password-stdin", stdin=stdin)

    assert refused.exit_code == 2
    assert sentence in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.usefixtures("folder")
def test_create_strategy_prints_its_url_once_and_knows_names() -> None:
    made_user()

    made = run("create-strategy", "ada", "Breakout", "--approval", "auto", "--size", "100")
    nobody = run("create-strategy", "bob", "Breakout")
    nowhere = run("create-strategy", "ada", "Other", "--account", "Binance")

    assert made.exit_code == 0
    assert made.output.count("/webhooks/tradingview/") == 1
    assert nobody.output == "signalbox: There is no user 'bob': make it with create-user.\n"
    assert nowhere.output == "signalbox: ada has no account 'Binance'.\n"


def test_paper_account_prints_a_key_that_the_paper_exchange_knows(folder: Path) -> None:
    made = run("paper", "account", "--balance", "USDT=500", "--market", "spot")

    assert made.exit_code == 0
    words = dict(line.split() for line in made.output.splitlines())
    with sqlite3.connect(folder / "paper-exchange.db") as connection:
        [(key, free)] = connection.execute(
            "SELECT api_key, free FROM accounts JOIN balances ON account_id = accounts.id"
        )
    assert (key, free) == (words["api_key"], "500")


def test_doctor_before_the_first_start_says_what_is_missing_and_makes_nothing(
    folder: Path,
) -> None:
    looked = run("doctor")

    assert looked.exit_code == 1
    assert "start the server once" in looked.output
    assert not folder.exists()


@pytest.mark.usefixtures("folder")
def test_doctor_when_all_is_well_ends_with_0() -> None:
    made_user()

    looked = run("doctor")

    assert looked.exit_code == 0, looked.output
    assert "broken" not in looked.output


def test_doctor_finds_a_key_file_that_others_can_read(folder: Path) -> None:
    made_user()
    (folder / "secret.key").chmod(0o644)

    problems = findings()

    assert list(problems) == ["secrets are private"]
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o644


def test_doctor_finds_an_old_schema(folder: Path) -> None:
    made_user()
    change(folder, "UPDATE alembic_version SET version_num = 'older'")

    assert list(findings()) == ["schema is the newest"]


def test_doctor_finds_a_sealed_key_that_does_not_open(folder: Path) -> None:
    made_user()
    change(folder, "UPDATE exchange_accounts SET credentials = 'v1:AAAA'")

    assert len(findings()["sealed exchange keys open"]) == 2


async def test_the_demo_tells_the_whole_story_and_the_doctor_agrees_with_its_books(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = io.StringIO()
    async with running(tmp_path, sqlite_url) as site:
        async with (
            connected(site.base, f"{site.base}{PAPER_PATH}") as server,
            logged_in(server, USERNAME, PASSWORD),
        ):
            await Story(server, Console(file=told, width=120), SystemClock()).tell()
        [day] = await site.items("/pnl/daily")

    assert "take_profit" in told.getvalue()
    assert "user_stopped" in told.getvalue()
    assert day["trades"] == 2
    assert day["realized_pnl"] in told.getvalue()

    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    (tmp_path / "logs").mkdir(exist_ok=True)
    # A command has an event loop of its own, which needs a thread of its own here.
    assert await asyncio.to_thread(findings) == {}
    spoilt = tmp_path / "spoilt.db"
    shutil.copyfile(tmp_path / "signalbox.db", spoilt)
    with sqlite3.connect(spoilt) as connection:
        for statement in CONTRADICTIONS:
            connection.execute(statement)
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{spoilt}")
    assert set(CONTRADICTIONS.values()) <= (await asyncio.to_thread(findings)).keys()
