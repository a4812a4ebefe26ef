"""Durable ingest: alerts kept and answered, beside the same without a database, and unshared."""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scripts.bench.load import Load, load
from scripts.bench.measures import percentile
from scripts.bench.processes import (
    PASSWORD,
    ROOT,
    USERNAME,
    answering,
    free_port,
    process,
)

SAME_GOAL: Final = 0.8
COMMIT_GOAL: Final = 3.0
BURST_GOAL_SECONDS: Final = 1.5
BURST: Final = 2_000
WARM_UP: Final = 200
TICK_SECONDS: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Setting:
    """How many come at once, and how; `requests` are sent in each round."""

    connections: int
    keeps_alive: bool
    requests: int

    @property
    def name(self) -> str:
        """As it stands in the table."""
        how = "kept alive" if self.keeps_alive else "new each time"
        return f"{self.connections} {how}"


SETTINGS: Final = (
    Setting(1, keeps_alive=True, requests=150),
    Setting(1, keeps_alive=False, requests=150),
    Setting(50, keeps_alive=True, requests=3_000),
    Setting(50, keeps_alive=False, requests=2_000),
    Setting(500, keeps_alive=True, requests=3_000),
    Setting(500, keeps_alive=False, requests=2_000),
)
# The one that the goals are about.
MAIN: Final = SETTINGS[2]


