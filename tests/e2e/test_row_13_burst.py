"""Row 13: a burst is answered, and nothing that was answered is lost, however often it was sent."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.db.session import Database, open_database
from app.pipeline.alarms.models import Alarm
from tests.e2e.processes import Program, is_answering
from tests.e2e.site import PASSWORD, USERNAME, until
from tests.programs.starting import START_SECONDS, Launcher, free_port

ALERTS = 1_000
SENDERS = 16
BURST = 500
DICE = random.Random("row 13")


@dataclass
class Doors:
    """Two API processes over one database, and no worker: what arrives stays as it is kept."""

    bases: tuple[str, str]
    token: str
    database: Database

    def url(self, number: int) -> str:
        """The strategy's address at one of them."""
        return f"{self.bases[number % 2]}/webhooks/tradingview/{self.token}"

    async def alarms(self) -> list[Alarm]:
        """All that was kept."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Alarm)))


@pytest.fixture
async def doors(database_url: str, tmp_path: Path, warm: Launcher) -> AsyncIterator[Doors]:
    ports = (free_port(), free_port())
    settings = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PAPER_URL": f"http://127.0.0.1:{free_port()}",  # nobody trades here
        "ADMIN_USERNAME": USERNAME,
        "ADMIN_PASSWORD": PASSWORD,
        # Nobody reads what they say meanwhile: a pipe that is full would stop them.
        "LOG_LEVEL": "WARNING",
    }
    programs = [
        Program(
            tmp_path, warm, ("api",), {**settings, "PORT": str(port), "LOG_DIR": f"logs-{port}"}
        )
        for port in ports
    ]
    async with AsyncExitStack() as stack:
        for port, program in zip(ports, programs, strict=True):
            # One after the other: the first makes the secret key and the admin.
            await program.start()
            stack.push_async_callback(program.stop)
            await until(partial(is_answering, port), seconds=START_SECONDS)
        bases = (f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
        database = open_database(database_url)
        stack.push_async_callback(database.close)
        yield Doors(bases, await _token(bases[0]), database)


async def _token(base: str) -> str:
    async with httpx.AsyncClient(base_url=base, timeout=20) as client:
        login = {"username": USERNAME, "password": PASSWORD}
        answer = (await client.post("/auth/token", json=login)).json()
        headers = {"Authorization": f"Bearer {answer['access_token']}"}
        accounts = (await client.get("/accounts", headers=headers)).json()["items"]
        body = {"name": "burst", "account_id": accounts[0]["id"]}
        made = (await client.post("/strategies", json=body, headers=headers)).json()
        return str(made["webhook_url"]).rpartition("/")[2]


def an_alert(number: int) -> str:
    """An exit where nothing is open; half of them have an id and a time of their own."""
    body = {"symbol": "BTCUSDT.P", "action": "close", "comment": str(number)}
    if number % 2:
        body |= {"id": "constant", "time": f"2026-11-27T08:{number // 60:02}:{number % 60:02}Z"}
    return json.dumps(body)


async def test_row_13_a_burst_is_answered_or_refused_early_and_each_alert_is_one_alarm(
    doors: Doors,
) -> None:
    await _send_each_up_to_four_times(doors)
    await _send_all_at_once(doors)


async def _send_each_up_to_four_times(doors: Doors) -> None:
    """A thousand alerts are a thousand alarms."""
    sent = [(number, copy) for number in range(ALERTS) for copy in range(DICE.randint(1, 4))]
    DICE.shuffle(sent)
    answers: list[tuple[int, httpx.Response]] = []

    async def send(client: httpx.AsyncClient, share: list[tuple[int, int]]) -> None:
        for number, copy in share:
            answer = await client.post(doors.url(number + copy), content=an_alert(number))
            while answer.status_code == 503:
                await asyncio.sleep(0.2)
                answer = await client.post(doors.url(number), content=an_alert(number))
            answers.append((number, answer))

    async with httpx.AsyncClient(timeout=60) as client:
        shares = (sent[start::SENDERS] for start in range(SENDERS))
        await asyncio.gather(*(send(client, share) for share in shares))

    alarms = {one.id: one for one in await doors.alarms()}
    named = {(number, UUID(answer.json()["alarm_id"])) for number, answer in answers}
    assert {answer.status_code for _, answer in answers} == {200}
    assert len(alarms) == len(named) == len({name for _, name in named}) == ALERTS
    assert {name for _, name in named} == set(alarms)
    for number, name in named:
        assert json.loads(alarms[name].body)["comment"] == str(number)
    times = Counter(number for number, _ in sent)
    # One that was refused for want of time may have been kept all the same: it counts once more.
    assert all(alarms[name].deliveries >= times[number] for number, name in named)


async def _send_all_at_once(doors: Doors) -> None:
    """Whoever is told that an alert is taken finds it among the alarms."""
    limits = httpx.Limits(max_connections=BURST, max_keepalive_connections=0)
    numbers = range(2 * ALERTS, 2 * ALERTS + 2 * BURST, 2)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        answers = await asyncio.gather(
            *(client.post(doors.url(0), content=an_alert(number)) for number in numbers)
        )

    statuses = Counter(answer.status_code for answer in answers)
    taken = [answer.json()["alarm_id"] for answer in answers if answer.status_code == 200]
    assert set(statuses) <= {200, 503}
    assert len(set(taken)) == len(taken) == statuses[200] > 0
    assert {str(one.id) for one in await doors.alarms()} >= set(taken)
