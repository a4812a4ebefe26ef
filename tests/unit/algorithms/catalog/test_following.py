"""The four that follow a side: what they say of hand-made candles, with and without a holding."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from app.algorithms.bars import in_closing_order
from app.algorithms.feed import Feed
from app.algorithms.intents import Intent, Move
from app.algorithms.registry import definition
from app.algorithms.turning import Turning
from app.trading.words import PositionSide
from tests.unit.algorithms.builders import (
    FOUR_HOURS,
    HOUR,
    MINUTES_30,
    MONDAY,
    aggregated,
    an_account,
    closes_of,
)

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
QUICK_MACD = {"fast": 2, "slow": 4, "signal": 2}
# MACD falls under its signal line with the fifth close and comes back over it with the last.
FALL_AND_RISE = [10.0, 11.0, 12.0, 13.0, 13.2, 13.3, 13.0, 12.0, 11.0, 13.0]


def last(
    name: str,
    settings: Mapping[str, float],
    prices: Sequence[float],
    held: PositionSide | None = None,
) -> tuple[Intent, ...]:
    """What it says at the last of these closes, while that is held."""
    feed = Feed(definition(name), settings, MINUTES_30)
    found: tuple[Intent, ...] = ()
    for bar in closes_of(prices):
        found = feed.close(bar, an_account(held=held))
    return found


def moves(intents: Sequence[Intent]) -> list[tuple[Move, PositionSide]]:
    return [(intent.move, intent.position_side) for intent in intents]


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (None, [(Move.ENTER, LONG)]),
        (SHORT, [(Move.EXIT, SHORT), (Move.ENTER, LONG)]),
        (LONG, []),
    ],
)
def test_macd_enters_at_the_cross_and_leaves_what_is_against_it(
    held: PositionSide | None, wanted: list[tuple[Move, PositionSide]]
) -> None:
    found = last("macd", QUICK_MACD, FALL_AND_RISE, held)

    assert moves(found) == wanted


def test_an_intent_says_why_and_when() -> None:
    [intent] = last("macd", QUICK_MACD, FALL_AND_RISE)

    assert intent.reason.startswith("MACD ")
    assert "above its signal line" in intent.reason
    assert intent.decided_at == MONDAY + len(FALL_AND_RISE) * MINUTES_30
    assert intent.quantity is intent.limit_price is intent.stop_loss is None


def test_a_holding_against_the_trend_is_left_at_every_close_until_it_is_gone() -> None:
    assert moves(last("macd", QUICK_MACD, [*FALL_AND_RISE, 16.0], SHORT)) == [(Move.EXIT, SHORT)]


def test_the_first_side_that_is_known_is_no_turn() -> None:
    rising = [float(price * price) for price in range(1, 8)]

    assert all(last("macd", QUICK_MACD, rising[:count]) == () for count in range(1, 8))


def test_supertrend_puts_its_line_under_the_entry_as_stop() -> None:
    feed = Feed(definition("supertrend"), {"factor": 1.0, "period": 3}, MINUTES_30)
    found: tuple[Intent, ...] = ()
    for bar in closes_of([10.0, 9.5, 9.0, 8.5, 12.0]):
        found = feed.close(bar, an_account())

    [intent] = found
    # Ranges 0, .5, .5, .5, 3.5: RMA(3) is 1/3, 0.3889, 1.4259; the line is 12 - 1.4259.
    assert moves(found) == [(Move.ENTER, LONG)]
    assert intent.stop_loss == Decimal("10.5741")
    assert feed.algorithm.lines["supertrend"] == pytest.approx(10.5740740741)
    assert feed.algorithm.outlook is LONG


@pytest.mark.parametrize(
    ("prices", "held", "wanted"),
    [
        # A dip in a rise: the RSI comes back under 70 while the averages stay in order.
        ([10, 11, 12, 13, 14, 15, 14.0], None, [(Move.ENTER, LONG)]),
        ([10, 11, 12, 13, 14, 15, 14.0], LONG, []),
        ([10, 11, 12, 13, 14, 15, 16], LONG, [(Move.EXIT, LONG)]),
        ([16, 15, 14, 13, 12, 11, 12.0], None, [(Move.ENTER, SHORT)]),
        ([16, 15, 14, 13, 12, 11, 10], SHORT, [(Move.EXIT, SHORT)]),
        ([10, 11, 12, 13, 14, 15, 14.0, 11.0, 9.0], LONG, [(Move.EXIT, LONG)]),
    ],
)
def test_ema_rsi_takes_part_while_both_agree(
    prices: list[float], held: PositionSide | None, wanted: list[tuple[Move, PositionSide]]
) -> None:
    settings = {"fast": 2, "slow": 4, "rsi_period": 3, "overbought": 75}

    assert moves(last("ema_rsi", settings, prices, held)) == wanted


def test_sma_hma_needs_all_three_and_leaves_across_the_sma() -> None:
    feed = Feed(definition("sma_hma"), {"sma_period": 4, "hma_period": 2}, MINUTES_30)
    base = closes_of([100.0] * 24 + [101.0, 102.0, 103.0, 101.5])
    found = []

    for bar in in_closing_order(aggregated(base, FOUR_HOURS), aggregated(base, HOUR), base):
        intents = feed.close(bar, an_account(held=LONG if bar.close == 101.5 else None))
        found.append((bar.close, moves(intents)))

    # HMA(2) is (4 · newest - older) / 3. At 101 the SMA is 100.25 and both HMAs are 100. The hour
    # that closes at 102 takes its HMA to 102.67, over the close; 103 is above all again. At 101.5
    # the SMA is 101.875.
    assert found[-6:-1] == [
        (101.0, [(Move.ENTER, LONG)]),
        (102.0, []),
        (102.0, []),
        (103.0, [(Move.ENTER, LONG)]),
        (101.5, []),
    ]
    assert found[-1] == (101.5, [(Move.EXIT, LONG)])
    assert all(each == [] for _, each in found[:-6])


def test_turning_waits_until_nothing_is_held() -> None:
    bar = next(iter(closes_of([1.0])))
    turning = Turning()
    turning.step(None, bar, an_account(), ended=(), reason="")

    found = turning.step(LONG, bar, an_account(held=SHORT), ended=(), reason="up")

    assert found == []
    assert turning.side is LONG
