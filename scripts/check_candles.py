"""Keep a corpus of real candles and trades, twice, and rebuild it: `check_candles.py [FOLDER]`.

The folder holds Feather files as freqtrade writes them. Each is imported two times into a
database that is thrown away: the second time must add nothing. Then the 1m and 5m candles are made
again, from the trades and from smaller candles, and compared with those of the files. Ends with 1
when something is added twice, or differs without an explanation.
"""

import asyncio
import importlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.core.clock import SystemClock
from app.core.decimals import plain
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.market.candles import repository, service
from app.market.candles.aggregation import FromTrades, Incomplete, Larger
from app.market.candles.series import Series
from app.market.facts import Kept
from app.market.prices import PriceKey
from app.market.trades import repository as tape
from app.market.trades import service as trades
from app.trading.candle import Candle, PriceKind
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType, Side

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "freqtrade"
SPOT = PriceKey("binance", MarketType.SPOT, "XRP/ETH")
LINEAR = PriceKey("binance", MarketType.LINEAR, "XRP/USDT:USDT")
CANDLES = {
    "XRP_ETH-1m": Series.of(SPOT, Timeframe.M1),
    "XRP_ETH-5m": Series.of(SPOT, Timeframe.M5),
    "XRP_USDT_USDT-5m-futures": Series.of(LINEAR, Timeframe.M5),
    "XRP_USDT_USDT-1h-futures": Series.of(LINEAR, Timeframe.H1),
    "XRP_USDT_USDT-1h-mark": Series.of(LINEAR, Timeframe.H1, PriceKind.MARK),
}
TRADES = "XRP_ETH-trades"
SHOWN = 5
COMPARED = ("open", "high", "low", "close", "volume")


def number(value: float | None) -> Decimal:
    """What a file of floats says, digit for digit; a mark price has no volume."""
    return Decimal(0) if value is None else Decimal(repr(value))


def candle(row: dict[str, Any], timeframe: Timeframe) -> Candle:
    """The candle of a row."""
    first, high, low, last, volume = (number(row[name]) for name in COMPARED)
    return Candle(timeframe, row["date"].astimezone(UTC), first, high, low, last, volume)


def trade(row: dict[str, Any]) -> MarketTrade:
    """The trade of a row."""
    return MarketTrade(
        exchange_trade_id=row["id"],
        executed_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=row["timestamp"]),
        side=Side(row["side"]),
        price=number(row["price"]),
        quantity=number(row["amount"]),
    )


async def keep(database: Database, series: Series, candles: Sequence[Candle]) -> Kept:
    """Keep a file's candles, as an import does."""

    async def parts() -> AsyncIterator[Sequence[Candle]]:
        yield candles

    keeping = service.keep_in_parts(database, series, parts(), now=SystemClock().now())
    return sum([kept async for kept in keeping], Kept())


async def keep_trades(database: Database, some: Sequence[MarketTrade]) -> Kept:
    """Keep a file's trades."""
    async with database.transaction() as session:
        return (await trades.keep(session, {SPOT: some}, now=SystemClock().now()))[SPOT]


