"""`candles` on a real data folder: to a file and back, what is missing, and what can be built."""

from pathlib import Path

import pytest
from click.testing import Result

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


def test_what_is_missing_is_said_and_how_to_get_it(folder: Path) -> None:
    later = "2026-01-05T00:04:00Z,2,2,1,1,0"
    run("candles", "import", WHICH[0], written(folder, *LINES, later), *WHICH[1:])

    until = ("--to", "2026-01-05T00:06:00Z")
    result = run("candles", "gaps", *WHICH, "--from", "2026-01-04", *until)
    whole = run("candles", "gaps", *WHICH, "--to", "2026-01-05T00:02:00Z")
    nothing = run("candles", "gaps", WHICH[0], "--timeframe", "1h")

    assert result.output == (
        "2026-01-05T00:02:00.000000Z to 2026-01-05T00:04:00.000000Z: 2 missing\n"
        "2026-01-05T00:05:00.000000Z to 2026-01-05T00:06:00.000000Z: 1 missing\n"
        "paper BTC/USDT 1m: 3 stored, 3 missing in 2 gaps; "
        "`candles fetch` asks the exchange for them.\n"
    )
    assert whole.output == "paper BTC/USDT 1m: 2 stored, 0 missing.\n"
    assert nothing.output == "paper BTC/USDT 1h: nothing is stored of that range.\n"


def build(source: str = "1m", since: str = "2026-01-05") -> Result:
    into = ("--timeframe", "3m", "--source", source)
    return run("candles", "build", WHICH[0], *into, "--from", since, "--to", "2026-01-05T00:06:00Z")


def test_larger_candles_are_built_once_and_what_is_not_whole_is_named(folder: Path) -> None:
    more = [f"2026-01-05T00:0{minute}:00Z,2,2,1,1,1" for minute in (2, 4)]
    run("candles", "import", WHICH[0], written(folder, *LINES, *more), *WHICH[1:])

    first, again = build(), build()

    missing = "2026-01-05T00:03:00.000000Z: 2 missing, from 2026-01-05T00:03:00.000000Z on\n"
    assert first.output == (
        missing + "paper BTC/USDT 3m: 1 new, 0 were there, 1 incomplete and left out.\n"
    )
    assert again.output.endswith("0 new, 1 were there, 1 incomplete and left out.\n")
    out = run("candles", "export", WHICH[0], "out.csv", "--timeframe", "3m")
    assert out.exit_code == 0
    assert "00:00:00.000000Z,1,3,1,1,6," in (folder / "out.csv").read_text()


@pytest.mark.parametrize(
    ("source", "since", "says"),
    [
        ("1m", "2026-01-04", "No 1m candle of paper BTC/USDT is stored"),
        ("trades", "2026-01-05", "No trade of paper BTC/USDT is stored"),
        ("2m", "2026-01-05", "timeframe: one of 1m"),
        ("5m", "2026-01-05", "5m candles do not fill those of 3m; what does: 1m, trades."),
        ("1m", "2026-01-06", "from is not before to"),
        ("1m", "2999-01-01", "from is yet to come"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_built_says_why(source: str, since: str, says: str) -> None:
    result = build(source, since)

    assert result.exit_code == 2
    assert says in result.output
