from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.pipeline.positions.book import Book, apply_fill
from app.pipeline.positions.exits import (
    ExitLevels,
    Trailing,
    exit_reason,
    scheduled_floor,
    scheduled_price,
    trail,
)
from app.trading.words import CloseReason, PositionSide, TriggerBy
from tests.builders import a_scheduled_exit
from tests.unit.positions.builders import NOON, a_fill, a_linear, a_quote, an_instrument

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.mark.parametrize(
    ("side", "last", "reason"),
    [
        (LONG, "95.01", None),
        (LONG, "95", CloseReason.STOP_LOSS),
        (LONG, "80", CloseReason.STOP_LOSS),
        (LONG, "104.99", None),
        (LONG, "105", CloseReason.TAKE_PROFIT),
        (SHORT, "104.99", None),
        (SHORT, "105", CloseReason.STOP_LOSS),
        (SHORT, "95", CloseReason.TAKE_PROFIT),
    ],
)
def test_level_is_reached_at_its_own_price(
    side: PositionSide, last: str, reason: CloseReason | None
) -> None:
    below, above = Decimal(95), Decimal(105)
    stop, target = (below, above) if side is LONG else (above, below)

    assert exit_reason(ExitLevels(side, stop, target), a_quote(last=Decimal(last))) is reason


def test_stop_reads_the_mark_and_target_the_last_price() -> None:
    levels = ExitLevels(LONG, Decimal(95), Decimal(105))

    assert exit_reason(levels, a_quote(last=Decimal(90), mark=Decimal(100))) is None
    assert exit_reason(levels, a_quote(last=Decimal(100), mark=Decimal(110))) is None
    assert (
        exit_reason(levels, a_quote(last=Decimal(105), mark=Decimal(100)))
        is CloseReason.TAKE_PROFIT
    )


def test_trigger_by_turns_the_prices_round() -> None:
    levels = ExitLevels(
        LONG, Decimal(95), Decimal(105), stop_by=TriggerBy.LAST, target_by=TriggerBy.MARK
    )

    assert (
        exit_reason(levels, a_quote(last=Decimal(95), mark=Decimal(100))) is CloseReason.STOP_LOSS
    )
    assert (
        exit_reason(levels, a_quote(last=Decimal(100), mark=Decimal(105)))
        is CloseReason.TAKE_PROFIT
    )


def test_stop_wins_a_tie_with_the_target() -> None:
    levels = ExitLevels(LONG, Decimal(95), Decimal(105))

    assert (
        exit_reason(levels, a_quote(last=Decimal(106), mark=Decimal(94))) is CloseReason.STOP_LOSS
    )


def test_position_without_levels_is_left_alone() -> None:
    levels = ExitLevels(LONG)

    assert exit_reason(levels, a_quote(last=Decimal(1))) is None
    assert trail(levels, a_quote(last=Decimal(1))) is levels
    assert levels.trailing_price is None
    assert levels.effective_stop is None


@pytest.mark.parametrize(
    ("side", "best", "stop"),
    [(LONG, "120", "108.0"), (SHORT, "80", "88.0")],  # 120 · 0.9 and 80 · 1.1
)
def test_trailing_stop_follows_the_best_price(side: PositionSide, best: str, stop: str) -> None:
    levels = ExitLevels(side, trailing=Trailing(Decimal("0.1"), Decimal(100)))

    moved = trail(levels, a_quote(last=Decimal(best)))

    assert moved.trailing_price == Decimal(stop)
    assert trail(moved, a_quote(last=Decimal(100))) is moved
    assert exit_reason(moved, a_quote(last=Decimal(stop))) is CloseReason.TRAILING_STOP


def test_fixed_stop_counts_while_it_is_the_tighter_one() -> None:
    levels = ExitLevels(LONG, Decimal(95), trailing=Trailing(Decimal("0.1"), Decimal(100)))

    assert levels.effective_stop == Decimal(95)
    assert exit_reason(levels, a_quote(last=Decimal(95))) is CloseReason.STOP_LOSS
    # 110 · 0.9 = 99 is above 95, so a gap to 90 met the trailing price first
    moved = trail(levels, a_quote(last=Decimal(110)))
    assert exit_reason(moved, a_quote(last=Decimal(90))) is CloseReason.TRAILING_STOP


@given(
    side=st.sampled_from(PositionSide),
    walk=st.lists(st.integers(1, 1000).map(Decimal), max_size=30),
)
def test_trailing_stop_only_tightens_and_never_falls_behind_the_fixed_one(
    side: PositionSide, walk: list[Decimal]
) -> None:
    fixed = Decimal(400) if side is LONG else Decimal(600)
    levels = ExitLevels(side, fixed, trailing=Trailing(Decimal("0.05"), Decimal(500)))

    for price in walk:
        before = levels.effective_stop
        levels = trail(levels, a_quote(last=price))
        stop = levels.effective_stop

        assert before is not None
        assert stop is not None
        assert (stop - before) * side.sign >= 0
        assert (stop - fixed) * side.sign >= 0


@pytest.mark.parametrize(
    ("side", "floor"),
    [
        # (100 + 0.1) / 0.999 · 1.01 = 101.20220…, up to the tick
        (LONG, "101.21"),
        # (100 - 0.1) / 1.001 · 0.99 = 98.80219…, down to the tick
        (SHORT, "98.80"),
    ],
)
def test_scheduled_exit_pays_both_fees_and_the_profit(side: PositionSide, floor: str) -> None:
    instrument = an_instrument()
    book, _ = apply_fill(Book(instrument, side), a_fill(side.opening_side, "1", "100", fee="0.1"))

    assert scheduled_floor(
        book, min_profit=Decimal("0.01"), exit_fee_rate=Decimal("0.001"), instrument=instrument
    ) == Decimal(floor)


