"""Moments and candles: which come first, and what the market cost."""

from app.backtests.what_if.replay.tape import Prices, Tape
from app.trading.timeframe import Timeframe
from tests.builders import d
from tests.unit.backtests.what_if.pasts import MARKET, a_tape, minute


def test_a_moment_costs_the_nearer_end_of_its_candle() -> None:
    tape = a_tape()

    # The candle of minute 3 opens at 60030 and closes at 60040.
    assert tape.price_at(minute(3)) == d("60030")
    assert tape.price_at(minute(3.4)) == d("60030")
    assert tape.price_at(minute(3.5)) == d("60040")
    assert tape.price_at(minute(3.9)) == d("60040")


def test_before_the_first_candle_and_after_the_last_their_ends_count() -> None:
    tape = a_tape(count=2)

    assert tape.price_at(minute(-5)) == d("60000")
    assert tape.price_at(minute(500)) == d("60020")


def test_in_a_gap_the_close_before_it_counts() -> None:
    first = Prices(minute(0), d("1"), d("4"), d("1"), d("2"))
    last = Prices(minute(10), d("3"), d("3"), d("3"), d("3"))
    tape = Tape(MARKET, Timeframe.M1, [first, last])

    assert tape.price_at(minute(7)) == d("2")
    assert tape.price_at(minute(10)) == d("3")


def test_a_candle_comes_before_a_moment_in_its_second_half() -> None:
    tape = a_tape()

    assert tape.met_by(minute(3.4)) == 3
    assert tape.met_by(minute(3.6)) == 4
