"""`backtest` on a real data folder, with a real process."""

import csv
from pathlib import Path

import pytest

from app.db.session import open_database
from app.market import repository as markets
from app.market.candles import repository as candles
from tests.backtest_builders import COUNT, PARAMETERS, SINCE, UNTIL, a_market
from tests.builders import LINEAR
from tests.conftest import sqlite_copy
from tests.fakes.market import an_instrument
from tests.integration.command_line import data_folder, run
from tests.integration.own_algorithms.files import with_ways
from tests.market_builders import SERIES

ASKED = (
    *("backtest", LINEAR, "--algorithm", "macd", "--timeframe", "1m"),
    *("--from", SINCE.isoformat(), "--to", UNTIL.isoformat()),
    *(word for name, value in PARAMETERS.items() for word in ("--set", f"{name}={value}")),
)


@pytest.fixture
async def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that has the candles."""
    data = data_folder(tmp_path, monkeypatch)
    data.mkdir()
    database = open_database(sqlite_copy(sqlite_template, data))
    async with database.transaction() as session:
        await markets.put_instruments(session, "paper", [an_instrument(LINEAR)])
        await candles.keep(session, SERIES, a_market())
    await database.close()
    # The candle before the warm-up is asked for, at a paper exchange that is not there.
    monkeypatch.setenv("PAPER_URL", "http://127.0.0.1:1")
    return tmp_path


def test_a_backtest_is_told_in_a_table_and_its_trades_in_a_file(folder: Path) -> None:
    result = run(*ASKED, "--trades", "trades.csv", "--stop-percent", "1", "--size", "50")

    assert result.exit_code == 0, result.output
    said = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[1:])
    rows = list(csv.DictReader((folder / "trades.csv").read_text().splitlines()))
    assert result.stdout.startswith(f"{COUNT} candles from 2026-01-05T01:39:00.000000Z")
    assert int(said["trades"]) == len(rows) > 0
    assert said["net_return_percent"].endswith(" %")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("--algorithm", "crystal_ball"), "there is no algorithm 'crystal_ball'"),
        (("--set", "fast"), "write it as fast=12"),
        (("--set", "fast=soon"), "macd: fast"),
        (("--capital", "0"), "capital: Input should be greater than 0"),
        (("--to", "2026-01-01"), "from is not before to"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(
    folder: Path, changes: tuple[str, ...], says: str
) -> None:
    del folder

    result = run(*ASKED, *changes)

    assert result.exit_code == 2
    assert says in result.output


def test_a_file_of_ones_own_is_run_and_its_author_is_told_the_line(folder: Path) -> None:
    ways = {"idles": "return []", "divides": "1 / 0"}
    with_ways(folder / "data" / "algorithms", "mine", ways)
    asked = ASKED[: ASKED.index("--set")]

    good = run(*asked, "--algorithm", "mine")
    bad = run(*asked, "--algorithm", "mine", "--set", "way=divides")

    assert good.exit_code == 0, good.output
    assert good.stdout.startswith(f"{COUNT} candles from")
    assert bad.exit_code == 2
    assert "The algorithm mine raised an error. line 5: ZeroDivisionError" in bad.output