@dataclass(slots=True)
class Subject:
    """One address under measurement, and the process behind it."""

    name: str
    url: str
    pid: int
    rates: dict[Setting, list[float]] = field(default_factory=dict)
    milliseconds: dict[Setting, list[float]] = field(default_factory=dict)
    cpu: dict[Setting, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    async def measure(self, setting: Setting) -> None:
        """One round."""
        before = _cpu_seconds(self.pid)
        found = await load(
            self.url,
            alerts(setting.requests),
            connections=setting.connections,
            keeps_alive=setting.keeps_alive,
        )
        used = _cpu_seconds(self.pid) - before
        self.rates.setdefault(setting, []).append(found.rate)
        self.milliseconds.setdefault(setting, []).extend(found.milliseconds)
        self.cpu.setdefault(setting, []).append(used / setting.requests * 1e6)
        self.statuses.update(found.statuses)


@dataclass(frozen=True, slots=True)
class Ingest:
    """What came out on one database."""

    database: str
    ours: Subject
    same: Subject
    bare: Subject
    commit: Subject
    burst: Load

    @property
    def subjects(self) -> tuple[Subject, Subject, Subject, Subject]:
        """In the order of the table."""
        return self.ours, self.same, self.bare, self.commit

    def ratio(self, other: Subject, setting: Setting = MAIN) -> float:
        """Our answers a second against another's: the median of the rounds, each with its own."""
        pairs = zip(self.ours.rates[setting], other.rates[setting], strict=True)
        return median(mine / theirs for mine, theirs in pairs)


async def measure_ingest(
    folder: Path, database: str, *, ours_url: str, floor_url: str, rounds: int, console: Console
) -> Ingest:
    """Measure on one database.

    Args:
        folder: empty; holds the files of all processes.
        database: its name, for people.
        ours_url: of an empty database for the door.
        floor_url: of another on the same server, for what it is compared with.
        rounds: the three take turns this often.
        console: where progress is shown.
    """
    async with httpx.AsyncClient(timeout=30) as client:
        with _site(folder, ours_url, floor_url) as (ports, pids):
            await answering(f"http://127.0.0.1:{ports[0]}/api/v3/ping", folder / "exchange")
            await answering(f"http://127.0.0.1:{ports[1]}/health/ready", folder / "door")
            await answering(f"http://127.0.0.1:{ports[2]}/health/ready", folder / "plain")
            await answering(f"http://127.0.0.1:{ports[3]}/health/ready", folder / "same")
            url = await _webhook(client, f"http://127.0.0.1:{ports[1]}")
            plain, other = (f"http://127.0.0.1:{port}" for port in ports[2:])
            token = secrets.token_urlsafe(32)
            ours = Subject("kept and answered (ours)", url, pids[1])
            same = Subject("the same without a database", f"{other}/webhooks/same/{token}", pids[3])
            bare = Subject("a handler that does nothing", f"{plain}/bare/{token}", pids[2])
            commit = Subject("one commit a request", f"{plain}/commit/{token}", pids[2])
            await _rounds((ours, same, bare, commit), rounds, console)
            burst = await load(url, alerts(BURST), connections=BURST)
    return Ingest(database, ours, same, bare, commit, burst)


async def _rounds(subjects: Sequence[Subject], rounds: int, console: Console) -> None:
    for one in subjects:
        await load(one.url, alerts(WARM_UP), connections=50)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("ingest", total=rounds * len(SETTINGS) * len(subjects))
        for _ in range(rounds):
            for setting in SETTINGS:
                for one in subjects:
                    await one.measure(setting)
                    progress.advance(task)


@contextmanager
def _site(folder: Path, ours_url: str, floor_url: str) -> Iterator[tuple[list[int], list[int]]]:
    """Ports and process ids of the paper exchange, the door without a worker, and the floors."""
    exchange, door, plain, same = (free_port() for _ in range(4))
    floors = "scripts.bench.floors"
    settings = {
        "PORT": str(door),
        "PAPER_URL": f"http://127.0.0.1:{exchange}",
        "DATABASE_URL": ours_url,
        "ADMIN_USERNAME": USERNAME,
        "ADMIN_PASSWORD": PASSWORD,
        # One address and one token send all of it, for minutes: what a door takes at most is asked.
        "WEBHOOK_ADDRESS_PER_MINUTE": "100000000",
        "WEBHOOK_TOKEN_PER_MINUTE": "100000000",
    }
    programs = {
        "exchange": ([str(ROOT / "run.py"), "paper-exchange", "--port", str(exchange)], {}),
        "door": ([str(ROOT / "run.py"), "api"], settings),
        "plain": (["-m", floors, str(plain), "plain", floor_url], {}),
        "same": (["-m", floors, str(same), "same"], {}),
    }
    with ExitStack() as stack:
        pids = [
            stack.enter_context(process(folder / name, *what)).pid
            for name, what in programs.items()
        ]
        yield [exchange, door, plain, same], pids


async def _webhook(client: httpx.AsyncClient, base: str) -> str:
    """A strategy's address."""
    login = {"username": USERNAME, "password": PASSWORD}
    token = (await client.post(f"{base}/auth/token", json=login)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    accounts = (await client.get(f"{base}/accounts", headers=bearer)).json()["items"]
    body = {"name": "bench", "account_id": accounts[0]["id"]}
    made = await client.post(f"{base}/strategies", json=body, headers=bearer)
    made.raise_for_status()
    url: str = made.json()["webhook_url"]
    return url


def alerts(count: int) -> list[bytes]:
    """So many alerts, none like another; each asks for nothing where nothing is open."""
    return [
        json.dumps(
            {"symbol": "BTCUSDT", "action": "close", "price": "60000", "id": secrets.token_hex(8)}
        ).encode()
        for _ in range(count)
    ]


def show_ingest(found: Ingest, console: Console) -> None:
    """A table, and how it stands to the goals."""
    table = Table(title=f"durable ingest on {found.database}, one process, no worker beside it")
    table.add_column("connections")
    table.add_column("what")
    for heading in ("a second", "p50 ms", "p99 ms", "CPU µs each", "of no database"):
        table.add_column(heading, justify="right")
    for setting in SETTINGS:
        for one in found.subjects:
            times = one.milliseconds[setting]
            pairs = zip(one.rates[setting], found.same.rates[setting], strict=True)
            table.add_row(
                setting.name,
                one.name,
                f"{median(one.rates[setting]):.0f}",
                f"{percentile(times, 0.5):.1f}",
                f"{percentile(times, 0.99):.1f}",
                f"{median(one.cpu[setting]):.0f}",
                f"{median(mine / theirs for mine, theirs in pairs):.2f}",
            )
    console.print(table)
    _judge(console, "of the same handler without a database", found.ratio(found.same), SAME_GOAL)
    _judge(console, "times one commit a request", found.ratio(found.commit), COMMIT_GOAL)
    times = found.burst.milliseconds
    said = ", ".join(f"{count} of {status}" for status, count in found.burst.statuses.items())
    console.print(
        f"burst of {BURST} at once: {said}; p50 {percentile(times, 0.5):.0f} ms, "
        f"p99 {percentile(times, 0.99):.0f} ms, goal ≤ {BURST_GOAL_SECONDS * 1000:.0f}"
    )


def figures_of(found: Ingest) -> dict[str, object]:
    """The same for a program."""
    return {
        "database": found.database,
        "of_no_database": round(found.ratio(found.same), 3),
        "of_a_handler_that_does_nothing": round(found.ratio(found.bare), 3),
        "times_one_commit_a_request": round(found.ratio(found.commit), 3),
        "burst_p99_ms": round(percentile(found.burst.milliseconds, 0.99), 1),
        "burst_statuses": dict(found.burst.statuses),
        "rates": {
            setting.name: {one.name: round(median(one.rates[setting])) for one in found.subjects}
            for setting in SETTINGS
        },
    }


def _judge(console: Console, words: str, ratio: float, goal: float) -> None:
    colour = "green" if ratio >= goal else "red"
    console.print(f"{MAIN.name}: [bold {colour}]{ratio:.2f}[/] {words}, goal ≥ {goal:g}")


def _cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used, its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_SECONDS
