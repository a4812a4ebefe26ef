import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.log import configure_logging
from app.db.session import Database
from app.health.accounts import AccountsHealth
from app.health.status import (
    Check,
    DatabaseHealth,
    DiskHealth,
    Health,
    disk_status,
    overall,
)
from app.health.tail import LogFilter, newest
from app.http.caller import Caller, Role
from tests.integration.accounts.house import House, open_house

TOKEN = "Zk3vYx0QmB7nTr5LwPa9sDf2GhJ4KcVb"


@dataclass
class Part:
    """A part of the house that says what it is told to."""

    name: str
    answer: Check | Exception | None

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        del session, caller
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def house(tmp_path: Path, sqlite_database: Database) -> AsyncIterator[House]:
    async with open_house(tmp_path, sqlite_database) as opened:
        yield opened


@pytest.fixture
def quiet() -> Iterator[None]:
    """Nothing on stderr, and logging as it was found afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logger.remove()
    yield
    logger.remove()
    logging.captureWarnings(capture=False)
    root.handlers[:] = before
    root.setLevel(level)


async def status(house: House, parts: list[Any], headers: dict[str, str] | None = None) -> Any:
    house.app.state.health_sources = parts
    answer = await house.client.get("/status-server", headers=headers or {})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_live_answers_anybody(house: House) -> None:
    answer = await house.client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_names_what_it_waits_for(house: House) -> None:
    async def not_yet() -> tuple[bool, str]:
        return False, "migrating"

    house.app.state.readiness = {"worker": lambda: (True, ""), "database": not_yet}
    answer = await house.client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {"status": "down", "waiting_for": ["database"]}
    assert "migrating" not in answer.text


async def test_ready_when_nothing_is_missing(house: House) -> None:
    assert (await house.client.get("/health/ready")).json() == {"status": "ok", "waiting_for": []}


async def test_status_tells_a_visitor_one_word(house: House, quiet: None) -> None:
    del quiet
    parts = [DatabaseHealth(), Part("monitor", Check(Health.DEGRADED, {"symbol": "BTC"}))]

    assert await status(house, parts) == {"status": "degraded"}


async def test_status_tells_a_user_each_part_and_their_own_accounts(house: House) -> None:
    ada, eve = await house.as_("ada"), await house.as_("eve")
    body = {"name": "main", "exchange": "binance", "market_type": "spot"}
    await house.client.post("/accounts", json=body, headers=eve)
    parts = [DatabaseHealth(), DiskHealth(house.settings.data_dir), AccountsHealth()]

    hers = await status(house, parts, eve)
    his = await status(house, parts, ada)

    assert hers["version"] == "0.1.0"
    assert hers["database"]["status"] == "ok"
    assert hers["database"]["latency_ms"] >= 0
    assert hers["disk"]["free_bytes"] > 0
    assert [item["name"] for item in hers["accounts"]["items"]] == ["main"]
    assert his["accounts"]["items"] == []


async def test_status_when_a_part_breaks_is_down_and_tells_no_secret(
    house: House, quiet: None
) -> None:
    del quiet
    ada = await house.as_("ada")
    answer = await status(house, [Part("lanes", RuntimeError(f"apiKey={TOKEN}"))], ada)

    assert answer["status"] == "down"
    assert answer["lanes"] == {"status": "down", "reason": "the check failed; the log says why"}


async def test_status_with_a_token_that_is_not_valid_is_401(house: House) -> None:
    answer = await house.client.get("/status-server", headers={"Authorization": "Bearer x.y.z"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], Health.OK),
        ([Health.OK, Health.OK], Health.OK),
        ([Health.OK, Health.DEGRADED], Health.DEGRADED),
        ([Health.DOWN, Health.DEGRADED, Health.OK], Health.DOWN),
    ],
)
def test_overall_is_the_worst(statuses: list[Health], worst: Health) -> None:
    assert overall([Check(one) for one in statuses]) is worst


@pytest.mark.parametrize(
    ("free", "status_then"),
    [
        (1_000_000_000, Health.OK),
        (999_999_999, Health.DEGRADED),
        (100_000_000, Health.DEGRADED),
        (99_999_999, Health.DOWN),
    ],
)
def test_disk_status_by_free_bytes(free: int, status_then: Health) -> None:
    assert disk_status(free) is status_then


async def test_logs_are_for_admins(house: House) -> None:
    assert (await house.client.get("/logs")).status_code == 401
    assert (await house.client.get("/logs", headers=await house.as_("ada"))).status_code == 403


async def test_logs_show_requests_newest_first_with_tokens_redacted(
    house: House, quiet: None
) -> None:
    del quiet
    headers = await house.as_("root", Role.ADMIN)
    configure_logging(house.settings)
    missing = await house.client.get(f"/webhooks/tradingview/{TOKEN}")
    await house.client.get("/auth/me", headers=headers)

    answer = await house.client.get("/logs?event=http.request", headers=headers)

    newest_line, older_line = answer.json()["items"]
    assert newest_line["fields"]["path"] == "/auth/me"
    assert newest_line["fields"]["user"] == "root"
    assert older_line["fields"]["path"] == "/webhooks/tradingview/<redacted:KcVb>"
    assert older_line["fields"]["status"] == "404"
    assert older_line["fields"]["request_id"] == missing.headers["x-request-id"]
    written = "".join(path.read_text() for path in house.settings.log_dir.iterdir())
    assert TOKEN not in written
    assert headers["Authorization"].split(".")[-1] not in written


@pytest.mark.parametrize(
    "query", ["level=loud", "from=yesterday", "to=2026-01-31T00:00:00", "limit=501", "limit=0"]
)
async def test_logs_with_a_filter_that_makes_no_sense_is_400(house: House, query: str) -> None:
    headers = await house.as_("root", Role.ADMIN)

    assert (await house.client.get(f"/logs?{query}", headers=headers)).status_code == 400


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    lines = [
        {
            "at": f"2026-01-31T12:00:{n:02}.000000Z",
            "level": ["info", "warning", "error"][n % 3],
            "event": ["alarm.accepted", "order.sent"][n % 2],
            "alarm_id": str(n // 2),
        }
        for n in range(60)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text("not json\n[]\n" + text + '{"half a li')
    return path


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (LogFilter(), [59, 58, 57]),
        (LogFilter(level="error"), [59, 56, 53]),
        (LogFilter(level="warning"), [59, 58, 56]),
        (LogFilter(event="order.sent"), [59, 57, 55]),
        (LogFilter(event="alarm."), [58, 56, 54]),
        (LogFilter(contains="ORDER"), [59, 57, 55]),
        (LogFilter(ids=(("alarm_id", "3"),)), [7, 6]),
        (LogFilter(until=datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)), [29, 28, 27]),
        (LogFilter(since=datetime(2026, 1, 31, 12, 0, 58, tzinfo=UTC)), [59, 58]),
        (LogFilter(contains="nowhere"), []),
    ],
)
def test_newest_lines_that_fit(log_file: Path, wanted: LogFilter, seconds: list[int]) -> None:
    lines, _ = newest(log_file, wanted, limit=3)

    assert [int(line["at"][17:19]) for line in lines] == seconds


def test_newest_says_whether_there_is_more(log_file: Path) -> None:
    assert newest(log_file, LogFilter(), limit=59)[1] is True
    assert newest(log_file, LogFilter(), limit=60)[1] is False


def test_newest_of_a_file_larger_than_a_block_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    # 3,000 lines of about 100 bytes: five blocks, and a letter of two bytes on every border.
    path.write_text("".join(f'{{"n": {n}, "word": "{"ü" * 40}"}}\n' for n in range(3000)))

    lines, more = newest(path, LogFilter(), limit=5000)

    assert [line["n"] for line in lines] == list(range(2999, -1, -1))
    assert more is False


def test_newest_of_no_file_is_empty(tmp_path: Path) -> None:
    assert newest(tmp_path / "events.jsonl", LogFilter(), limit=5) == ([], False)
