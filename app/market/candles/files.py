"""Candles of a series to a file and from one, however many there are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from app.core.errors import Invalid
from app.core.words import Word
from app.db.session import Database
from app.market.candles import csv_files, parquet_files, repository, service
from app.market.candles.series import Series
from app.market.facts import Kept
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe


class FileFormat(Word):
    """How candles are written to a file."""

    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Takes candles, oldest first."""

    def write(self, candles: Sequence[Candle]) -> None: ...


@dataclass(frozen=True, slots=True)
class _Format:
    writing: Callable[[Path], AbstractContextManager[Writer]]
    reading: Callable[[Path, Timeframe, int], Iterator[list[Candle]]]


_FORMATS: Final[Mapping[FileFormat, _Format]] = {
    FileFormat.CSV: _Format(csv_files.writing, csv_files.reading),
    FileFormat.PARQUET: _Format(parquet_files.writing, parquet_files.reading),
}


async def export_file(
    database: Database,
    series: Series,
    path: Path,
    kind: FileFormat,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write the candles of a range, oldest first; how many they were.

    Args:
        database: where they are.
        series: which candles; the file does not say.
        path: replaced if it is there.
        kind: of file.
        since: inclusive.
        until: exclusive.

    Raises:
        Invalid: `parquet_not_installed`, or `bad_file` when it cannot be written.
    """
    count = 0
    try:
        with _FORMATS[kind].writing(path) as writer:
            pages = repository.stored(database, series, since=since, until=until)
            async with aclosing(pages):
                async for candles in pages:
                    await asyncio.to_thread(writer.write, candles)
                    count += len(candles)
    except OSError as error:
        raise _unusable(path, error) from None
    return count


async def import_file(
    database: Database,
    series: Series,
    path: Path,
    kind: FileFormat,
    *,
    actor: str,
    now: datetime,
) -> Kept:
    """Keep the candles of a file, in parts: those before a part that is refused stay kept.

    Args:
        database: where they go.
        series: which candles they are; the file does not say.
        path: of a file as `export_file` writes it; the columns that venues may not tell can be
            missing.
        kind: of file.
        actor: who does it, for the audit trail: a username, or `system`.
        now: what time it is.

    Raises:
        Invalid: `parquet_not_installed`, `bad_file` with the place, or as `service.keep`.
        CandleConflict: one is stored with other values.
    """
    total = Kept()
    parts = _read(path, _FORMATS[kind].reading(path, series.timeframe, service.PART))
    try:
        async for kept in service.keep_in_parts(database, series, parts, now=now):
            total += kept
    finally:
        async with database.transaction() as session:
            await service.note_import(session, series, total, actor=actor, now=now, file=path.name)
    return total


async def _read(path: Path, parts: Iterator[list[Candle]]) -> AsyncIterator[list[Candle]]:
    """Read where it does not hold up everybody else."""
    while True:
        try:
            part = await asyncio.to_thread(_next, parts)
        except OSError as error:
            raise _unusable(path, error) from None
        if part is None:
            return
        yield part


def _next(parts: Iterator[list[Candle]]) -> list[Candle] | None:
    return next(parts, None)


def _unusable(path: Path, error: OSError) -> Invalid:
    return Invalid(f"{path.name}: {error.strerror or error}.", code="bad_file")
