"""Candles as Parquet, exact: moments in microseconds of UTC, and decimals of 18 places.

pyarrow is 50 MB that only this needs: `make install-parquet` brings it.
"""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.core.errors import Invalid
from app.market.candles.columns import candle_of, check_columns
from app.market.candles.repository import FIELDS
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe


class ParquetWriter:
    """Writes candles to an open file.

    Args:
        arrow: the module.
        writer: of the file.
        schema: of its columns.
    """

    def __init__(self, arrow: Any, writer: Any, schema: Any) -> None:
        self._arrow = arrow
        self._writer = writer
        self._schema = schema

    def write(self, candles: Sequence[Candle]) -> None:
        """One group of rows."""
        columns = {name: [getattr(one, name) for one in candles] for name in FIELDS}
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))


@contextmanager
def writing(path: Path) -> Iterator[ParquetWriter]:
    """A new file at that path; one that is there is replaced.

    Raises:
        Invalid: `parquet_not_installed`.
    """
    arrow, parquet = _installed()
    money = arrow.decimal128(38, 18)
    kinds = {"open_time": arrow.timestamp("us", tz="UTC"), "trades": arrow.int64()}
    schema = arrow.schema([(name, kinds.get(name, money)) for name in FIELDS])
    with parquet.ParquetWriter(str(path), schema) as writer:
        yield ParquetWriter(arrow, writer, schema)


def reading(path: Path, timeframe: Timeframe, at_once: int) -> Iterator[list[Candle]]:
    """The candles of a file, some at a time.

    Raises:
        Invalid: `parquet_not_installed`, or `bad_file`, with the row that is wrong; parts before
            its own were given.
        OSError: it cannot be read.
    """
    arrow, parquet = _installed()
    number = 0
    try:
        with parquet.ParquetFile(str(path)) as file:
            check_columns(file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=at_once):
                part = []
                for row in batch.to_pylist():
                    number += 1
                    part.append(candle_of(row, timeframe))
                yield part
    except (arrow.ArrowInvalid, Invalid) as wrong:
        why = wrong.detail if isinstance(wrong, Invalid) else str(wrong)
        raise Invalid(f"Row {number}: {why}", code="bad_file") from None


def _installed() -> tuple[Any, Any]:
    try:
        arrow = importlib.import_module("pyarrow")
        return arrow, importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise Invalid(
            "Parquet needs pyarrow, which is not installed: run `make install-parquet`, or use "
            "CSV.",
            code="parquet_not_installed",
        ) from None
