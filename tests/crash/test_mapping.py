"""The mapping fits the schema that the product has today, and reads exact values."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from alembic import command
from alembic.config import Config

from tests.crash import mapping
from tests.crash.facts import Rows

ROOT = Path(__file__).parents[2]
USER = "0" * 32


def _database(folder: Path) -> Path:
    file = folder / "signalbox.db"
    config = Config()
    config.set_main_option("script_location", str(ROOT / "app" / "db" / "migrations"))
    config.set_main_option("sqlalchemy.url", f"sqlite+aiosqlite:///{file}")
    command.upgrade(config, "head")
    return file


def test_read_rows_when_the_schema_is_the_newest_then_every_relation_is_found(
    tmp_path: Path,
) -> None:
    file = _database(tmp_path)

    assert mapping.read_rows(file) == Rows()
    assert mapping.waiting(file) == mapping.unresolved(file) == mapping.naked(file) == []
    assert mapping.ending(file, timedelta(days=1)) == mapping.unsealed(file) == []


def test_read_rows_when_there_is_a_day_then_money_is_exact_and_times_are_utc(
    tmp_path: Path,
) -> None:
    file = _database(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute(
            "INSERT INTO daily_pnl VALUES (?, '2026-11-21', 'USDT', 1, ?, '0', '0', 1, 0, 1)",
            (USER, "-21.589500000000000001"),
        )
        connection.execute(
            "INSERT INTO external_holdings VALUES (?, 'BTC/USDT', '0.1', '2026-11-21 12:00:00')",
            (USER,),
        )
    connection.close()

    [day] = mapping.read_rows(file).days
    assert (day.realized_pnl, day.is_paper) == (Decimal("-21.589500000000000001"), True)
    assert mapping.read_rows(file).external[0].quantity == Decimal("0.1")
    assert mapping.every_row(file)["external_holdings"] == [(USER, "BTC/USDT", "0.1")]


def test_moment_when_read_then_is_aware() -> None:
    read = mapping.READERS[datetime]("2026-11-21 06:36:29.807000")

    assert read == datetime(2026, 11, 21, 6, 36, 29, 807_000, UTC)
