"""`doctor` against a real server's rows and a real paper exchange: clean, then spoilt by hand.

The server has ended before anything is spoilt: it would mend most of it.
"""

import asyncio
import json
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.accounts.exchange_accounts import credentials_of
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Vault
from app.cli import commands
from app.core.ids import new_client_order_id, new_id
from app.db.session import open_database
from app.settings import Settings
from tests.conftest import sqlite_copy
from tests.contract.paper_venue import PaperVenue
from tests.contract.paper_venue import running as paper_running
from tests.e2e.site import Site, running, until

ENTRY = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01","stop_loss":"57000","id":"%s"}'
EXIT = '{"symbol":"BTCUSDT","action":"close","id":"%s out"}'
ACCOUNT = "Paper futures"
DATABASE = "signalbox.db"


@dataclass
class Clinic:
    """An installation whose server is not running, and the venue that is."""

    folder: Path
    paper: PaperVenue
    key: dict[str, str]

    async def doctor(self, *arguments: str, stdin: str | None = None) -> Result:
        # A command has an event loop of its own, which needs a thread of its own here.
        return await asyncio.to_thread(
            CliRunner().invoke, commands, ("doctor", *arguments), input=stdin
        )

    async def said(self, *arguments: str, status: int) -> dict[str, Any]:
        """What `--json` says, of which the exit status is expected."""
        result = await self.doctor("--json", *arguments)
        assert result.exit_code == status, result.output
        answer: dict[str, Any] = json.loads(result.output)
        return answer

    async def problems(self, *arguments: str) -> dict[str, list[str]]:
        """The sentences of every check that found something, by its name without the account."""
        said = await self.said(*arguments, status=1)
        return {
            one["name"].partition(" (")[0]: one["problems"]
            for one in said["checks"]
            if one["problems"]
        }

    def change(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.folder / DATABASE) as connection:
            assert connection.execute(statement, values).rowcount, statement

    def everything(self) -> list[str]:
        """Every row of every table."""
        with sqlite3.connect(self.folder / DATABASE) as connection:
            return list(connection.iterdump())

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / DATABASE) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def played() -> dict[str, Path]:
    """Where the installation lies that every patient is a copy of, once it was played."""
    return {}


