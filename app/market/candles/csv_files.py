"""Candles as CSV: a header with the names of the columns, then one line for each."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from app.core.clock import iso
from app.core.decimals import plain
from app.core.errors import Invalid
from app.market.candles.columns import candle_of, check_columns
from app.market.candles.repository import FIELDS
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe


class CsvWriter:
    """Writes candles to an open file.

    Args:
        writer: of the csv module.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, candles: Iterable[Candle]) -> None:
        """One line for each; what is not told is left empty."""
        self._writer.writerows(_cells(candle) for candle in candles)


@contextmanager
def writing(path: Path) -> Iterator[CsvWriter]:
    """A new file at that path; one that is there is replaced."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(FIELDS)
        yield CsvWriter(writer)


def reading(path: Path, timeframe: Timeframe, at_once: int) -> Iterator[list[Candle]]:
    """The candles of a file, some at a time.

    Raises:
        Invalid: `bad_file`, with the line that is wrong; those before it were given.
        OSError: it cannot be read.
    """
    # Spreadsheets begin a file with a mark of its encoding.
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            check_columns(rows.fieldnames or ())
            while part := [_candle(row, timeframe) for row in islice(rows, at_once)]:
                yield part
        except (csv.Error, UnicodeDecodeError, Invalid) as wrong:
            why = wrong.detail if isinstance(wrong, Invalid) else str(wrong)
            raise Invalid(f"Line {rows.line_num}: {why}", code="bad_file") from None


def _candle(row: dict[str | None, Any], timeframe: Timeframe) -> Candle:
    # What is beyond the last column has no name.
    if None in row:
        raise Invalid("it has more cells than there are columns.")
    return candle_of({str(name): cell or None for name, cell in row.items()}, timeframe)


def _cells(candle: Candle) -> Sequence[str]:
    numbers = [getattr(candle, name) for name in FIELDS[1:]]
    return [iso(candle.open_time), *("" if one is None else plain(one) for one in numbers)]
