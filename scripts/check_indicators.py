"""Compare the indicators with recorded prices and other libraries: `check_indicators.py [FOLDER]`.

The folder holds 5,000 hourly candles of EUR/USD and three published worked sheets. Each row of the
table says how far a line is from what it is compared with: made whole, and candle by candle.
Ends with 1 when one is further than it may be.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import talib
from talipp.indicators import ATR, BB, MACD, SuperTrend
from talipp.ohlcv import OHLCV

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.algorithms.indicators.atr import Atr, atr
from app.algorithms.indicators.averages import Ema, Sma, ema, sma
from app.algorithms.indicators.bollinger import Bollinger, bollinger
from app.algorithms.indicators.inputs import Series
from app.algorithms.indicators.macd import Macd, macd
from app.algorithms.indicators.rsi import Rsi, rsi
from app.algorithms.indicators.supertrend import Supertrend, supertrend
from app.algorithms.indicators.weighted import Hma, Wma, hma, wma

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
EQUAL = 1e-9
# Worked out once from these prices by another transcription of Pine's definitions, and written down
# with ten places: the last values, and the first ones with their places.
LAST = {
    "SMA20": 1.2367070000,
    "EMA20": 1.2358440828,
    "RSI14": 26.8763800316,
    "HMA16": 1.2325801291,
    "HMA15": 1.2319192500,
    "ATR14": 0.0022039550,
}
FIRST = {
    "SMA20": (19, 1.0715660000),
    "EMA20": (19, 1.0715660000),
    "RSI14": (14, 44.9421965318),
    "HMA16": (18, 1.0715154077),
    "HMA15": (16, 1.0714451528),
    "ATR14": (13, 0.0011221429),
}
TEN_PLACES = 5.1e-11
# The RSI(14) of StockCharts' worked sheet. The column in the file was seeded otherwise: only its
# closes count.
PUBLISHED_RSI = (
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38),
    *(54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30, 33.08, 37.77),
)
TWO_PLACES = 0.0051
FOUR_PLACES = 5.1e-5
# EMA(26) and TA-Lib's ATR(14) have forgotten how they began.
FORGOTTEN = 400


@dataclass(frozen=True)
class Candles:
    """Prices as arrays, oldest first."""

    highs: Series
    lows: Series
    closes: Series

    def rows(self) -> list[tuple[float, float, float]]:
        """High, low and close of each."""
        columns = self.highs.tolist(), self.lows.tolist(), self.closes.tolist()
        return list(zip(*columns, strict=True))


@dataclass(frozen=True)
class Line:
    """One line of an indicator, made whole, and candle by candle."""

    whole: Series
    stepped: Series


@dataclass(frozen=True)
class Compared:
    """A row of the table."""

    line: str
    beside: str
    apart: float
    allowed: float = EQUAL

    @property
    def is_right(self) -> bool:
        """Whether it is near enough."""
        return self.apart <= self.allowed


def column(path: Path, name: str) -> Series:
    """One column of a file with a heading; NaN where it is empty."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row[name] or "nan") for row in rows])


def as_series(line: Sequence[float | None]) -> Series:
    """NaN for None."""
    return np.array([np.nan if value is None else value for value in line], dtype=np.float64)


def part(points: Sequence[Any], name: str) -> Series:
    """One attribute of what comes several at a time."""
    return as_series([None if point is None else getattr(point, name) for point in points])


def apart(left: Series, right: Series, *, skip: int = 0) -> float:
    """The largest difference; infinity where one has a value and the other none."""
    left, right = left[skip:], right[skip:]
    if len(left) != len(right) or not np.array_equal(np.isnan(left), np.isnan(right)):
        return float("inf")
    return float(np.nanmax(np.abs(left - right)))


def our_lines(candles: Candles) -> dict[str, Line]:
    """Everything that is compared, by name."""
    closes, rows = candles.closes, candles.rows()
    values = closes.tolist()

    def one(whole: Series, update: Callable[[float], float | None]) -> Line:
        return Line(whole, as_series([update(value) for value in values]))

    average_range = Atr(14)
    ranges = atr(candles.highs, candles.lows, closes, 14)
    lines = {
        "SMA20": one(sma(closes, 20), Sma(20).update),
        "SMA200": one(sma(closes, 200), Sma(200).update),
        "EMA20": one(ema(closes, 20), Ema(20).update),
        "RSI14": one(rsi(closes, 14), Rsi(14).update),
        "WMA9": one(wma(closes, 9), Wma(9).update),
        "HMA16": one(hma(closes, 16), Hma(16).update),
        "HMA15": one(hma(closes, 15), Hma(15).update),
        "ATR14": Line(ranges, as_series([average_range.update(*row) for row in rows])),
    }
    trend, differences, bands = Supertrend(), Macd(), Bollinger()
    several: dict[str, tuple[Any, list[Any], tuple[str, ...]]] = {
        "MACD": (
            macd(closes),
            [differences.update(value) for value in values],
            ("macd", "signal", "histogram"),
        ),
        "Bollinger": (
            bollinger(closes),
            [bands.update(value) for value in values],
            ("middle", "upper", "lower"),
        ),
        "Supertrend": (
            supertrend(candles.highs, candles.lows, closes),
            [trend.update(*row) for row in rows],
            ("line",),
        ),
    }
    for indicator, (whole, points, names) in several.items():
        for name in names:
            lines[f"{indicator} {name}"] = Line(getattr(whole, name), part(points, name))
    return lines