@pytest.fixture
async def clinic(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    played: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Clinic]:
    """One round trip that ended and one position that is open, then the server was stopped."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    if not played:
        played["at"] = await _played(tmp_path_factory.mktemp("played"), sqlite_template)
    shutil.copytree(played["at"], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    async with paper_running(tmp_path / "paper") as paper:
        await paper.price("BTCUSDT", "60000")
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / DATABASE}")
        monkeypatch.setenv("PAPER_URL", paper.base)
        yield Clinic(tmp_path, paper, json.loads((tmp_path / "key.json").read_text()))


async def _played(folder: Path, template: Path) -> Path:
    """Play it in that folder; nothing runs there any more when this returns."""
    (folder / "logs").mkdir()
    url = sqlite_copy(template, folder)
    async with paper_running(folder / "paper") as paper:
        await paper.price("BTCUSDT", "60000")
        async with running(folder, url, paper_url=paper.base) as site:
            await round_trip(site)
            await entered(site, "second")
            (folder / "key.json").write_text(json.dumps(await key_of(site)))
    return folder


async def entered(site: Site, name: str) -> None:
    receipt = await site.alert(ENTRY % name)
    await site.post(f"/signals/{receipt['signal_id']}/approve")
    await positions(site, "open")
    await protected(site)


async def round_trip(site: Site, name: str = "first") -> None:
    await entered(site, name)
    await site.alert(EXIT % name)
    await positions(site, "open", are_there=False)


async def positions(site: Site, status: str, *, are_there: bool = True) -> None:
    async def ask() -> bool:
        return bool(await site.items("/positions", status=status)) is are_there

    await until(ask)


async def protected(site: Site) -> None:
    async def ask() -> bool:
        return any(
            one["purpose"] == "stop_loss" for one in await site.items("/orders", status="open")
        )

    await until(ask)


async def test_after_a_round_trip_every_check_is_fine(clinic: Clinic) -> None:
    said = await clinic.said(status=0)

    names = [one["name"] for one in said["checks"]]
    assert said["status"] == "ok"
    assert {one["status"] for one in said["checks"]} == {"ok"}
    assert f"the paper wallet is what was earned ({ACCOUNT})" in names
    assert "the paper wallet is what was earned (Paper spot)" in names
    looked_at = {one["name"]: one["looked_at"] for one in said["checks"]}
    assert looked_at[f"executions are the venue's, last 24 h ({ACCOUNT})"] == 3
    assert looked_at["statuses moved along their tables"] >= 8


async def test_what_was_spoilt_here_is_named(clinic: Clinic) -> None:
    clinic.change("UPDATE fills SET fee = '0' WHERE id = (SELECT min(id) FROM fills)")
    clinic.change("UPDATE daily_pnl SET realized_pnl = '1'")
    clinic.change("UPDATE signals SET status = 'rejected'")
    clinic.change("UPDATE orders SET status = 'open' WHERE purpose = 'entry'")

    found = await clinic.problems()

    assert "its fee is not the venue's" in found["executions are the venue's, last 24 h"][0]
    assert "results follow from the fills" in found
    assert "Recompute the day" in found["days are the sum of their bookings"][0]
    assert "it went from executed to rejected" in str(found["statuses moved along their tables"])
    assert "not approved" in str(found["what opened was decided once and in time"])
    [first, _] = found["open orders are open at the venue"]
    assert "open here and not at the venue: expected open there too, found filled" in first


@pytest.mark.parametrize(
    ("verb", "net"),
    [
        ({"verb": "user_reduce", "quantity": "0.004"}, "0.006"),
        ({"verb": "user_add", "quantity": "0.02"}, "0.03"),
        ({"verb": "user_close"}, "0"),
        ({"verb": "liquidate"}, "0"),
    ],
)
async def test_what_was_done_there_by_hand_is_named(
    clinic: Clinic, verb: dict[str, str], net: str
) -> None:
    await clinic.paper.control("faults", symbol="BTCUSDT", **verb)

    found = await clinic.problems("--account", ACCOUNT)

    [sentence] = found["books and what is yours add up to what the venue holds"]
    assert f"expected {net} as at the venue, found books 0.01, yours 0" in sentence
    assert "within 30 s when it runs: start it" in sentence


async def test_a_stop_that_was_cancelled_by_hand_is_named(clinic: Clinic) -> None:
    await clinic.paper.fault("user_cancel_stop", symbol="BTCUSDT")

    found = await clinic.problems("--account", ACCOUNT)

    [sentence] = found["open orders are open at the venue"]
    assert "stop_loss sell 0.01 BTC/USDT:USDT" in sentence
    assert "found canceled" in sentence


async def test_an_exit_that_a_closed_position_left_behind_is_cancelled(clinic: Clinic) -> None:
    clinic.change(
        "UPDATE orders SET position_id = (SELECT id FROM positions WHERE status = 'closed')"
        " WHERE status = 'open'"
    )
    clinic.change(
        "UPDATE positions SET closed_at = '2026-01-01 00:00:00.000000' WHERE status = 'closed'"
    )

    before = await clinic.problems()
    said = await clinic.said("--repair", "--yes", status=1)

    assert "closed positions have no exit left" in before
    assert [one["outcome"] for one in said["repairs"]] == ["done"]
    after = {one["name"].partition(" (")[0]: one["status"] for one in said["checks"]}
    # Cancelled there; that it is written down here is the server's to do.
    assert after["open orders are open at the venue"] == "broken"


async def test_an_unknown_order_with_an_id_of_ours_is_cancelled_after_a_yes(
    clinic: Clinic,
) -> None:
    unknown = await placed_behind_our_back(clinic)

    refused = await clinic.doctor("--repair", stdin="n\n")
    still = await clinic.problems()
    agreed = await clinic.doctor("--repair", stdin="y\n")

    assert unknown in str(still["the venue has no order of ours that is unknown here"])
    assert refused.exit_code == 1
    assert f"Cancel order {unknown}" in refused.output
    assert f"at the venue of {ACCOUNT!r} of trader: done." in agreed.output
    assert agreed.exit_code == 0, agreed.output
    trail = clinic.ask("SELECT action, actor FROM audit_entries WHERE action LIKE 'repair.%'")
    assert trail == [("repair.begun", "cli"), ("repair.ended", "cli")]


async def test_a_day_is_recomputed_by_a_script(clinic: Clinic) -> None:
    before = clinic.ask("SELECT * FROM daily_pnl")
    clinic.change("UPDATE daily_pnl SET realized_pnl = '1', wins = 7, fees = '0'")

    said = await clinic.said("--repair", "--yes", status=0)

    assert [one["outcome"] for one in said["repairs"]] == ["done"]
    assert clinic.ask("SELECT * FROM daily_pnl") == before


async def test_a_repair_that_cannot_be_asked_for_is_refused(clinic: Clinic) -> None:
    result = await clinic.doctor("--repair", "--json")

    assert result.exit_code == 2
    assert "--json cannot ask" in result.output


async def test_nothing_is_written_by_looking(clinic: Clinic) -> None:
    clinic.change("UPDATE daily_pnl SET realized_pnl = '1'")
    before = clinic.everything()

    await clinic.problems()

    assert clinic.everything() == before


async def test_a_database_that_is_only_read_refuses_to_be_written(sqlite_url: str) -> None:
    database = open_database(sqlite_url, is_read_only=True)

    with pytest.raises(OperationalError, match="readonly database"):
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM users"))

    await database.close()


async def test_a_database_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none" / "signalbox.db"
    database = open_database(f"sqlite+aiosqlite:///{path}", is_read_only=True)
    threads = threading.active_count()

    with pytest.raises(OperationalError, match="unable to open"):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    async def has_ended() -> bool:
        return threading.active_count() <= threads

    # The thread of a connection that failed still answers the event loop.
    await until(has_ended)
    await database.close()
    assert not path.parent.exists()


async def test_beside_a_server_at_work_everything_is_fine(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        for name, value in {
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": sqlite_url,
            "PORT": site.base.rpartition(":")[2],
        }.items():
            monkeypatch.setenv(name, value)
        working = asyncio.create_task(_round_trips(site))
        beside = await asyncio.to_thread(CliRunner().invoke, commands, ("doctor", "--json"))
        await working
        after = await asyncio.to_thread(CliRunner().invoke, commands, ("doctor",))

    checks = json.loads(beside.output)["checks"]
    assert [one for one in checks if one["problems"]] == []
    # An account that had an order on its way at each look is not compared, and says so.
    reasons = {one["not_checked"] for one in checks if one["not_checked"]}
    assert reasons <= {"it trades while we look: try again"}
    assert after.exit_code == 0, after.output


async def _round_trips(site: Site) -> None:
    for number in range(6):
        await round_trip(site, f"n{number}")


async def test_a_venue_that_does_not_answer_is_not_checked_and_not_fine(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPER_URL", "http://127.0.0.1:1")

    said = await clinic.said(status=2)
    shown = await clinic.doctor()

    assert said["status"] == "not_checked"
    reasons = [one["not_checked"] for one in said["checks"] if one["not_checked"]]
    assert len(reasons) == 2
    assert all("exchange_unavailable" in one for one in reasons)
    assert "not checked the venue could be asked" in " ".join(shown.output.split())


async def test_an_account_that_nobody_has_is_refused(clinic: Clinic) -> None:
    result = await clinic.doctor("--account", "Binance")

    assert result.exit_code == 2
    assert result.output.startswith("signalbox: There is no account 'Binance'; there is: Paper")


async def test_a_notice_is_shown_where_it_belongs(clinic: Clinic) -> None:
    [(position, user)] = clinic.ask("SELECT id, user_id FROM positions WHERE status = 'open'")
    clinic.change("UPDATE positions SET quantity = '0.02' WHERE status = 'open'")
    clinic.change(
        "INSERT INTO notices (id, user_id, severity, code, subject_kind, subject_id, text, times,"
        " created_at, last_at, tries) VALUES (?, ?, 'urgent', 'unprotected', 'position', ?,"
        " 'Somebody took its stop away.', 1, '2026-01-01 00:00:00.000000',"
        " '2026-01-01 00:00:00.000000', 0)",
        new_id().hex,
        user,
        str(UUID(hex=position)),
    )

    shown = await clinic.doctor()

    assert "notice 2026-01-01 00:00:00 urgent: Somebody took its stop away." in shown.output


async def placed_behind_our_back(clinic: Clinic) -> str:
    """A resting order with an id of our form, made with the trader's own key; its id."""
    unknown = new_client_order_id()
    status, answer = await clinic.paper.send(
        "POST",
        "/fapi/v1/order",
        clinic.key,
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.01",
        price="50000",
        newClientOrderId=unknown,
    )
    assert status == 200, answer
    return unknown


async def key_of(site: Site) -> dict[str, str]:
    """What the futures account has at the paper exchange."""
    query = select(ExchangeAccount).where(ExchangeAccount.name == ACCOUNT)
    async with site.house.database.read() as session:
        account = (await session.scalars(query)).one()
    keys = credentials_of(Vault(site.house.keys), account)
    return {"apiKey": keys.api_key, "secret": keys.api_secret}
