"""Linearly weighted averages: WMA, and Hull's HMA, which is made of three of them.

Source: `ta.wma` and `ta.hma` of the Pine Script reference. The newest of `period` values weighs
`period`, the oldest 1. HMA = wma(2 · wma(values, period // 2) - wma(values, period), ⌊√period⌋).

The sums are over blocks, as in `averages`: nothing is subtracted and nothing drifts.
"""

from itertools import accumulate
from math import isqrt

import numpy as np

from app.algorithms.indicators.averages import ends_before, in_blocks, sums_to_end
from app.algorithms.indicators.inputs import Series, as_series, checked_period, finite, late

SMALLEST_HULL = 2


def wma(values: Series, period: int) -> Series:
    """The mean of the last `period` values, the newest weighing most.

    Args:
        values: finite, oldest first.
        period: 1 or more; longer than the series there is no value, only NaN.

    Raises:
        Invalid: `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    return late(weighted_means(series, checked_period(period)), length=len(series))


def hma(values: Series, period: int) -> Series:
    """Hull's average: its first value comes after period + ⌊√period⌋ - 1 values.

    Args:
        values: finite, oldest first.
        period: 2 or more.

    Raises:
        Invalid: `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    slow = weighted_means(series, checked_period(period, smallest=SMALLEST_HULL))
    fast = weighted_means(series, period // 2)
    ahead = 2 * fast[len(fast) - len(slow) :] - slow
    return late(weighted_means(ahead, isqrt(period)), length=len(series))


def weighted_means(values: Series, period: int) -> Series:
    """Weighted means of whole windows, without the NaN before them; empty when there is none.

    Of a window whose last k values are in a block, these weigh period - k more than their place in
    the block; the values before it weigh their place in the window.
    """
    if len(values) < period:
        return np.empty(0)
    blocks = in_blocks(values, period)
    places = np.arange(1, period + 1, dtype=np.float64)
    in_place = np.cumsum(blocks * places, axis=1)
    moved_up = np.cumsum(blocks, axis=1) * (period - places)
    beginnings = (in_place + moved_up).ravel()[period - 1 : len(values)]
    ends = ends_before(sums_to_end(sums_to_end(blocks)), len(values))
    return (ends + beginnings) / (period * (period + 1) / 2)


class Wma:
    """`wma`, one value at a time; a step costs O(1), one in `period` steps O(period)."""

    __slots__ = ("_block", "_ends", "_in_place", "_period", "_sum", "_weights")

    def __init__(self, period: int) -> None:
        self._period = checked_period(period)
        self._weights = period * (period + 1) / 2
        self._block: list[float] = []
        self._sum = 0.0
        self._in_place = 0.0
        self._ends: list[float] = []

    def update(self, value: float) -> float | None:
        """The average with this value, None before `period` values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        finite(value)
        self._block.append(value)
        length = len(self._block)
        self._sum += value
        self._in_place += length * value
        if length < self._period:
            if not self._ends:
                return None
            moved_up = (self._period - length) * self._sum
            return (self._ends[length] + self._in_place + moved_up) / self._weights
        total = self._in_place
        sums = accumulate(reversed(self._block))
        self._ends = list(accumulate(sums))[::-1]
        self._block, self._sum, self._in_place = [], 0.0, 0.0
        return total / self._weights


class Hma:
    """`hma`, one value at a time; costs three steps of `Wma`."""

    __slots__ = ("_fast", "_hull", "_slow")

    def __init__(self, period: int) -> None:
        checked_period(period, smallest=SMALLEST_HULL)
        self._fast = Wma(period // 2)
        self._slow = Wma(period)
        self._hull = Wma(isqrt(period))

    def update(self, value: float) -> float | None:
        """The average with this value, None before period + ⌊√period⌋ - 1 values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        fast, slow = self._fast.update(value), self._slow.update(value)
        if fast is None or slow is None:
            return None
        return self._hull.update(2 * fast - slow)
