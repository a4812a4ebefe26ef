from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Conflict
from app.pipeline.pnl.rules import (
    DailyTotals,
    FundingPaid,
    Outcome,
    daily_totals,
    equity_curve,
    expected_wallet,
    trade_summary,
)
from app.pipeline.positions.book import Book, Realised, apply_fill, with_funding
from app.trading.words import PositionSide, Side
from tests.unit.positions.builders import a_fill, a_linear

BERLIN = ZoneInfo("Europe/Berlin")
LATE = datetime(2026, 1, 24, 23, 30, tzinfo=UTC)  # half past midnight of the 25th in Berlin


def booking(net: str, *, at: datetime = LATE, fees: str = "0") -> Realised:
    gross = Decimal(net) + Decimal(fees)
    zero = Decimal(0)
    return Realised(at, Decimal(1), zero, gross, gross, zero, Decimal(fees))


def closed_book() -> Book:
    """Long 2 from 100, out at 110 and 120: gross 10 + 20, fees 0.2 + 0.1 + 0.1, funding -0.5."""
    book = Book(a_linear(), PositionSide.LONG)
    later = LATE + timedelta(minutes=5)
    for fill in (
        a_fill(Side.BUY, "2", "100", fee="0.2"),
        a_fill(Side.SELL, "1", "110", fee="0.1", at=LATE),
        a_fill(Side.SELL, "1", "120", fee="0.1", at=later),
    ):
        book, _ = apply_fill(book, fill)
    return with_funding(book, Decimal("-0.5"))


def test_trade_is_the_sum_of_its_closed_book() -> None:
    trade = trade_summary(closed_book())

    assert (trade.entry_price, trade.exit_price) == (Decimal(100), Decimal(115))
    assert (trade.quantity, trade.gross, trade.fees) == (Decimal(2), Decimal(30), Decimal("0.4"))
    # 30 - 0.4 - 0.5
    assert trade.realized_pnl == Decimal("29.1")
    assert trade.closed_at == LATE + timedelta(minutes=5)
    assert trade.outcome is Outcome.WIN


@pytest.mark.parametrize("fills", [0, 1])
def test_book_that_is_open_or_never_was_is_no_trade(fills: int) -> None:
    book = Book(a_linear(), PositionSide.LONG)
    if fills:
        book, _ = apply_fill(book, a_fill(Side.BUY, "1", "100"))

    with pytest.raises(Conflict) as caught:
        trade_summary(book)

    assert caught.value.code == "still_open"


def test_trade_that_was_all_dust_has_no_prices() -> None:
    book, _ = apply_fill(Book(a_linear(), PositionSide.LONG), a_fill(Side.BUY, "1", "100"))

    trade = trade_summary(replace(book, quantity=Decimal(0), dust_quantity=Decimal(1)))

    assert (trade.entry_price, trade.exit_price, trade.outcome) == (None, None, Outcome.EVEN)


def test_days_are_cut_at_the_traders_midnight() -> None:
    early = LATE - timedelta(hours=1)
    days = daily_totals(
        [booking("10", at=early, fees="1"), booking("-4", fees="2")],
        funding=[FundingPaid(Decimal("-0.5"), LATE)],
        trades=[trade_summary(closed_book())],
        zone=BERLIN,
    )

    assert days == {
        date(2026, 1, 24): DailyTotals(realized_pnl=Decimal(10), fees=Decimal(1)),
        # -4 - 0.5 of funding
        date(2026, 1, 25): DailyTotals(Decimal("-4.5"), Decimal(2), Decimal("-0.5"), 1, 1, 0),
    }


def test_loss_and_even_trades_are_counted_apart() -> None:
    day = DailyTotals().with_trade(Decimal(-1)).with_trade(Decimal(0)).with_trade(Decimal(1))

    assert (day.trades, day.wins, day.losses) == (3, 1, 1)


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 72)), max_size=20))
def test_sum_of_days_is_the_sum_of_bookings(rows: list[tuple[int, int]]) -> None:
    booked = [
        booking(str(Decimal(units).scaleb(-6)), at=LATE + timedelta(hours=hours))
        for units, hours in rows
    ]

    days = daily_totals(booked, zone=BERLIN)

    assert sum(day.realized_pnl for day in days.values()) == sum(one.net for one in booked)
    assert days == daily_totals(reversed(booked), zone=BERLIN)


def test_equity_curve_adds_the_days_in_order() -> None:
    days = {
        date(2026, 1, 25): DailyTotals(Decimal(-3)),
        date(2026, 1, 24): DailyTotals(Decimal(5)),
    }

    assert equity_curve(Decimal(100), days) == [
        (date(2026, 1, 24), Decimal(105)),
        (date(2026, 1, 25), Decimal(102)),
    ]


def test_wallet_is_start_plus_result_plus_transfers_less_open_entry_fees() -> None:
    # 1000 + 29.1 + 200 - 0.3
    assert expected_wallet(
        Decimal(1000),
        net_realised=Decimal("29.1"),
        transfers=Decimal(200),
        open_entry_fees=Decimal("0.3"),
    ) == Decimal("1228.8")
