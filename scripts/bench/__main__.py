"""Alert to order, ingest, backtests and candles, each beside the least it could take, in rounds."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scripts.bench import backtest as backtests
from scripts.bench.candles import figures_of_candles, measure_candles, show_candles
from scripts.bench.databases import on_postgresql, on_sqlite
from scripts.bench.ingest import figures_of, measure_ingest, show_ingest
from scripts.bench.measures import Alerts, BareCommits, BareOrders, percentile
from scripts.bench.processes import site

GOAL = 2.0
DATABASES = (("SQLite, synchronous=FULL", on_sqlite), ("PostgreSQL", on_postgresql))


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds of every sample, warm-up left out."""

    arrived: Sequence[float]
    answered: Sequence[float]
    orders: Sequence[float]
    commits: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times the least it could take."""
        return percentile(self.arrived, 0.5) / (
            percentile(self.orders, 0.5) + percentile(self.commits, 0.5)
        )


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure everything, or one part of it; what runs is processes on the loopback."""
    if context.invoked_subcommand is None:
        context.invoke(orders)
        context.invoke(ingest)
        context.invoke(backtest)
        context.invoke(candles)


@bench.command()
@click.option("--alerts", default=240, show_default=True, help="Measured, after the warm-up.")
@click.option("--rounds", default=12, show_default=True, help="The three take turns this often.")
@click.option("--warm-up", default=20, show_default=True, help="Of each, not counted.")
@click.option("--database-url", default="", help="Of an empty database; SQLite when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
def orders(*, alerts: int, rounds: int, warm_up: int, database_url: str, as_json: bool) -> None:
    """From an alert to its order; paper exchange, server and driver are three processes."""
    each = -(-alerts // rounds)
    result = asyncio.run(_measure(each, rounds, warm_up, database_url))
    if as_json:
        print(json.dumps(_figures(result)))
    else:
        _show(result)


@bench.command()
@click.option("--rounds", default=5, show_default=True, help="All take turns this often.")
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
def ingest(*, rounds: int, as_json: bool) -> None:
    """Alerts kept and answered, on SQLite and on a PostgreSQL of its own."""
    console = Console(stderr=True)
    for name, server in DATABASES:
        with (
            tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder,
            server(Path(folder)) as urls,
        ):
            console.print(f"starting four processes over {name} …")
            found = asyncio.run(
                measure_ingest(
                    Path(folder),
                    name,
                    ours_url=urls[0],
                    floor_url=urls[1],
                    rounds=rounds,
                    console=console,
                )
            )
        if as_json:
            print(json.dumps(figures_of(found)))
        else:
            show_ingest(found, Console())


@bench.command()
@click.option("--candles", default=1_000_000, show_default=True, help="Of one minute, made up.")
@click.option("--rival-candles", default=100_000, show_default=True, help="For backtesting.py.")
@click.option("--rounds", default=3, show_default=True, help="All take turns this often.")
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
def backtest(*, candles: int, rival_candles: int, rounds: int, as_json: bool) -> None:
    """A backtest, a plain Python loop and backtesting.py, by candles a second."""
    speeds = backtests.measure(
        candles=candles, rival_candles=rival_candles, rounds=rounds, console=Console(stderr=True)
    )
    if as_json:
        print(json.dumps(backtests.figures_of(speeds)))
    else:
        backtests.show(speeds, Console())


@bench.command()
@click.option("--rounds", default=5, show_default=True, help="All take turns this often.")
@click.option("--count", default=50_000, show_default=True, help="Candles in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
def candles(*, rounds: int, count: int, as_json: bool) -> None:
    """Candles kept, beside raw executemany on SQLite and bare COPY on a PostgreSQL of its own."""
    console = Console(stderr=True)
    for name, server in DATABASES:
        with (
            tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder,
            server(Path(folder)) as urls,
        ):
            found = asyncio.run(
                measure_candles(
                    name,
                    ours_url=urls[0],
                    floor_url=urls[1],
                    rounds=rounds,
                    count=count,
                    console=console,
                )
            )
        if as_json:
            print(json.dumps(figures_of_candles(found)))
        else:
            show_candles(found, Console())


async def _measure(each: int, rounds: int, warm_up: int, database_url: str) -> Result:
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as name:
        folder = Path(name)
        bare_url = database_url or f"sqlite+aiosqlite:///{folder / 'bare.db'}"
        console = Console(stderr=True)
        console.print("starting a paper exchange and a server …")
        async with site(folder, database_url) as found, httpx.AsyncClient(timeout=20) as client:
            alerts = await Alerts.prepare(found, client)
            orders = await BareOrders.prepare(found, client)
            commits = await BareCommits.prepare(bare_url)
            steps: list[Callable[[], Awaitable[None]]] = [alerts.one, orders.one, commits.one]
            try:
                await _run(steps, each, rounds, warm_up, console)
            finally:
                await orders.close()
                await commits.close()
        return Result(
            alerts.arrived[warm_up:],
            alerts.answered[warm_up:],
            orders.taken[warm_up:],
            commits.taken[warm_up:],
        )


async def _run(
    steps: Sequence[Callable[[], Awaitable[None]]],
    each: int,
    rounds: int,
    warm_up: int,
    console: Console,
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=(warm_up + each * rounds) * len(steps))
        for size in [warm_up, *[each] * rounds]:
            for step in steps:
                for _ in range(size):
                    await step()
                    progress.advance(task)


def _figures(result: Result) -> dict[str, object]:
    def of(values: Sequence[float]) -> dict[str, float]:
        return {
            "count": len(values),
            "p50_ms": round(percentile(values, 0.5), 3),
            "p99_ms": round(percentile(values, 0.99), 3),
        }

    return {
        "alert_to_order": of(result.arrived),
        "alert_to_answer": of(result.answered),
        "bare_create_order": of(result.orders),
        "three_bare_commits": of(result.commits),
        "ratio": round(result.ratio, 3),
        "goal": GOAL,
    }


def _show(result: Result) -> None:
    table = Table(title="alert → order request received by the venue")
    table.add_column("what")
    for heading in ("samples", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    rows = (
        ("alert → order at the venue", result.arrived),
        ("alert → answer to its sender (stored, decided)", result.answered),
        ("bare ccxt create_order, whole round trip", result.orders),
        ("three bare SQLAlchemy commits", result.commits),
    )
    for name, values in rows:
        middle, tail = percentile(values, 0.5), percentile(values, 0.99)
        table.add_row(name, str(len(values)), f"{middle:.2f}", f"{tail:.2f}")
    console = Console()
    console.print(table)
    colour = "green" if result.ratio <= GOAL else "red"
    console.print(
        f"ratio p50 / (bare create_order + three commits) = [bold {colour}]{result.ratio:.2f}[/]"
        f"   goal ≤ {GOAL:.0f}"
    )


if __name__ == "__main__":
    bench()
