"""Moving average convergence divergence.

Source: `ta.macd` of the Pine Script reference: EMA(fast) - EMA(slow), each seeded by its own first
values; the signal line is the EMA of that difference and begins `signal` - 1 candles after it.
TA-Lib begins the fast average later and agrees only when both have forgotten their beginning.
"""

from dataclasses import dataclass

from app.algorithms.indicators.averages import Ema, smooth
from app.algorithms.indicators.inputs import Series, as_series, checked_period, late
from app.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class MacdLines:
    """Three series, in units of the values.

    Attributes:
        macd: fast less slow average.
        signal: its EMA.
        histogram: `macd` less `signal`.
    """

    macd: Series
    signal: Series
    histogram: Series


@dataclass(frozen=True, slots=True)
class MacdPoint:
    """One candle's `MacdLines`; `signal` and `histogram` come later than `macd`."""

    macd: float
    signal: float | None
    histogram: float | None


def macd(values: Series, fast: int = 12, slow: int = 26, signal: int = 9) -> MacdLines:
    """The difference of two EMAs and its own EMA.

    Args:
        values: finite, oldest first.
        fast: candles of the quick average, below `slow`.
        slow: candles of the slow average.
        signal: candles of the signal line.

    Raises:
        Invalid: `bad_period`, `bad_series`, `not_finite`.
    """
    series = as_series(values)
    _check(fast, slow, signal)
    slow_average = smooth(series, slow, weight=2 / (slow + 1))
    fast_average = smooth(series, fast, weight=2 / (fast + 1))
    line = fast_average[len(fast_average) - len(slow_average) :] - slow_average
    signal_line = smooth(line, signal, weight=2 / (signal + 1))
    difference = line[len(line) - len(signal_line) :] - signal_line
    length = len(series)
    return MacdLines(
        macd=late(line, length=length),
        signal=late(signal_line, length=length),
        histogram=late(difference, length=length),
    )


class Macd:
    """`macd`, one value at a time, O(1) a step."""

    __slots__ = ("_fast", "_signal", "_slow")

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        _check(fast, slow, signal)
        self._fast = Ema(fast)
        self._slow = Ema(slow)
        self._signal = Ema(signal)

    def update(self, value: float) -> MacdPoint | None:
        """The lines with this value, None before `slow` values.

        Raises:
            Invalid: `not_finite`; nothing has changed then.
        """
        fast, slow = self._fast.update(value), self._slow.update(value)
        if fast is None or slow is None:
            return None
        line = fast - slow
        signal = self._signal.update(line)
        return MacdPoint(line, signal, None if signal is None else line - signal)


def _check(fast: int, slow: int, signal: int) -> None:
    for period in (fast, slow, signal):
        checked_period(period)
    if fast >= slow:
        raise Invalid(
            f"the fast average ({fast}) has to be shorter than the slow one ({slow})",
            code="bad_period",
        )
