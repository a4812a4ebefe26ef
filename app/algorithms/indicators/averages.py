"""Simple and exponential averages: SMA, EMA and Wilder's RMA.

Source: `ta.sma`, `ta.ema` and `ta.rma` of the Pine Script reference. EMA and RMA begin with the SMA
of the first `period` values, at the last of these; in between there is no value.

How window sums keep from drifting: nothing is ever subtracted. The series is cut into blocks of
`period` values; a window is the end of one block and the beginning of the next, so its sum is one
sum over an end plus one over a beginning, each added up from values that are still in the window.
A spike leaves no trace once it has left, after a million candles as after ten. EMA and RMA forget
rounding as they forget values.
"""

from itertools import accumulate

import numpy as np

from app.algorithms.indicators.inputs import Series, as_series, checked_period, finite, late


def sma(values: Series, period: int) -> Series:
    """The mean of the last `period` values.

    Args:
        values: finite, oldest first.
        period: 1 or more; longer than the series there is no value, only NaN.

    Raises:
        Invalid: `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    return late(means(series, checked_period(period)), length=len(series))


def ema(values: Series, period: int) -> Series:
    """The average that weighs each new value 2 / (period + 1); arguments and errors as `sma`."""
    series = as_series(values)
    smoothed = smooth(series, checked_period(period), weight=2 / (period + 1))
    return late(smoothed, length=len(series))


def rma(values: Series, period: int) -> Series:
    """Wilder's average, each new value weighs 1 / period; arguments and errors as `sma`."""
    series = as_series(values)
    smoothed = smooth(series, checked_period(period), weight=1 / period)
    return late(smoothed, length=len(series))


def means(values: Series, period: int) -> Series:
    """Means of whole windows, without the NaN before them; empty when there is none."""
    if len(values) < period:
        return np.empty(0)
    blocks = in_blocks(values, period)
    beginnings = np.cumsum(blocks, axis=1).ravel()[period - 1 : len(values)]
    return (ends_before(sums_to_end(blocks), len(values)) + beginnings) / period


def smooth(values: Series, period: int, *, weight: float) -> Series:
    """The recursion of EMA and RMA from its seed on; empty when there are too few values.

    A plain loop: each value needs the one before. Sums over falling powers would be quicker and
    overflow on long series.
    """
    if len(values) < period:
        return np.empty(0)
    head, tail = values[:period].tolist(), values[period:].tolist()
    seed = last = sum(head) / period
    keep = 1 - weight
    followers = [last := weight * value + keep * last for value in tail]
    return np.array([seed, *followers])


def in_blocks(values: Series, period: int) -> Series:
    """The values as rows of `period`; the last row is filled up with zeros."""
    rows = -(-len(values) // period)
    blocks = np.zeros(rows * period, dtype=np.float64)
    blocks[: len(values)] = values
    return blocks.reshape(rows, period)


def sums_to_end(blocks: Series) -> Series:
    """For each value the sum from it to the end of its row."""
    sums: Series = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1]
    return sums


def ends_before(sums: Series, length: int) -> Series:
    """For each whole window what the block before its last value's block gives to it.

    A window that begins with a block lies in it whole: nothing is left to give.
    """
    period = sums.shape[1]
    ends: Series = sums.ravel()[: length - period + 1].copy()
    ends[::period] = 0.0
    return ends


class Sma:
    """`sma`, one value at a time; a step costs O(1), one in `period` steps O(period)."""

    __slots__ = ("_beginning", "_block", "_ends", "_period")

    def __init__(self, period: int) -> None:
        self._period = checked_period(period)
        self._block: list[float] = []
        self._beginning = 0.0
        self._ends: list[float] = []

    def update(self, value: float) -> float | None:
        """The mean with this value, None before `period` values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        finite(value)
        self._block.append(value)
        self._beginning += value
        length = len(self._block)
        if length < self._period:
            return (self._ends[length] + self._beginning) / self._period if self._ends else None
        total = self._beginning
        self._ends = list(accumulate(reversed(self._block)))[::-1]
        self._block, self._beginning = [], 0.0
        return total / self._period


class Smoothed:
    """The recursion of EMA and RMA, one value at a time, O(1) a step."""

    __slots__ = ("_keep", "_last", "_seed", "_weight")

    def __init__(self, period: int, *, weight: float) -> None:
        self._seed: Sma | None = Sma(period)
        self._weight = weight
        self._keep = 1 - weight
        self._last = 0.0

    def update(self, value: float) -> float | None:
        """The average with this value, None before `period` values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        if self._seed is None:
            finite(value)
            self._last = self._weight * value + self._keep * self._last
            return self._last
        mean = self._seed.update(value)
        if mean is not None:
            self._last = mean
            self._seed = None
        return mean


class Ema:
    """`ema`, one value at a time, O(1) a step."""

    __slots__ = ("update",)

    def __init__(self, period: int) -> None:
        # The recursion's own method: a call less on every candle of a long backtest.
        self.update = Smoothed(checked_period(period), weight=2 / (period + 1)).update


class Rma:
    """`rma`, one value at a time, O(1) a step."""

    __slots__ = ("update",)

    def __init__(self, period: int) -> None:
        self.update = Smoothed(checked_period(period), weight=1 / period).update
