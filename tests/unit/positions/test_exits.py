from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.positions.book import Book, apply_fill
from app.pipeline.positions.exits import (
    ExitLevels,
    Trailing,
    exit_reason,
    scheduled_floor,
    trail,
)
from app.trading.words import CloseReason, PositionSide, TriggerBy
from tests.unit.positions.builders import a_fill, a_quote, an_instrument

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
