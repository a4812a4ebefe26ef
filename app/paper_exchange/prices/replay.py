"""A candle file played back: each candle gives open, its two extremes and close, then the next."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from app.paper_exchange.prices.walk import Source, Tick
from app.paper_exchange.symbols import ASSETS, QUOTE

_COLUMNS = ("open_time", "open", "high", "low", "close", "volume")


class BadCandles(ValueError):
    """The candle file, or the setting that names it, cannot be used."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded ticks by symbol, played in a circle; symbols without a recording walk."""

    ticks: dict[str, list[Tick]]
    otherwise: Source

    def next_tick(self, symbol: str, price: Decimal, step: int) -> Tick:
        """The recorded tick of this step."""
        recorded = self.ticks.get(symbol)
        if recorded is None:
            return self.otherwise.next_tick(symbol, price, step)
        return recorded[step % len(recorded)]


def read_sources(setting: str, otherwise: Source) -> Source:
    """The price source a `PAPER_DATA` setting describes.

    `setting` is empty (walk), a CSV path whose name starts with the symbol, or a comma-separated
    list of `SYMBOL=path`.

    Raises:
        BadCandles: a file is missing or malformed, or its symbol is not listed.
    """
    if not setting.strip():
        return otherwise
    files = dict(_files(setting))
    return Replay({symbol: _read(path) for symbol, path in files.items()}, otherwise)


def _files(setting: str) -> Iterable[tuple[str, Path]]:
    for part in (part.strip() for part in setting.split(",")):
        name, equals, path = part.partition("=")
        if not equals:
            name, path = Path(part).stem.replace("_", "-").split("-")[0], part
        symbol = name.strip().upper()
        if symbol.removesuffix(QUOTE) not in ASSETS:
            raise BadCandles(f"PAPER_DATA: {symbol!r} is not listed; write SYMBOL=path")
        yield symbol, Path(path.strip())


def _read(path: Path) -> list[Tick]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except OSError as error:
        raise BadCandles(f"PAPER_DATA: cannot read {path}: {error.strerror}") from error
    columns = list(range(len(_COLUMNS)))
    if rows and not rows[0][0].strip().lstrip("-").isdigit():
        columns = _columns(rows, path)
        rows = rows[1:] if "open" in [cell.strip().lower() for cell in rows[0]] else rows
    try:
        ticks = [tick for row in rows for tick in _ticks([row[index] for index in columns])]
    except (InvalidOperation, IndexError) as error:
        raise BadCandles(f"PAPER_DATA: {path} has a line that is not a candle") from error
    if not ticks or any(tick.price <= 0 for tick in ticks):
        raise BadCandles(f"PAPER_DATA: {path} needs candles with prices above 0")
    return ticks


def _columns(rows: list[list[str]], path: Path) -> list[int]:
    header = [cell.strip().lower() for cell in rows[0]]
    if "open" not in header:
        return list(range(len(_COLUMNS)))
    missing = [name for name in _COLUMNS[1:5] if name not in header]
    if missing:
        raise BadCandles(f"PAPER_DATA: {path} has no column {', '.join(missing)}")
    volume = header.index("volume") if "volume" in header else header.index("close")
    return [0, *(header.index(name) for name in _COLUMNS[1:5]), volume]


def _ticks(cells: list[str]) -> list[Tick]:
    first, high, low, close, volume = (Decimal(cell.strip()) for cell in cells[1:])
    middle = (low, high) if close >= first else (high, low)
    return [Tick(price, volume / 4) for price in (first, *middle, close)]
