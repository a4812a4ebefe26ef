"""The average true range.

Source: `ta.atr` of the Pine Script reference: the RMA of the true range, whose first value, without
a close before it, is high - low. So the first average comes at candle `period`. TA-Lib leaves that
first range out and agrees only after a while.
"""

import numpy as np

from app.algorithms.indicators.averages import Rma, smooth
from app.algorithms.indicators.inputs import Series, as_candles, checked_period, finite, late


def atr(highs: Series, lows: Series, closes: Series, period: int) -> Series:
    """How far price moves in a candle, gaps included, in units of the price.

    Args:
        highs: finite, oldest first.
        lows: of the same candles.
        closes: of the same candles.
        period: 1 or more.

    Raises:
        Invalid: `bad_period`, `bad_series`, `different_lengths`, `not_finite`.
    """
    high, low, close = as_candles(highs, lows, closes)
    ranges = high - low
    before = close[:-1]
    # A gap counts: the range reaches to the close before.
    ranges[1:] = np.maximum(ranges[1:], abs(high[1:] - before))
    ranges[1:] = np.maximum(ranges[1:], abs(low[1:] - before))
    return late(smooth(ranges, checked_period(period), weight=1 / period), length=len(ranges))


class Atr:
    """`atr`, one candle at a time, O(1) a step."""

    __slots__ = ("_average", "_close")

    def __init__(self, period: int) -> None:
        self._average = Rma(period)
        self._close: float | None = None

    def update(self, high: float, low: float, close: float) -> float | None:
        """The average with this candle, None before `period` candles.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        finite(high, low, close)
        before, self._close = self._close, close
        if before is None:
            return self._average.update(high - low)
        return self._average.update(max(high - low, abs(high - before), abs(low - before)))