@pytest.mark.parametrize(
    ("side", "asked", "price"),
    [
        (LONG, None, "101.21"),
        (LONG, "100", "101.21"),
        (LONG, "102.001", "102.01"),
        (SHORT, None, "98.80"),
        (SHORT, "100", "98.80"),
        (SHORT, "97.999", "97.99"),
    ],
)
def test_scheduled_price_is_the_floor_or_the_limit_that_pays_more(
    side: PositionSide, asked: str | None, price: str
) -> None:
    book, _ = apply_fill(
        Book(an_instrument(), side), a_fill(side.opening_side, "1", "100", fee="0.1")
    )
    limit = None if asked is None else Decimal(asked)
    scheduled = a_scheduled_exit(NOON, min_profit_percent=Decimal(1), limit_price=limit)

    assert scheduled_price(book, scheduled) == Decimal(price)


def test_scheduled_price_counts_the_dearer_of_both_fees() -> None:
    instrument = replace(an_instrument(), maker_fee_rate=Decimal("0.002"))
    book, _ = apply_fill(Book(instrument, LONG), a_fill(LONG.opening_side, "1", "100"))

    # 100 / 0.998 = 100.2004…
    assert scheduled_price(book, a_scheduled_exit(NOON)) == Decimal("100.21")


lots = st.tuples(
    st.integers(1, 5_000).map(lambda count: count * Decimal("0.001")),
    st.integers(100, 10_000_000).map(lambda count: count * Decimal("0.01")),
    st.integers(0, 50).map(lambda count: count * Decimal("0.0001")),
    st.booleans(),
)


@given(
    bought=st.lists(lots, min_size=1, max_size=6),
    side=st.sampled_from(PositionSide),
    profit=st.integers(0, 300).map(lambda count: count * Decimal("0.1")),
    rate=st.integers(0, 100).map(lambda count: count * Decimal("0.0001")),
    part=st.integers(1, 100) | st.just(100),
)
def test_what_is_sold_at_its_scheduled_price_has_earned_its_profit_whatever_was_filled(
    bought: list[tuple[Decimal, Decimal, Decimal, bool]],
    side: PositionSide,
    profit: Decimal,
    rate: Decimal,
    part: int,
) -> None:
    instrument = replace(
        an_instrument() if side is LONG else a_linear(), taker_fee_rate=rate, maker_fee_rate=rate
    )
    book = Book(instrument, side)
    for quantity, price, entry_rate, is_in_coins in bought:
        book = entered(book, quantity, price, entry_rate, is_in_coins=is_in_coins)
    limit = scheduled_price(book, a_scheduled_exit(NOON, min_profit_percent=profit))
    quantity = instrument.floor_quantity(book.quantity * part / 100)
    assume(quantity > 0 and limit > 0)

    exit_fee = str(quantity * limit * rate)
    left, booked = apply_fill(
        book, a_fill(side.closing_side, str(quantity), str(limit), fee=exit_fee)
    )

    assert booked is not None
    # A long paid its fees on top of its cost, a short got its fees less; shares are cut at 1e-12.
    paid = booked.entry_cost + side.sign * booked.entry_fees
    dust_fees = left.open_fees if part == 100 else Decimal(0)
    assert booked.net - dust_fees >= paid * profit / 100 - Decimal("1e-9")


def entered(
    book: Book, quantity: Decimal, price: Decimal, rate: Decimal, *, is_in_coins: bool
) -> Book:
    """One more entry, its fee in quote, or on spot in the coins that were bought."""
    in_coins = is_in_coins and ":" not in book.instrument.symbol
    fee = quantity * rate if in_coins else quantity * price * rate
    fill = a_fill(
        book.position_side.opening_side,
        str(quantity),
        str(price),
        fee=str(fee),
        fee_asset="BTC" if in_coins else "USDT",
    )
    return apply_fill(book, fill)[0]


@pytest.mark.parametrize(
    ("side", "bid", "ask", "reason"),
    [
        (LONG, "109.99", "112", None),
        (LONG, "110", "112", CloseReason.SCHEDULED),
        (SHORT, "88", "90.01", None),
        (SHORT, "88", "90", CloseReason.SCHEDULED),
    ],
)
def test_scheduled_exit_waits_for_what_a_market_order_would_get(
    side: PositionSide, bid: str, ask: str, reason: CloseReason | None
) -> None:
    levels = ExitLevels(side, scheduled=Decimal(110 if side is LONG else 90))
    quote = replace(a_quote(last=Decimal(100)), bid=Decimal(bid), ask=Decimal(ask))

    assert exit_reason(levels, quote) is reason


def test_a_stop_comes_before_a_target_and_both_before_what_is_scheduled() -> None:
    levels = ExitLevels(LONG, Decimal(95), Decimal(105), scheduled=Decimal(104))
    beyond = replace(a_quote(last=Decimal(106)), bid=Decimal(106))

    assert exit_reason(levels, replace(beyond, mark=Decimal(94))) is CloseReason.STOP_LOSS
    assert exit_reason(levels, beyond) is CloseReason.TAKE_PROFIT
    assert exit_reason(replace(levels, take_profit=None), beyond) is CloseReason.SCHEDULED
