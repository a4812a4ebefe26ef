"""The relative strength index.

Source: `ta.rsi` of the Pine Script reference: rises and falls from value to value, each averaged by
RMA, so the first comes after period + 1 values. Where nothing fell it is 100, also where nothing
moved at all, as in TradingView's own script (TA-Lib says 0 there).
"""

import numpy as np

from app.algorithms.indicators.averages import Rma, smooth
from app.algorithms.indicators.inputs import Series, as_series, checked_period, finite, late

MOST = 100.0


def rsi(values: Series, period: int) -> Series:
    """How much of the movement went up, 0 to 100.

    Args:
        values: finite, oldest first.
        period: 1 or more.

    Raises:
        Invalid: `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    changes = np.diff(series)
    weight = 1 / checked_period(period)
    rises = smooth(np.maximum(changes, 0.0), period, weight=weight)
    falls = smooth(np.maximum(-changes, 0.0), period, weight=weight)
    strength = np.full_like(rises, MOST)
    np.divide(MOST * rises, rises + falls, out=strength, where=falls > 0)
    return late(strength, length=len(series))


class Rsi:
    """`rsi`, one value at a time, O(1) a step."""

    __slots__ = ("_falls", "_last", "_rises")

    def __init__(self, period: int) -> None:
        self._rises = Rma(period)
        self._falls = Rma(period)
        self._last: float | None = None

    def update(self, value: float) -> float | None:
        """The index with this value, 0 to 100; None before period + 1 values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        finite(value)
        last, self._last = self._last, value
        if last is None:
            return None
        rise = self._rises.update(max(value - last, 0.0))
        fall = self._falls.update(max(last - value, 0.0))
        if rise is None or fall is None:
            return None
        return MOST * rise / (rise + fall) if fall > 0 else MOST