def ta_lib(candles: Candles) -> Iterator[tuple[str, Series, int]]:
    """TA-Lib's lines, and how many values at their beginning mean something else."""
    closes = candles.closes
    yield "SMA20", talib.SMA(closes, 20), 0
    yield "SMA200", talib.SMA(closes, 200), 0
    yield "EMA20", talib.EMA(closes, 20), 0
    yield "RSI14", talib.RSI(closes, 14), 0
    yield "WMA9", talib.WMA(closes, 9), 0
    for length, root in ((16, 4), (15, 3)):
        fast, slow = talib.WMA(closes, length // 2), talib.WMA(closes, length)
        yield f"HMA{length}", talib.WMA(2 * fast - slow, root), 0
    yield "ATR14", talib.ATR(candles.highs, candles.lows, closes, 14), FORGOTTEN
    names = ("MACD macd", "MACD signal", "MACD histogram")
    for name, line in zip(names, talib.MACD(closes, 12, 26, 9), strict=True):
        yield name, line, FORGOTTEN


def talipp(candles: Candles) -> Iterator[tuple[str, Series, int]]:
    """talipp's lines, and how many values at their beginning mean something else."""
    values = candles.closes.tolist()
    bars = [OHLCV(close, high, low, close) for high, low, close in candles.rows()]
    yield "ATR14", as_series(list(ATR(14, bars))), 0
    differences, bands = list(MACD(12, 26, 9, values)), list(BB(20, 2.0, values))
    for name in ("macd", "signal", "histogram"):
        yield f"MACD {name}", part(differences, name), 0
    for name, theirs in (("middle", "cb"), ("upper", "ub"), ("lower", "lb")):
        yield f"Bollinger {name}", part(bands, theirs), 0
    # Its bands begin at 0, not where the first candle puts them: both have to be left once.
    yield "Supertrend line", part(list(SuperTrend(10, 3, bars)), "value"), FORGOTTEN


def frozen(lines: dict[str, Line]) -> Iterator[Compared]:
    """The values that were written down."""
    for name, value in LAST.items():
        yield Compared(name, "frozen last", abs(lines[name].whole[-1] - value), TEN_PLACES)
    for name, (place, value) in FIRST.items():
        series = lines[name].whole
        begins_there = np.isnan(series[:place]).all()
        difference = abs(series[place] - value) if begins_there else float("inf")
        yield Compared(name, f"frozen first, at {place}", difference, TEN_PLACES)


def sheets(folder: Path) -> Iterator[Compared]:
    """StockCharts' worked sheets."""
    closes = column(folder / "cs-rsi.csv", "Close")
    found = rsi(closes, 14)[14:]
    yield Compared("RSI14", "published list", apart(found, np.array(PUBLISHED_RSI)), TWO_PLACES)
    sheet = folder / "cs-atr.csv"
    high, low, close = (column(sheet, name) for name in ("High", "Low", "Close"))
    ranges = atr(high, low, close, 14)
    yield Compared("ATR14", "cs-atr.csv", apart(ranges, column(sheet, "ATR"), skip=13))
    sheet = folder / "cs-wma.csv"
    weighted = wma(column(sheet, "Close"), 9)
    yield Compared("WMA9", "cs-wma.csv", apart(weighted, column(sheet, "WMA"), skip=8), FOUR_PLACES)


def comparisons(folder: Path) -> Iterator[Compared]:
    """Every row of the table."""
    prices = folder / "backtesting.py" / "EURUSD.csv"
    candles = Candles(*(column(prices, name) for name in ("High", "Low", "Close")))
    print(f"{len(candles.closes)} candles of {prices.name}\n")
    lines = our_lines(candles)
    for name, line in lines.items():
        yield Compared(name, "candle by candle", apart(line.stepped, line.whole))
    for library, theirs in (("TA-Lib", ta_lib(candles)), ("talipp", talipp(candles))):
        for name, series, skip in theirs:
            beside = f"{library} after {skip}" if skip else library
            yield Compared(name, beside, apart(lines[name].whole, series, skip=skip))
    yield from frozen(lines)
    yield from sheets(folder / "stockcharts-ta")


def main() -> int:
    """Print the table; 1 when a row of it is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if not (folder / "backtesting.py" / "EURUSD.csv").exists():
        print(f"no recorded prices at {folder}: nothing to check")
        return 0
    rows = list(comparisons(folder))
    for row in rows:
        verdict = "ok   " if row.is_right else "WRONG"
        print(f"{verdict} {row.line:<18}{row.beside:<24}{row.apart:9.1e}  ≤ {row.allowed:.1e}")
    wrong = sum(not row.is_right for row in rows)
    print(f"\n{len(rows)} comparisons, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
