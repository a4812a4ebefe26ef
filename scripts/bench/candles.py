"""Candles kept, beside the driver alone: the same rows, table, parts and durability."""

import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.engine import make_url

from app.core.decimals import plain
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.market.candles.repository import FIELDS
from app.market.candles.series import Series
from app.market.candles.service import PART, keep_in_parts
from app.trading.candle import Candle, PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

GOAL: Final = 0.8
WARM_UP: Final = 1
SEED: Final = 7
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS: Final = (*Series._fields, *FIELDS)

# Makes a round ready, and gives what is timed.
Round = Callable[[int], Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class Subject:
    """One way to keep candles; each round has a series of its own."""

    name: str
    prepare: Round
    seconds: list[float] = field(default_factory=list)

    async def measure(self, number: int) -> None:
        """One round."""
        keep = self.prepare(number)
        began = time.perf_counter()
        await keep()
        self.seconds.append(time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Found:
    """What came out on one database, of so many candles a round."""

    database: str
    count: int
    floor: Subject
    ours: Subject
    again: Subject

    @property
    def subjects(self) -> tuple[Subject, Subject, Subject]:
        """In the order of the rounds and of the table."""
        return self.floor, self.ours, self.again

    def ratio(self, one: Subject) -> float:
        """Its candles a second against the driver's: the median of the rounds."""
        pairs = zip(self.floor.seconds, one.seconds, strict=True)
        return median(bare / mine for bare, mine in pairs)


async def measure_candles(
    name: str, *, ours_url: str, floor_url: str, rounds: int, count: int, console: Console
) -> Found:
    """Measure on one database.

    Args:
        name: its name, for people.
        ours_url: of an empty database.
        floor_url: of another on the same server, or of a file on the same disk.
        rounds: all take turns this often.
        count: candles in each.
        console: where progress is shown.
    """
    candles = a_walk(count)
    await (await _at_newest(floor_url)).close()
    database = await _at_newest(ours_url)
    ours = _ours(database, candles)
    floor = _executemany(floor_url, candles) if database.is_sqlite else _copy(floor_url, candles)
    words = "sqlite3.executemany" if database.is_sqlite else "COPY"
    async with floor as bare:
        found = Found(
            name,
            count,
            Subject(f"bare {words}", bare),
            Subject("kept (ours)", ours),
            Subject("the same again: nothing is new", ours),
        )
        await _rounds(found.subjects, rounds, console)
    await database.close()
    return found


async def _rounds(subjects: Sequence[Subject], rounds: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("candles", total=(rounds + WARM_UP) * len(subjects))
        for number in range(rounds + WARM_UP):
            for one in subjects:
                await one.measure(number)
                progress.advance(task)
    for one in subjects:
        del one.seconds[:WARM_UP]


def a_walk(count: int) -> list[Candle]:
    """Minutes of a made-up market, with as many digits as a venue gives."""
    chance = random.Random(SEED)  # noqa: S311 a market, no secret
    candles, price = [], Decimal(60_000)
    for number in range(count):
        close = price + Decimal(chance.randint(-2000, 2000)) / 100
        volume = Decimal(chance.randint(1000, 9_999_999)) / 100_000
        bought = volume / 4
        candles.append(
            Candle(
                Timeframe.M1,
                BEGIN + timedelta(minutes=number),
                open=price,
                high=max(price, close) + Decimal("3.10"),
                low=min(price, close) - Decimal("2.75"),
                close=close,
                volume=volume,
                quote_volume=volume * close,
                trades=chance.randint(1, 5000),
                taker_buy_volume=bought,
                taker_buy_quote_volume=bought * close,
            )
        )
        price = close
    return candles


def _series(number: int) -> Series:
    symbol = f"BTC{number}/USDT:USDT"
    return Series("paper", MarketType.LINEAR, symbol, PriceKind.LAST, Timeframe.M1)


async def _at_newest(url: str) -> Database:
    database = open_database(url)
    await upgrade(database)
    return database


def _ours(database: Database, candles: Sequence[Candle]) -> Round:
    """As an import keeps them."""
    now = candles[-1].close_time

    async def whole() -> AsyncIterator[Sequence[Candle]]:
        yield candles

    def prepare(number: int) -> Callable[[], Awaitable[None]]:
        async def keep() -> None:
            async for _ in keep_in_parts(database, _series(number), whole(), now=now):
                pass

        return keep

    return prepare


@asynccontextmanager
async def _executemany(url: str, candles: Sequence[Candle]) -> AsyncIterator[Round]:
    """Python's own driver, given what SQLite takes: nothing is worked out while it is timed.

    Like ours it leaves out what is there already.
    """
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    places = ", ".join("?" for _ in COLUMNS)
    statement = f"INSERT OR IGNORE INTO candles ({', '.join(COLUMNS)}) VALUES ({places})"  # noqa: S608
    cells = [_cells(candle, lambda moment: f"{moment:%Y-%m-%d %H:%M:%S.%f}") for candle in candles]

    def prepare(number: int) -> Callable[[], Awaitable[None]]:
        shared = [str(one) for one in _series(number)]
        rows = [(*shared, *own) for own in cells]
        parts = [rows[start : start + PART] for start in range(0, len(rows), PART)]

        async def keep() -> None:
            for part in parts:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, part)
                connection.execute("COMMIT")

        return keep

    yield prepare
    connection.close()


@asynccontextmanager
async def _copy(url: str, candles: Sequence[Candle]) -> AsyncIterator[Round]:
    """COPY into the table itself, given its lines: a key that is taken would end it."""
    server = make_url(url).set(drivername="postgresql")
    connection = await asyncpg.connect(server.render_as_string(hide_password=False))
    cells = [_cells(candle, datetime.isoformat) for candle in candles]

    def prepare(number: int) -> Callable[[], Awaitable[None]]:
        shared = [str(one) for one in _series(number)]
        lines = ["\t".join(map(str, (*shared, *own))) + "\n" for own in cells]
        starts = range(0, len(lines), PART)
        parts = ["".join(lines[start : start + PART]).encode() for start in starts]

        async def keep() -> None:
            for part in parts:
                async with connection.transaction():
                    await connection.copy_to_table("candles", source=_once(part), columns=COLUMNS)

        return keep

    yield prepare
    await connection.close()


async def _once(lines: bytes) -> AsyncIterator[bytes]:
    yield lines


def _cells(candle: Candle, text: Callable[[datetime], str]) -> tuple[Any, ...]:
    values = (getattr(candle, name) for name in FIELDS)
    return tuple(
        text(value)
        if isinstance(value, datetime)
        else plain(value)
        if isinstance(value, Decimal)
        else value
        for value in values
    )


def show_candles(found: Found, console: Console) -> None:
    """A table, and how it stands to the goal."""
    table = Table(title=f"{found.count} candles kept on {found.database}, {PART} a transaction")
    table.add_column("what")
    for heading in ("a second", "µs each", "of the driver"):
        table.add_column(heading, justify="right")
    for one in found.subjects:
        middle = median(one.seconds)
        table.add_row(
            one.name,
            f"{found.count / middle:.0f}",
            f"{middle / found.count * 1e6:.1f}",
            f"{found.ratio(one):.2f}",
        )
    console.print(table)
    ratio = found.ratio(found.ours)
    colour = "green" if ratio >= GOAL else "red"
    console.print(f"[bold {colour}]{ratio:.2f}[/] of {found.floor.name}, goal ≥ {GOAL:g}")


def figures_of_candles(found: Found) -> dict[str, object]:
    """The same for a program."""
    return {
        "database": found.database,
        "candles": found.count,
        "of_the_driver": round(found.ratio(found.ours), 3),
        "microseconds_each": {
            one.name: round(median(one.seconds) / found.count * 1e6, 2) for one in found.subjects
        },
    }
