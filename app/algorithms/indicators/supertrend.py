"""Supertrend: a line below a rising and above a falling price, a multiple of the ATR away.

Source: `ta.supertrend` of the Pine Script reference, for prices above 0. It begins with the ATR, as
a falling trend. Only the sign differs: here a rising trend is +1, in Pine -1.
"""

from dataclasses import dataclass
from math import isnan

import numpy as np

from app.algorithms.indicators.atr import Atr, atr
from app.algorithms.indicators.inputs import Series, as_candles, checked_factor, none_yet


@dataclass(frozen=True, slots=True)
class SupertrendLines:
    """Two series.

    Attributes:
        line: in units of the price.
        direction: +1 while the trend rises, -1 while it falls; NaN before the line begins.
    """

    line: Series
    direction: Series


@dataclass(frozen=True, slots=True)
class SupertrendPoint:
    """One candle's line, and whether the trend rises."""

    line: float
    is_rising: bool


def supertrend(
    highs: Series, lows: Series, closes: Series, *, factor: float = 3.0, period: int = 10
) -> SupertrendLines:
    """The line that a close has to cross to turn the trend.

    Args:
        highs: finite, above 0, oldest first.
        lows: of the same candles.
        closes: of the same candles.
        factor: how many average true ranges the line is away, 0 or more.
        period: candles of the ATR.

    Raises:
        Invalid: `bad_factor`, `bad_period`, `bad_series`, `different_lengths`, `not_finite`.
    """
    high, low, close = as_candles(highs, lows, closes)
    bands = _Bands()
    widths = checked_factor(factor) * atr(high, low, close, period)
    middles = (high + low) / 2
    line, direction = none_yet(len(close)), none_yet(len(close))
    begins = int(np.isnan(widths).sum())
    if begins:
        bands.close = float(close[begins - 1])
    steps = zip(
        middles[begins:].tolist(), widths[begins:].tolist(), close[begins:].tolist(), strict=True
    )
    points = [bands.step(middle, width, price) for middle, width, price in steps]
    line[begins:] = [point.line for point in points]
    direction[begins:] = [1.0 if point.is_rising else -1.0 for point in points]
    return SupertrendLines(line, direction)


class Supertrend:
    """`supertrend`, one candle at a time, O(1) a step."""

    __slots__ = ("_atr", "_bands", "_factor")

    def __init__(self, *, factor: float = 3.0, period: int = 10) -> None:
        self._factor = checked_factor(factor)
        self._atr = Atr(period)
        self._bands = _Bands()

    def update(self, high: float, low: float, close: float) -> SupertrendPoint | None:
        """The line with this candle, None before `period` candles.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        width = self._atr.update(high, low, close)
        if width is None:
            self._bands.close = close
            return None
        return self._bands.step((high + low) / 2, self._factor * width, close)


class _Bands:
    """The two lines of which one shows, and the close before.

    A band only moves towards the price, until a close lies beyond it.
    """

    __slots__ = ("close", "line", "lower", "upper")

    def __init__(self) -> None:
        self.lower = self.upper = self.line = self.close = float("nan")

    def step(self, middle: float, width: float, close: float) -> SupertrendPoint:
        """The shown line after a candle: `middle` between high and low, `width` of a band."""
        lower, upper = middle - width, middle + width
        is_first = isnan(self.line)
        if not is_first:
            lower = lower if lower > self.lower or self.close < self.lower else self.lower
            upper = upper if upper < self.upper or self.close > self.upper else self.upper
        was_falling = self.line == self.upper
        if is_first:
            is_rising = False
        elif was_falling:
            is_rising = close > upper
        else:
            is_rising = close >= lower
        self.lower, self.upper, self.close = lower, upper, close
        self.line = lower if is_rising else upper
        return SupertrendPoint(self.line, is_rising)
