"""`candles export` and `candles import` on a real data folder."""

from pathlib import Path

import pytest

from app.db.session import open_database
from app.market import repository as markets
from tests.conftest import sqlite_copy
from tests.fakes.market import an_instrument
from tests.integration.command_line import data_folder, run

WHICH = ("BTC/USDT", "--timeframe", "1m")
LINES = (
    "open_time,open,high,low,close,volume",
    "2026-01-05T00:00:00Z,1,3,1,2,5",
    "2026-01-05T00:01:00Z,2,2,1,1,0",
)


@pytest.fixture
async def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that knows its markets."""
    data = data_folder(tmp_path, monkeypatch)
    data.mkdir()
    database = open_database(sqlite_copy(sqlite_template, data))
    async with database.transaction() as session:
        await markets.put_instruments(session, "paper", [an_instrument("BTC/USDT")])
    await database.close()
    return tmp_path


def written(folder: Path, *lines: str, name: str = "given.csv") -> str:
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_candles_go_to_a_file_and_back_and_are_the_same(folder: Path, ending: str) -> None:
    given = written(folder, *LINES)

    first = run("candles", "import", WHICH[0], given, *WHICH[1:])
    out = run("candles", "export", WHICH[0], f"out.{ending}", *WHICH[1:])
    again = run("candles", "import", WHICH[0], f"out.{ending}", *WHICH[1:])

    assert first.output == "2 new, 0 were there.\n"
    assert out.output == f"2 candles in out.{ending}.\n"
    assert again.output == "0 new, 2 were there.\n"


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("given.xlsx", LINES, "has to end in .csv or .parquet"),
        ("given.csv", (*LINES[:1], "2026-01-05T00:00:30Z,1,3,1,2,5"), "Line 2"),
    ],
)
def test_what_cannot_be_read_says_why(
    folder: Path, name: str, lines: tuple[str, ...], says: str
) -> None:
    result = run("candles", "import", WHICH[0], written(folder, *lines, name=name), *WHICH[1:])

    assert result.exit_code == 2
    assert says in result.output


def test_other_values_than_the_stored_ones_are_shown(folder: Path) -> None:
    run("candles", "import", WHICH[0], written(folder, *LINES), *WHICH[1:])
    other = written(folder, LINES[0], "2026-01-05T00:00:00Z,1,3,1,3,5")

    result = run("candles", "import", WHICH[0], other, *WHICH[1:])

    assert result.exit_code != 0
    assert "close 2, sent 3" in result.output
