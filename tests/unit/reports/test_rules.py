import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.http.schemas import Out
from app.reports.rules import (
    Profit,
    counted_by_day,
    grouped,
    kpis_of,
    max_drawdown,
    profit_of,
    running,
)
from app.reports.tables import csv_text
from app.trading.money import Money

MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9))
NOON = datetime(2026, 1, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Trade:
    realized_pnl: Decimal
    closed_at: datetime = NOON
    gross_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)


@dataclass(frozen=True)
class Day:
    day: date
    realized_pnl: Decimal


class Cell(Out):
    text: str
    amount: Money | None
    count: int


def trades(*results: str) -> list[Trade]:
    """One a minute, with these net results."""
    return [
        Trade(Decimal(result), NOON + timedelta(minutes=index))
        for index, result in enumerate(results)
    ]


def test_amounts_are_added_exactly() -> None:
    one = Trade(Decimal("0.000000000000000001"), gross_pnl=Decimal("2.1"), fees=Decimal("0.1"))
    two = Trade(Decimal(-5), gross_pnl=Decimal("-4.5"), fees=Decimal("0.4"))
    even = Trade(Decimal(0), funding=Decimal("-0.1"))

    assert profit_of([one, two, even]) == Profit(
        trades=3,
        wins=1,
        losses=1,
        gross_pnl=Decimal("-2.4"),
        fees=Decimal("0.5"),
        funding=Decimal("-0.1"),
        realized_pnl=Decimal("-4.999999999999999999"),
    )


def test_kpis_by_hand() -> None:
    found = kpis_of(trades("10", "-4", "6", "-8"))

    # 2 of 4; (10 + 6) / (4 + 8); 16 / 2; 12 / 2; 4 / 4; from 12 down to 4
    assert found.win_rate_percent == 50
    assert found.profit_factor == Decimal("1.333333333333")
    assert found.average_win == 8
    assert found.average_loss == 6
    assert found.expectancy == 1
    assert found.max_drawdown == 8


def test_nothing_to_divide_by_is_no_figure() -> None:
    nothing, only_wins = kpis_of([]), kpis_of(trades("1", "2"))

    assert (nothing.win_rate_percent, nothing.expectancy) == (None, None)
    assert nothing.max_drawdown == 0
    assert (only_wins.profit_factor, only_wins.average_loss) == (None, None)
    assert only_wins.win_rate_percent == 100


def test_a_drawdown_counts_from_zero_and_by_closing_time() -> None:
    rows = trades("-3", "5", "-4", "-2", "10")

    # 0, -3, 2, -2, -4, 6: from 2 to -4
    assert max_drawdown(rows) == max_drawdown(reversed(rows)) == 6
    assert max_drawdown(trades("-3")) == 3
    assert max_drawdown(trades("3")) == 0


def test_the_curve_adds_up_from_the_first_day() -> None:
    days = [Day(date(2026, 1, 3), Decimal(-1)), Day(date(2026, 1, 1), Decimal("2.5"))]

    assert running(days) == [
        (date(2026, 1, 1), Decimal("2.5"), Decimal("2.5")),
        (date(2026, 1, 3), Decimal(-1), Decimal("1.5")),
    ]


def test_moments_fall_on_the_traders_days() -> None:
    late = datetime(2026, 1, 24, 23, 30, tzinfo=UTC)

    counts = counted_by_day([NOON, late, None], zone=ZoneInfo("Europe/Berlin"))

    assert counts == {date(2026, 1, 24): 1, date(2026, 1, 25): 1}


def test_groups_keep_the_order_of_their_first_row() -> None:
    assert grouped(["b1", "a1", "b2"], lambda one: one[0]) == {"b": ["b1", "b2"], "a": ["a1"]}


def test_security_18_a_spreadsheet_runs_no_text_and_negative_numbers_stay_numbers() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "plain", 'a "b", c']
    rows = [Cell(text=text, amount=Decimal("-1.50"), count=-2) for text in texts]

    lines = csv_text(rows, Cell).split("\r\n")

    assert lines[:5] == [
        "text,amount,count",
        "'=1+1,-1.5,-2",
        "'+1,-1.5,-2",
        "'-1,-1.5,-2",
        "'@SUM(A1),-1.5,-2",
    ]
    assert lines[5] == "'\tx,-1.5,-2"
    assert lines[6] == '"\'\rx",-1.5,-2'
    assert lines[7:9] == ["plain,-1.5,-2", '"a ""b"", c",-1.5,-2']


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20a",
)


@given(
    start=st.sampled_from(FORMULAS), rest=st.text(st.characters(exclude_categories=["Cs"])), n=MONEY
)
def test_security_18_no_text_that_is_read_back_begins_like_a_formula(
    start: str, rest: str, n: Decimal
) -> None:
    table = csv_text([Cell(text=start + rest, amount=n, count=-1)], Cell)

    _, [shown, amount, count] = csv.reader(io.StringIO(table, newline=""))
    assert shown == f"'{start}{rest}"
    assert (Decimal(amount), count) == (n, "-1")


def test_no_rows_are_a_header() -> None:
    assert csv_text([], Cell) == "text,amount,count\r\n"
