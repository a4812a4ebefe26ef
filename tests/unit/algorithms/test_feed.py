from datetime import timedelta
from typing import Any

import pytest

from app.algorithms.feed import Feed
from app.algorithms.registry import definition
from app.core.errors import Invalid
from tests.unit.algorithms.builders import (
    FOUR_HOURS,
    HOUR,
    MINUTES_5,
    MINUTES_30,
    aggregated,
    an_account,
    closes_of,
)

BASE = closes_of([100.0] * 16)
FLAT = an_account()


def refused(feed: Feed, bar: Any) -> str:
    with pytest.raises(Invalid) as caught:
        feed.close(bar, FLAT)
    return caught.value.code


def test_a_candle_that_comes_twice_or_late_is_refused() -> None:
    feed = Feed(definition("macd"), {}, MINUTES_30)
    first, second, *_ = BASE
    feed.close(second, FLAT)

    assert refused(feed, second) == "out_of_order"
    assert refused(feed, first) == "out_of_order"


def test_an_hour_that_comes_after_the_half_hour_it_ends_with_is_refused() -> None:
    feed = Feed(definition("sma_hma"), {}, MINUTES_30)
    hour = next(iter(aggregated(BASE, HOUR)))
    first, second, *_ = BASE
    feed.close(first, FLAT)
    feed.close(second, FLAT)

    assert refused(feed, hour) == "out_of_order"


def test_base_candles_do_not_wait_for_an_hour_that_is_fed_before_it_closed() -> None:
    feed = Feed(definition("sma_hma"), {}, MINUTES_30)
    feed.close(next(iter(aggregated(BASE, HOUR))), FLAT)

    assert refused(feed, next(iter(BASE))) == "out_of_order"


def test_a_timeframe_that_was_not_asked_for_is_refused() -> None:
    feed = Feed(definition("macd"), {}, MINUTES_30)

    assert refused(feed, next(iter(aggregated(BASE, HOUR)))) == "bad_timeframe"


@pytest.mark.parametrize("base", [timedelta(0), timedelta(minutes=7), FOUR_HOURS])
def test_a_base_that_does_not_fit_into_the_hours_is_refused(base: timedelta) -> None:
    with pytest.raises(Invalid) as caught:
        Feed(definition("sma_hma"), {}, base)

    assert caught.value.code == "bad_timeframe"


@pytest.mark.parametrize("base", [MINUTES_5, HOUR])
def test_the_base_may_be_one_of_the_larger_timeframes(base: timedelta) -> None:
    assert Feed(definition("sma_hma"), {}, base).timeframes == {base, HOUR, FOUR_HOURS}


@pytest.mark.parametrize(
    ("name", "settings", "fault"),
    [
        ("macd", {"fast": 30}, "fast has to be shorter than slow"),
        ("macd", {"fst": 12}, "fst: Extra inputs are not permitted"),
        ("ema_rsi", {"rsi_above": 80}, "rsi_above has to be below overbought"),
        ("ema_rsi", {"fast": 26}, "fast has to be shorter than slow"),
        ("supertrend", {"factor": 0}, "factor: Input should be greater than 0"),
        ("sma_hma", {"hma_period": 1}, "hma_period: Input should be greater than or equal to 2"),
        ("channel", {"base": "1"}, "give base and top, or neither"),
        ("channel", {"base": "2", "top": "1"}, "base has to be below top"),
        ("channel", {"capital_percent": "101"}, "capital_percent: Input should be less than"),
        ("channel", {"capital_percent": "x"}, "capital_percent: Value error, 'x' is not a number"),
    ],
)
def test_parameters_out_of_range_are_refused_with_their_name(
    name: str, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(Invalid) as caught:
        Feed(definition(name), settings, MINUTES_30)

    assert caught.value.code == "bad_parameters"
    assert fault in caught.value.detail
