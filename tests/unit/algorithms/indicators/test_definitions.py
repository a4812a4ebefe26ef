from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.algorithms.indicators.atr import Atr, atr
from app.algorithms.indicators.averages import Ema, Rma, Sma, ema, rma, sma
from app.algorithms.indicators.bollinger import Bollinger, bollinger
from app.algorithms.indicators.inputs import Series
from app.algorithms.indicators.macd import Macd, macd
from app.algorithms.indicators.rsi import Rsi, rsi
from app.algorithms.indicators.supertrend import Supertrend, supertrend
from app.algorithms.indicators.weighted import Hma, Wma, hma, wma
from tests.unit.algorithms.indicators import pine
from tests.unit.algorithms.indicators.compare import as_series, assert_equal, part
from tests.unit.algorithms.markets import Walk, a_walk

Batch = Callable[[Series, int], Series]
Slow = Callable[[pine.Values, int], pine.Line]
Make = Callable[[int], Sma | Ema | Rma | Wma | Hma | Rsi]

ONE_LINE: list[tuple[Batch, Make, Slow]] = [
    (sma, Sma, pine.sma),
    (ema, Ema, pine.ema),
    (rma, Rma, pine.rma),
    (wma, Wma, pine.wma),
    (hma, Hma, pine.hma),
    (rsi, Rsi, pine.rsi),
]
NAMES = ["sma", "ema", "rma", "wma", "hma", "rsi"]

values = st.lists(
    st.floats(min_value=1e-6, max_value=1e6, allow_subnormal=False), min_size=0, max_size=120
)
periods = st.integers(min_value=2, max_value=40)
walks = st.builds(
    a_walk,
    st.integers(min_value=0, max_value=10_000),
    st.integers(min_value=1, max_value=150),
    start=st.sampled_from([0.05, 1.0, 60_000.0]),
    volatility=st.sampled_from([0.0, 0.001, 0.03]),
)


@pytest.mark.parametrize(("batch", "make", "slow"), ONE_LINE, ids=NAMES)
@given(data=values, period=periods)
@settings(max_examples=40, deadline=None)
def test_one_line_is_as_defined_whole_and_step_by_step(
    batch: Batch, make: Make, slow: Slow, data: list[float], period: int
) -> None:
    fed = make(period)
    scale = max(data, default=1.0)

    whole = batch(np.array(data), period)

    assert_equal(whole, slow(data, period), scale=scale)
    assert_equal([fed.update(value) for value in data], whole, scale=scale)


@given(data=values, fast=periods, more=periods, signal=periods)
@settings(max_examples=40, deadline=None)
def test_macd_is_as_defined_whole_and_step_by_step(
    data: list[float], fast: int, more: int, signal: int
) -> None:
    slow = fast + more
    fed = Macd(fast, slow, signal)
    scale = max(data, default=1.0)
    line, signal_line = pine.macd(data, fast, slow, signal)

    whole = macd(np.array(data), fast, slow, signal)
    points = [fed.update(value) for value in data]

    assert_equal(whole.macd, line, scale=scale)
    assert_equal(whole.signal, signal_line, scale=scale)
    assert_equal(whole.histogram, whole.macd - whole.signal, scale=scale)
    assert_equal(part(points, "macd"), whole.macd, scale=scale)
    assert_equal(part(points, "signal"), whole.signal, scale=scale)
    assert_equal(part(points, "histogram"), whole.histogram, scale=scale)


@given(data=values, period=periods, factor=st.sampled_from([0.0, 1.5, 2.0]))
@settings(max_examples=40, deadline=None)
def test_bollinger_is_as_defined_whole_and_step_by_step(
    data: list[float], period: int, factor: float
) -> None:
    fed = Bollinger(period, factor=factor)
    scale = max(data, default=1.0)
    wanted = pine.bollinger(data, period, factor)

    whole = bollinger(np.array(data), period, factor=factor)
    points = [fed.update(value) for value in data]

    for place, line in enumerate((whole.middle, whole.upper, whole.lower)):
        assert_equal(line, [each and each[place] for each in wanted], scale=scale)
    assert_equal(part(points, "middle"), whole.middle, scale=scale)
    assert_equal(part(points, "upper"), whole.upper, scale=scale)
    assert_equal(part(points, "lower"), whole.lower, scale=scale)


