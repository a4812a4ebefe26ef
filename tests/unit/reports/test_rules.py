from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.pipeline.pnl.rules import Drawdown
from app.reports.rules import (
    Profit,
    added_by_day,
    counted_by_day,
    deepest_drawdown,
    grouped,
    kpis_of,
    profit_of,
    running,
)

NOON = datetime(2026, 1, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Trade:
    realized_pnl: Decimal
    closed_at: datetime = NOON
    opened_at: datetime = NOON - timedelta(minutes=1)
    gross_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)


@dataclass(frozen=True)
class Day:
    day: date
    realized_pnl: Decimal


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


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def test_kpis_by_hand() -> None:
    found = kpis_of(trades("10", "-4", "6", "-8"))

    # 2 of 4; (10 + 6) / (4 + 8); 16 / 2; 12 / 2; 4 / 4
    assert found.win_rate_percent == 50
    assert found.profit_factor == Decimal("1.333333333333")
    assert (found.average_win, found.largest_win) == (Decimal(8), Decimal(10))
    assert (found.average_loss, found.largest_loss) == (Decimal(6), Decimal(8))
    assert found.expectancy == 1
    # from 12, after the third, down to 4
    assert found.drawdown == Drawdown(Decimal(8), minute(2), minute(3))


def test_nothing_to_divide_by_is_no_figure() -> None:
    nothing, only_wins = kpis_of([]), kpis_of(trades("1", "2"))

    assert (nothing.win_rate_percent, nothing.expectancy) == (None, None)
    assert (nothing.largest_win, nothing.largest_loss) == (None, None)
    assert (nothing.average_holding_seconds, nothing.fees_share_percent) == (None, None)
    assert nothing.drawdown == Drawdown(Decimal(0), None, None, None)
    assert (only_wins.profit_factor, only_wins.average_loss) == (None, None)
    assert only_wins.win_rate_percent == 100


def test_trades_are_held_for_so_long_on_average() -> None:
    rows = [
        Trade(Decimal(1), opened_at=NOON - timedelta(seconds=10)),
        Trade(Decimal(1), opened_at=NOON - timedelta(seconds=15, milliseconds=200)),
    ]

    assert kpis_of(rows).average_holding_seconds == 13


def test_fees_are_a_share_of_a_gross_result_above_zero() -> None:
    won = Trade(Decimal(7), gross_pnl=Decimal(9), fees=Decimal(2))
    lost = Trade(Decimal(-4), gross_pnl=Decimal(-3), fees=Decimal(1))
    even = Trade(Decimal(-6), gross_pnl=Decimal(-6))

    # 3 of 6
    assert kpis_of([won, lost]).fees_share_percent == 50
    assert kpis_of([won, lost, even]).fees_share_percent is None
    assert kpis_of([lost]).fees_share_percent is None


def test_a_drawdown_counts_from_zero_and_by_closing_time() -> None:
    rows = trades("-3", "5", "-4", "-2", "10")

    # 0, -3, 2, -2, -4, 6: from 2 to -4, and back above 2
    found = Drawdown(Decimal(6), minute(1), minute(3), minute(4))
    assert deepest_drawdown(rows) == deepest_drawdown(reversed(rows)) == found
    assert deepest_drawdown(trades("-3")) == Drawdown(Decimal(3), None, minute(0))
    assert deepest_drawdown(trades("3")) == Drawdown()


def test_the_first_of_equal_drawdowns_counts_and_ends_at_its_own_peak() -> None:
    # 5, 3, 5, 9, 7
    found = deepest_drawdown(trades("5", "-2", "2", "4", "-2"))

    assert found == Drawdown(Decimal(2), minute(0), minute(1), minute(2))


def test_amounts_of_a_day_are_added_exactly() -> None:
    first, second = date(2026, 1, 1), date(2026, 1, 2)
    tiny = Decimal("0.000000000000000001")

    days = added_by_day([(second, tiny), (first, Decimal(10**12)), (first, tiny)])

    assert days == {second: tiny, first: Decimal("1000000000000.000000000000000001")}


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