def told(name: str, first: Kept, second: Kept, count: int) -> bool:
    """Print what became of a file; whether it was all kept, and nothing twice."""
    is_right = (first.inserted, second) == (count, Kept(0, count))
    print(
        f"{'ok   ' if is_right else 'WRONG'} {name:<26}{count:>6} rows, {first.inserted:>6} new, "
        f"the second time {second.inserted} new and {second.duplicates_skipped} skipped"
    )
    return is_right


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Candles made again, beside those of a file.

    Attributes:
        title: from what.
        made: what came of it, one for each open time.
        there: the file's.
        traded: open times of the minutes in which something was traded.
    """

    title: str
    made: Sequence[Candle | Incomplete]
    there: Sequence[Candle]
    traded: frozenset[datetime]

    def differences(self) -> Iterable[tuple[datetime, str, bool]]:
        """When, what, and whether it is explained."""
        there = {one.open_time: one for one in self.there}
        for one in self.made:
            yield from self._difference(one, there.pop(one.open_time, None))
        for opened in there:
            yield opened, "it is in the file, and nothing was made for it", False

    def _difference(
        self, made: Candle | Incomplete, there: Candle | None
    ) -> Iterable[tuple[datetime, str, bool]]:
        opened = made.open_time
        if isinstance(made, Incomplete):
            # Every minute of the file has a trade: where as many have one, the missing have none.
            closes = Timeframe.M5.close_of(opened)
            minutes = list(Timeframe.M1.opens(opened, closes))
            quiet = sum(one in self.traded for one in minutes) == len(minutes) - made.missing
            why = "nothing was traded then, and the file leaves such minutes out"
            yield opened, f"smaller candles are missing: {why if quiet else 'why?'}", quiet
        elif there is None:
            quiet = made.volume == 0 and self._is_quiet(opened, made.close_time)
            why = "nothing was traded in it, and the file leaves such candles out"
            yield opened, f"it is not in the file: {why if quiet else 'why?'}", quiet
        elif wrong := [name for name in COMPARED if getattr(made, name) != getattr(there, name)]:
            shown = ", ".join(
                f"{name} {plain(getattr(made, name))}, in the file {plain(getattr(there, name))}"
                for name in wrong
            )
            yield opened, shown, False

    def _is_quiet(self, since: datetime, until: datetime) -> bool:
        return not any(minute in self.traded for minute in Timeframe.M1.opens(since, until))

    def is_told(self) -> bool:
        """Print what differs, each kind with examples; whether all of it is explained."""
        found = list(self.differences())
        whole = sum(isinstance(one, Candle) for one in self.made)
        same = whole - sum(1 for one in found if "it is not in the file" in one[1])
        unexplained = [one for one in found if not one[2]]
        print(
            f"\n{'ok   ' if not unexplained else 'WRONG'} {self.title}: {same} candles equal those "
            f"of the file, {len(found)} differ, {len(unexplained)} without explanation"
        )
        kinds: Counter[str] = Counter()
        for opened, words, is_explained in found:
            kinds[words] += 1
            if kinds[words] <= SHOWN or not is_explained:
                print(f"        {opened:%Y-%m-%d %H:%M}  {words}")
        for words, count in kinds.items():
            if count > SHOWN:
                print(f"        … {count} in all: {words}")
        return not unexplained


async def rebuilt(database: Database) -> list[bool]:
    """Make the candles of the span of the trades again, in each way there is."""
    minutes, fives = CANDLES["XRP_ETH-1m"], CANDLES["XRP_ETH-5m"]
    stored = {
        series: [one async for page in repository.stored(database, series) for one in page]
        for series in (minutes, fives)
    }
    some = [one async for page in tape.stored(database, SPOT) for one in page]
    traded = frozenset(Timeframe.M1.open_of(one.executed_at) for one in some)
    since = Timeframe.M5.open_of(some[0].executed_at)
    until = Timeframe.M5.close_of(some[-1].executed_at)

    def made(timeframe: Timeframe) -> list[Candle]:
        joining = FromTrades(timeframe, since, until)
        return [*joining.join(some), *joining.end()]

    def joined(candles: Sequence[Candle]) -> list[Candle | Incomplete]:
        joining = Larger(Timeframe.M5)
        return [*joining.join(candles), *joining.end()]

    five_minutes = stored[fives]
    ways = (
        Rebuilt("1m from trades", made(Timeframe.M1), stored[minutes], traded),
        Rebuilt("5m from trades", made(Timeframe.M5), five_minutes, traded),
        Rebuilt("5m from the file's 1m", joined(stored[minutes]), five_minutes, traded),
        Rebuilt("5m from 1m from trades", joined(made(Timeframe.M1)), five_minutes, traded),
    )
    return [way.is_told() for way in ways]


async def checked(folder: Path, feather: Any, database: Database) -> bool:
    """Import and rebuild everything; whether all was right."""
    await upgrade(database)
    results = []
    for name, series in CANDLES.items():
        rows = feather.read_table(folder / f"{name}.feather").to_pylist()
        candles = [candle(row, series.timeframe) for row in rows]
        first, second = [await keep(database, series, candles) for _ in range(2)]
        results.append(told(name, first, second, len(rows)))
    some = [trade(row) for row in feather.read_table(folder / f"{TRADES}.feather").to_pylist()]
    first, second = [await keep_trades(database, some) for _ in range(2)]
    results.append(told(TRADES, first, second, len(some)))
    results += await rebuilt(database)
    return all(results)


async def main() -> int:
    """Check a folder in a database of its own."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if not (folder / f"{TRADES}.feather").exists():
        print(f"no corpus at {folder}: nothing to check")
        return 0
    try:
        feather = importlib.import_module("pyarrow.feather")
    except ImportError:
        print("reading Feather files needs pyarrow: run `make install-parquet`")
        return 1
    with TemporaryDirectory(prefix="signalbox-candles-") as place:
        database = open_database(f"sqlite+aiosqlite:///{place}/signalbox.db")
        try:
            return 0 if await checked(folder, feather, database) else 1
        finally:
            await database.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