@given(walk=walks, period=st.integers(min_value=1, max_value=30))
@settings(max_examples=40, deadline=None)
def test_atr_is_as_defined_whole_and_step_by_step(walk: Walk, period: int) -> None:
    fed = Atr(period)
    candles = walk.highs.tolist(), walk.lows.tolist(), walk.closes.tolist()
    scale = float(walk.highs.max())

    whole = atr(walk.highs, walk.lows, walk.closes, period)

    assert_equal(whole, pine.atr(*candles, period), scale=scale)
    assert_equal([fed.update(*each) for each in zip(*candles, strict=True)], whole, scale=scale)


@given(walk=walks, period=st.integers(min_value=1, max_value=30), factor=st.floats(0.5, 4.0))
@settings(max_examples=40, deadline=None)
def test_supertrend_is_as_defined_whole_and_step_by_step(
    walk: Walk, period: int, factor: float
) -> None:
    fed = Supertrend(factor=factor, period=period)
    candles = walk.highs.tolist(), walk.lows.tolist(), walk.closes.tolist()
    scale = float(walk.highs.max())
    wanted = pine.supertrend(*candles, factor, period)

    whole = supertrend(walk.highs, walk.lows, walk.closes, factor=factor, period=period)
    points = [fed.update(*each) for each in zip(*candles, strict=True)]

    assert_equal(whole.line, [each and each[0] for each in wanted], scale=scale)
    assert_equal(whole.direction, [each and -each[1] for each in wanted], scale=1)
    assert_equal(part(points, "line"), whole.line, scale=scale)
    rising = as_series([None if each is None else 2.0 * each.is_rising - 1 for each in points])
    assert_equal(rising, whole.direction, scale=1)


@pytest.mark.parametrize(("batch", "make", "slow"), ONE_LINE, ids=NAMES)
def test_a_spike_leaves_no_trace_after_it_has_left(batch: Batch, make: Make, slow: Slow) -> None:
    quiet = [1.0 + 0.01 * (index % 7) for index in range(60)]
    data = [*quiet, 1e15, *quiet]
    fed = make(5)

    whole = batch(np.array(data), 5)[-30:]
    steps = as_series([fed.update(value) for value in data])[-30:]

    if slow in {pine.sma, pine.wma, pine.hma}:
        assert np.abs(whole - as_series(slow(quiet, 5))[-30:]).max() < 1e-14
        assert np.abs(steps - whole).max() < 1e-14
    else:
        assert np.allclose(steps, whole, rtol=1e-9, atol=0)


def test_a_mean_does_not_drift_over_a_million_values() -> None:
    data = np.tile(np.array([0.1, 0.2, 0.3, 0.7]), 250_000)
    fed, weighed = Sma(4), Wma(4)

    some = data[:100_000].tolist()
    steps = [(fed.update(value), weighed.update(value)) for value in some]

    assert steps[-1] == steps[7]
    assert sma(data, 4)[-1] == sma(data, 4)[7]
    assert wma(data, 4)[-1] == wma(data, 4)[7]


def test_first_values_come_when_pine_has_them() -> None:
    walk = a_walk(1, 60)
    closes = walk.closes

    begins = {
        "sma": sma(closes, 20),
        "hma": hma(closes, 16),
        "rsi": rsi(closes, 14),
        "atr": atr(walk.highs, walk.lows, closes, 14),
        "macd": macd(closes).macd,
        "signal": macd(closes).signal,
    }

    assert {name: int(np.isnan(line).sum()) for name, line in begins.items()} == {
        "sma": 19,
        "hma": 18,  # 16 + 4 - 2
        "rsi": 14,
        "atr": 13,
        "macd": 25,
        "signal": 33,  # 25 + 8
    }


def test_a_flat_series_has_no_scatter_and_an_rsi_of_100() -> None:
    flat = np.full(40, 7.0)

    assert rsi(flat, 14)[-1] == 100
    assert bollinger(flat).upper[-1] == bollinger(flat).lower[-1] == 7
    assert macd(flat).histogram[-1] == 0
    assert hma(flat, 9)[-1] == pytest.approx(7, abs=1e-12)


def test_an_rsi_of_falls_alone_is_0_and_of_rises_alone_100() -> None:
    assert rsi(np.arange(40.0, 0.0, -1.0), 14)[-1] == 0
    assert rsi(np.arange(40.0), 14)[-1] == 100
