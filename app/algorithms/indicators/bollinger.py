"""Bollinger bands.

Source: `ta.bb` and `ta.stdev` of the Pine Script reference: the SMA, and `factor` deviations of the
whole population on both sides, each deviation taken from the window's own mean. Squares are never
subtracted from squares, so a narrow band at a high price keeps its digits.
"""

from collections import deque
from dataclasses import dataclass
from math import sqrt

import numpy as np

from app.algorithms.indicators.averages import Sma, means
from app.algorithms.indicators.inputs import (
    Series,
    as_series,
    checked_factor,
    checked_period,
    late,
)


@dataclass(frozen=True, slots=True)
class BollingerBands:
    """Three series, in units of the values."""

    middle: Series
    upper: Series
    lower: Series


@dataclass(frozen=True, slots=True)
class BollingerPoint:
    """One candle's `BollingerBands`."""

    middle: float
    upper: float
    lower: float


def bollinger(values: Series, period: int = 20, *, factor: float = 2.0) -> BollingerBands:
    """A band around the SMA that is as wide as the values scatter.

    Args:
        values: finite, oldest first.
        period: 1 or more.
        factor: how many deviations the bands are away, 0 or more.

    Raises:
        Invalid: `bad_factor`, `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    middle = means(series, checked_period(period))
    squares = np.zeros_like(middle)
    # One pass a place of the window: no table of all windows has to fit into memory.
    for place in range(period if len(middle) else 0):
        squares += (series[place : place + len(middle)] - middle) ** 2
    away = checked_factor(factor) * np.sqrt(squares / period)
    length = len(series)
    return BollingerBands(
        middle=late(middle, length=length),
        upper=late(middle + away, length=length),
        lower=late(middle - away, length=length),
    )


class Bollinger:
    """`bollinger`, one value at a time, O(period) a step."""

    __slots__ = ("_factor", "_mean", "_period", "_window")

    def __init__(self, period: int = 20, *, factor: float = 2.0) -> None:
        self._mean = Sma(period)
        self._period = period
        self._factor = checked_factor(factor)
        self._window: deque[float] = deque(maxlen=period)

    def update(self, value: float) -> BollingerPoint | None:
        """The bands with this value, None before `period` values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        middle = self._mean.update(value)
        self._window.append(value)
        if middle is None:
            return None
        squares = sum((each - middle) ** 2 for each in self._window)
        away = self._factor * sqrt(squares / self._period)
        return BollingerPoint(middle, middle + away, middle - away)
