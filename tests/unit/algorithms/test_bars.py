from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from app.algorithms.bars import (
    AT_ONCE,
    Bars,
    exact,
    in_closing_order,
    moments_of,
)
from app.core.errors import Invalid
from tests.unit.algorithms.builders import (
    FOUR_HOURS,
    HOUR,
    MINUTES_5,
    MINUTES_30,
    MONDAY,
    aggregated,
    bars_of,
    closes_of,
)
from tests.unit.algorithms.markets import a_walk

BARS = bars_of(a_walk(1, 16))


def changed(column: str, value: float) -> Any:
    """The column with another value at one candle."""
    values = getattr(BARS, column).copy()
    values[3] = value
    return values


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("closes", float("nan"), "not_finite"),
        ("highs", 1.0, "bad_candle"),
        ("lows", 1000.0, "bad_candle"),
        ("lows", 0.0, "bad_candle"),
        ("volumes", -1.0, "bad_candle"),
    ],
)
def test_a_candle_that_cannot_be_is_refused(column: str, value: float, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        replace(BARS, **{column: changed(column, value)})

    assert caught.value.code == code


def test_candles_have_a_length_and_equal_columns_and_do_not_overlap() -> None:
    with pytest.raises(Invalid) as short:
        replace(BARS, volumes=BARS.volumes[1:])
    with pytest.raises(Invalid) as backwards:
        replace(BARS, opened_at=BARS.opened_at[::-1])
    with pytest.raises(Invalid) as overlapping:
        replace(BARS, length=HOUR)
    with pytest.raises(Invalid) as timeless:
        replace(BARS, length=timedelta(0))

    assert short.value.code == "different_lengths"
    assert backwards.value.code == overlapping.value.code == "out_of_order"
    assert timeless.value.code == "bad_timeframe"


def test_a_gap_and_a_candle_without_volume_are_no_mistake() -> None:
    opened = BARS.opened_at.copy()
    opened[8:] += np.timedelta64(1, "D")

    assert len(replace(BARS, opened_at=opened, volumes=np.zeros(16))) == 16


def test_candles_go_into_columns_and_come_back() -> None:
    rows = list(BARS)

    again = list(Bars.of(MINUTES_30, rows))

    assert again == rows
    assert rows[0].opened_at == MONDAY
    assert rows[1].closed_at == MONDAY + HOUR
    assert list(Bars.of(HOUR, [])) == []


def test_what_closes_together_comes_longest_first() -> None:
    base = closes_of([1.0] * 16)

    order = list(in_closing_order(base, aggregated(base, FOUR_HOURS), aggregated(base, HOUR)))

    assert [bar.length for bar in order if bar.closed_at == MONDAY + FOUR_HOURS] == [
        FOUR_HOURS,
        HOUR,
        MINUTES_30,
    ]
    assert [bar.length for bar in order[:3]] == [MINUTES_30, HOUR, MINUTES_30]
    assert len(order) == 16 + 8 + 2


def test_an_hour_is_not_there_before_it_has_closed() -> None:
    base = closes_of([float(price) for price in range(1, 49)], MINUTES_5)

    known = 0
    for bar in in_closing_order(base, aggregated(base, HOUR)):
        if bar.length == HOUR:
            known += 1
        else:
            assert known == (bar.closed_at - MONDAY) // HOUR


@pytest.mark.parametrize("price", ["0.1", "67123.45", "0.00001234", "123456789.123456", "1e-07"])
def test_a_price_comes_back_to_the_digit(price: str) -> None:
    assert exact(float(price)) == Decimal(price)
    assert exact(np.float64(price)) == Decimal(price)


def test_more_candles_than_are_made_at_once_come_whole_and_in_order() -> None:
    walk = a_walk(2, 2 * AT_ONCE + 7)
    bars = bars_of(walk)

    rows = list(bars)

    assert [bar.close for bar in rows] == walk.closes.tolist()
    assert [bar.opened_at for bar in rows] == moments_of(bars.opened_at)
    assert rows[-1].opened_at == MONDAY + (len(rows) - 1) * MINUTES_30
