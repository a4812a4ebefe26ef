"""Candles to files and back, and what is wrong with a file, in which line."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.errors import Invalid
from app.db.session import Database
from app.market.candles import files, repository, service
from app.market.candles.files import FileFormat
from app.market.candles.repository import CandleConflict
from app.market.facts import Kept
from app.trading.candle import Candle
from tests.market_builders import LATER, SERIES, START, a_candle, minutes

CSV, PARQUET = FileFormat.CSV, FileFormat.PARQUET
OTHER = SERIES._replace(symbol="ETH/USDT:USDT")
HEADER = "open_time,open,high,low,close,volume"
FIRST = "2026-01-05T00:00:00Z,1,3,1,2,0"
SECOND = "2026-01-05T01:01:00+01:00,2,2,2,2,5"


async def keep(database: Database, candles: list[Candle]) -> None:
    async with database.transaction() as session:
        await service.keep(session, {SERIES: candles}, now=LATER)


async def load(database: Database, path: Path, kind: FileFormat = CSV, series: Any = OTHER) -> Kept:
    return await files.import_file(database, series, path, kind, actor="system", now=LATER)


async def stored(database: Database, series: Any = OTHER) -> list[Candle]:
    return [one async for page in repository.stored(database, series) for one in page]


def a_file(folder: Path, *lines: str) -> Path:
    path = folder / "candles.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", FileFormat)
async def test_what_is_written_is_read_and_a_second_time_changes_nothing(
    database: Database, tmp_path: Path, kind: FileFormat
) -> None:
    candles = minutes(service.PART + 3)
    candles[1] = replace(candles[1], quote_volume=None, trades=None, taker_buy_volume=None)
    await keep(database, candles)
    path = tmp_path / f"candles.{kind}"

    until = START + timedelta(minutes=service.PART + 2)
    written = await files.export_file(database, SERIES, path, kind, until=until)

    assert written == service.PART + 2
    assert await load(database, path, kind) == Kept(written, 0)
    assert await load(database, path, kind) == Kept(0, written)
    assert await stored(database) == candles[:-1]


async def test_a_csv_is_what_it_looks_like(database: Database, tmp_path: Path) -> None:
    await keep(database, [a_candle(trades=None)])
    path = tmp_path / "candles.csv"

    await files.export_file(database, SERIES, path, CSV)

    assert path.read_bytes() == (
        b"open_time,open,high,low,close,volume,quote_volume,trades,taker_buy_volume,"
        b"taker_buy_quote_volume\r\n"
        b"2026-01-05T00:00:00.000000Z,60000,60002,59999,60000.5,0.001,60,,0.0005,30\r\n"
    )


async def test_a_file_by_other_hands_is_read(database: Database, tmp_path: Path) -> None:
    path = a_file(tmp_path, "\ufeff" + HEADER + ",trades", FIRST + ",7", SECOND + ",")

    assert await load(database, path) == Kept(2, 0)

    shown: list[Any] = [
        (one.open_time.minute, one.high, one.trades) for one in await stored(database)
    ]
    assert shown == [(0, 3, 7), (1, 2, None)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "Line 0: the columns are open_time"),
        (["open_time,open,high,low,close"], "Line 1: the columns are"),
        ([HEADER + ",vwap"], "Line 1: .*'vwap' is none of them"),
        ([HEADER + ",volume"], "Line 1: the columns are"),
        ([HEADER, FIRST, "2026-01-05T00:01:00Z,1,3,1,x,0"], "Line 3: close: 'x' is not a number"),
        ([HEADER, FIRST, "2026-01-05T00:01:00Z,1,3,1,,0"], "Line 3: close: it is empty"),
        ([HEADER, FIRST, "2026-01-05T00:01:00Z,1"], "Line 3: high: it is empty"),
        ([HEADER, FIRST + ",9"], "Line 2: it has more cells"),
        ([HEADER, "2026-01-05,1,3,1,2,0"], "Line 2: open_time: add a time zone"),
        ([HEADER, "soon,1,3,1,2,0"], "Line 2: open_time: 'soon' is no moment"),
        ([HEADER, "0001-01-01T00:00:00+05:00,1,3,1,2,0"], "Line 2: open_time: .* is no moment"),
        (
            [HEADER, "2026-01-05T00:00:30Z,1,3,1,2,0"],
            "Line 2: The 1m candle of 2026-01-05T00:00:30",
        ),
        ([HEADER, "2026-01-05T00:00:00Z,4,3,1,2,0"], "Line 2: .*its open 4 is not between 1 and 3"),
        ([HEADER + ",trades", FIRST + ",1.5"], "Line 2: trades: no whole number"),
        ([HEADER, '"2026'], "unexpected end of data"),
    ],
)
async def test_a_file_that_is_wrong_is_refused_with_its_line(
    sqlite_database: Database, tmp_path: Path, lines: list[str], words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        await load(sqlite_database, a_file(tmp_path, *lines) if lines else _empty(tmp_path))

    assert refused.value.code == "bad_file"
    assert await stored(sqlite_database) == []


def _empty(folder: Path) -> Path:
    path = folder / "empty.csv"
    path.touch()
    return path


@pytest.mark.parametrize("kind", FileFormat)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
async def test_what_is_no_such_file_is_refused(
    sqlite_database: Database, tmp_path: Path, kind: FileFormat, content: bytes | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(Invalid) as refused:
        await load(sqlite_database, path, kind)

    assert refused.value.code == "bad_file"


async def test_a_file_cannot_be_written_where_there_is_no_folder(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with pytest.raises(Invalid) as refused:
        await files.export_file(sqlite_database, SERIES, tmp_path / "no" / "folder", CSV)

    assert refused.value.code == "bad_file"


def with_floats(pyarrow: Any) -> dict[str, Any]:
    return {"close": pyarrow.array([1.1997200000000001])}


def without_a_zone(pyarrow: Any) -> dict[str, Any]:
    return {"open_time": pyarrow.array([START.replace(tzinfo=None)])}


@pytest.mark.parametrize(
    ("change", "words"),
    [(with_floats, "Row 1: close: .*as a string"), (without_a_zone, "Row 1: open_time: add a")],
)
async def test_a_parquet_file_that_has_lost_something_is_refused_with_its_row(
    sqlite_database: Database, tmp_path: Path, change: Callable[[Any], dict[str, Any]], words: str
) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {name: [getattr(a_candle(), name)] for name in HEADER.split(",")}
    path = tmp_path / "candles.parquet"
    parquet.write_table(arrow.table({**columns, **change(arrow)}), path)

    with pytest.raises(Invalid, match=words):
        await load(sqlite_database, path, PARQUET)


async def test_without_pyarrow_the_answer_says_how_to_get_it(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Python marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(Invalid, match="make install-parquet") as refused:
        await files.export_file(sqlite_database, SERIES, tmp_path / "x", PARQUET)
    assert refused.value.code == "parquet_not_installed"
    with pytest.raises(Invalid, match="make install-parquet"):
        await load(sqlite_database, tmp_path / "x", PARQUET)


async def test_a_file_that_is_refused_midway_says_what_was_kept_in_the_audit_trail(
    database: Database, tmp_path: Path
) -> None:
    await keep(database, minutes(service.PART + 1))
    path = tmp_path / "candles.csv"
    await files.export_file(database, SERIES, path, CSV)
    async with database.transaction() as session:
        wrong = a_candle(service.PART, trades=0)
        await service.keep(session, {OTHER: [wrong]}, now=LATER)

    with pytest.raises(CandleConflict):
        await load(database, path)

    assert len(await stored(database)) == service.PART + 1
    async with database.read() as session:
        (entry,) = await session.scalars(select(AuditEntry))
    assert (entry.actor, entry.action, entry.user_id) == ("system", "candles.imported", None)
    assert (entry.detail["inserted"], entry.detail["file"]) == ("2000", "candles.csv")
