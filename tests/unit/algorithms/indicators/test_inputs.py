from collections.abc import Callable

import numpy as np
import pytest

from app.algorithms.indicators.atr import Atr, atr
from app.algorithms.indicators.averages import Ema, Rma, Sma, ema, rma, sma
from app.algorithms.indicators.bollinger import Bollinger, bollinger
from app.algorithms.indicators.macd import Macd, macd
from app.algorithms.indicators.rsi import Rsi, rsi
from app.algorithms.indicators.supertrend import Supertrend, supertrend
from app.algorithms.indicators.weighted import Hma, Wma, hma, wma
from app.core.errors import Invalid

TEN = np.arange(1.0, 11.0)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Invalid) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("batch", [sma, ema, rma, wma, hma, rsi, bollinger])
@pytest.mark.parametrize("period", [0, -3])
def test_a_period_below_one_is_refused(batch: Callable[..., object], period: int) -> None:
    assert refused(lambda: batch(TEN, period)) == "bad_period"


@pytest.mark.parametrize("make", [Sma, Ema, Rma, Wma, Hma, Rsi, Atr, Bollinger])
@pytest.mark.parametrize("period", [0, -3])
def test_a_period_below_one_makes_no_object(make: Callable[..., object], period: int) -> None:
    assert refused(lambda: make(period)) == "bad_period"


@pytest.mark.parametrize(
    "call",
    [
        lambda: hma(TEN, 1),
        lambda: Hma(1),
        lambda: macd(TEN, 26, 12),
        lambda: Macd(12, 12),
        lambda: Macd(0, 12),
        lambda: atr(TEN, TEN, TEN, 0),
        lambda: supertrend(TEN, TEN, TEN, period=0),
        lambda: Supertrend(period=0),
    ],
)
def test_periods_that_make_no_sense_together_are_refused(call: Callable[[], object]) -> None:
    assert refused(call) == "bad_period"


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_a_factor_below_zero_is_refused(factor: float) -> None:
    assert refused(lambda: bollinger(TEN, 2, factor=factor)) == "bad_factor"
    assert refused(lambda: Bollinger(2, factor=factor)) == "bad_factor"
    assert refused(lambda: supertrend(TEN, TEN, TEN, factor=factor)) == "bad_factor"
    assert refused(lambda: Supertrend(factor=factor)) == "bad_factor"


@pytest.mark.parametrize("batch", [sma, ema, rma, wma, hma, rsi, bollinger])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_series_with_a_hole_is_refused(batch: Callable[..., object], value: float) -> None:
    holed = TEN.copy()
    holed[4] = value

    assert refused(lambda: batch(holed, 3)) == "not_finite"


def test_candles_of_different_lengths_or_with_a_hole_are_refused() -> None:
    holed = TEN.copy()
    holed[0] = np.nan

    assert refused(lambda: atr(TEN, TEN[1:], TEN, 3)) == "different_lengths"
    assert refused(lambda: supertrend(TEN, TEN, TEN[:-1])) == "different_lengths"
    assert refused(lambda: atr(TEN, holed, TEN, 3)) == "not_finite"
    assert refused(lambda: sma(TEN.reshape(2, 5), 3)) == "bad_series"


@pytest.mark.parametrize(
    "make", [Sma, Ema, Rma, Wma, Hma, Rsi, Bollinger, lambda period: Macd(2, period)]
)
@pytest.mark.parametrize("at", [1, 7])
def test_a_refused_value_changes_nothing(make: Callable[[int], Sma], at: int) -> None:
    untouched, fed = make(3), make(3)

    for index, value in enumerate(TEN.tolist()):
        if index == at:
            assert refused(lambda: fed.update(float("nan"))) == "not_finite"
        assert fed.update(value) == untouched.update(value)


def test_a_refused_candle_changes_nothing() -> None:
    for make in (lambda: Atr(3), lambda: Supertrend(period=3)):
        untouched, fed = make(), make()
        for value in TEN.tolist():
            with pytest.raises(Invalid):
                fed.update(value, float("inf"), value)
            assert fed.update(value + 1, value - 1, value) == untouched.update(
                value + 1, value - 1, value
            )


@pytest.mark.parametrize("batch", [sma, ema, rma, wma, hma, rsi])
@pytest.mark.parametrize("count", [0, 1, 10])
def test_too_few_values_give_none(batch: Callable[..., np.ndarray], count: int) -> None:
    found = batch(TEN[:count], 11)

    assert len(found) == count
    assert np.isnan(found).all()


def test_too_few_candles_give_none() -> None:
    assert np.isnan(atr(TEN, TEN, TEN, 11)).all()
    assert np.isnan(supertrend(TEN, TEN, TEN, period=11).line).all()
    assert np.isnan(macd(TEN).macd).all()
    assert np.isnan(bollinger(TEN, 11).upper).all()
    assert len(bollinger(TEN[:0], 11).upper) == 0
