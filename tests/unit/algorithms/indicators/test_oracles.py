"""Other people's libraries, where they mean the same; each difference is said beside it."""

import numpy as np
import pytest
import talib
from talipp.indicators import ATR, BB, MACD, SuperTrend
from talipp.ohlcv import OHLCV

from app.algorithms.indicators.atr import atr
from app.algorithms.indicators.averages import ema, sma
from app.algorithms.indicators.bollinger import bollinger
from app.algorithms.indicators.macd import macd
from app.algorithms.indicators.rsi import rsi
from app.algorithms.indicators.supertrend import supertrend
from app.algorithms.indicators.weighted import hma, wma
from tests.unit.algorithms.indicators.compare import assert_equal
from tests.unit.algorithms.markets import Walk, a_walk

WALKS = [a_walk(1, 1000), a_walk(2, 1000, start=0.05, digits=8), a_walk(3, 1000, start=60_000)]
each_walk = pytest.mark.parametrize("walk", WALKS, ids=["usual", "small", "large"])
# EMA(26) keeps (25/27)^n of how it began: 1e-10 after 300 candles.
FORGOTTEN = 400


def candles(walk: Walk) -> list[OHLCV]:
    rows = zip(walk.opens, walk.highs, walk.lows, walk.closes, strict=True)
    return [OHLCV(*map(float, row)) for row in rows]


@each_walk
def test_averages_and_rsi_equal_ta_lib(walk: Walk) -> None:
    closes, scale = walk.closes, float(walk.closes.max())

    assert_equal(sma(closes, 20), talib.SMA(closes, 20), scale=scale)
    assert_equal(ema(closes, 20), talib.EMA(closes, 20), scale=scale)
    assert_equal(wma(closes, 9), talib.WMA(closes, 9), scale=scale)
    assert_equal(rsi(closes, 14), talib.RSI(closes, 14), scale=1)


@each_walk
def test_hma_equals_the_one_made_of_ta_libs_wma(walk: Walk) -> None:
    closes, scale = walk.closes, float(walk.closes.max())
    made = talib.WMA(2 * talib.WMA(closes, 8) - talib.WMA(closes, 16), 4)

    assert_equal(hma(closes, 16), made, scale=scale)


@each_walk
def test_macd_equals_talipp_at_once_and_ta_lib_after_its_beginning(walk: Walk) -> None:
    closes, scale = walk.closes, float(walk.closes.max())
    ours = macd(closes)

    theirs = MACD(12, 26, 9, closes.tolist())
    line, signal, histogram = talib.MACD(closes, 12, 26, 9)

    assert_equal(ours.macd, [each and each.macd for each in theirs], scale=scale)
    assert_equal(ours.signal, [each and each.signal for each in theirs], scale=scale)
    assert_equal(ours.macd, line, scale=scale, skip=FORGOTTEN)
    assert_equal(ours.signal, signal, scale=scale, skip=FORGOTTEN)
    assert_equal(ours.histogram, histogram, scale=scale, skip=FORGOTTEN)


@each_walk
def test_atr_equals_talipp_at_once_and_ta_lib_after_its_beginning(walk: Walk) -> None:
    ours = atr(walk.highs, walk.lows, walk.closes, 14)
    scale = float(walk.highs.max())

    assert_equal(ours, list(ATR(14, candles(walk))), scale=scale)
    theirs = talib.ATR(walk.highs, walk.lows, walk.closes, 14)
    assert_equal(ours, theirs, scale=scale, skip=FORGOTTEN)


@each_walk
def test_bollinger_equals_talipp_and_ta_lib(walk: Walk) -> None:
    closes, scale = walk.closes, float(walk.closes.max())
    ours = bollinger(closes)

    theirs = BB(20, 2.0, closes.tolist())
    upper, middle, lower = talib.BBANDS(closes, 20, 2.0, 2.0)

    # Both take squares from squares, which costs them digits: sqrt(1e-16) of the price.
    assert_equal(ours.middle, [each and each.cb for each in theirs], scale=scale)
    assert_equal(ours.upper, [each and each.ub for each in theirs], scale=scale)
    assert_equal(ours.lower, [each and each.lb for each in theirs], scale=scale)
    assert_equal(ours.middle, middle, scale=scale)
    assert np.nanmax(np.abs(ours.upper - upper)) < 1e-7 * scale
    assert np.nanmax(np.abs(ours.lower - lower)) < 1e-7 * scale


@each_walk
def test_supertrend_equals_talipp_once_both_bands_were_reset(walk: Walk) -> None:
    ours = supertrend(walk.highs, walk.lows, walk.closes, factor=3.0, period=10)
    scale = float(walk.highs.max())

    # talipp begins with bands at 0, not at the first ones: the trend has to turn twice.
    turned = np.flatnonzero(np.diff(ours.direction[10:]))[2] + 10
    theirs = SuperTrend(10, 3, candles(walk))

    assert turned < 700
    skip = int(turned)
    assert_equal(ours.line, [each and each.value for each in theirs], scale=scale, skip=skip)
