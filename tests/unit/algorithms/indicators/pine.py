"""Pine's definitions, written down as slowly and plainly as they are printed in its reference."""

from collections.abc import Sequence
from itertools import pairwise
from math import fsum, isqrt, sqrt

Values = Sequence[float]
Line = list[float | None]


def sma(src: Values, length: int) -> Line:
    return [
        None if i < length - 1 else fsum(src[i - length + 1 : i + 1]) / length
        for i in range(len(src))
    ]


def seeded(src: Values, length: int, alpha: float) -> Line:
    line: Line = []
    for seed, value in zip(sma(src, length), src, strict=True):
        before = line[-1] if line else None
        line.append(seed if before is None else alpha * value + (1 - alpha) * before)
    return line


def ema(src: Values, length: int) -> Line:
    return seeded(src, length, 2 / (length + 1))


def rma(src: Values, length: int) -> Line:
    return seeded(src, length, 1 / length)


def wma(src: Values, length: int) -> Line:
    line: Line = []
    for i in range(len(src)):
        if i < length - 1:
            line.append(None)
            continue
        weighed = [(length - j) * length * src[i - j] for j in range(length)]
        line.append(fsum(weighed) / fsum((length - j) * length for j in range(length)))
    return line


def hma(src: Values, length: int) -> Line:
    fast, slow = wma(src, length // 2), wma(src, length)
    raw = [2 * a - b for a, b in zip(fast, slow, strict=True) if a is not None and b is not None]
    return shifted(wma(raw, isqrt(length)), len(src))


def rsi(src: Values, length: int) -> Line:
    up = rma([max(b - a, 0.0) for a, b in pairwise(src)], length)
    down = rma([max(a - b, 0.0) for a, b in pairwise(src)], length)
    line: Line = []
    for rise, fall in zip(up, down, strict=True):
        if rise is None or fall is None:
            line.append(None)
        elif fall == 0:
            line.append(100.0)
        else:
            line.append(0.0 if rise == 0 else 100 - 100 / (1 + rise / fall))
    return shifted(line, len(src))


def macd(src: Values, fast: int, slow: int, signal: int) -> tuple[Line, Line]:
    pairs = zip(ema(src, fast), ema(src, slow), strict=True)
    line = [a - b for a, b in pairs if a is not None and b is not None]
    return shifted(list(line), len(src)), shifted(ema(line, signal), len(src))


def atr(high: Values, low: Values, close: Values, length: int) -> Line:
    ranges = [
        high[i] - low[i]
        if i == 0
        else max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(len(close))
    ]
    return rma(ranges, length)


def supertrend(
    high: Values, low: Values, close: Values, factor: float, length: int
) -> list[tuple[float, int] | None]:
    """The line and Pine's direction: -1 rises, 1 falls."""
    widths = atr(high, low, close, length)
    before_lower = before_upper = before_line = None
    points: list[tuple[float, int] | None] = []
    for i, width in enumerate(widths):
        if width is None:
            points.append(None)
            continue
        lower = (high[i] + low[i]) / 2 - factor * width
        upper = (high[i] + low[i]) / 2 + factor * width
        was_lower, was_upper = before_lower or 0.0, before_upper or 0.0
        close_before = close[i - 1] if i else float("nan")
        lower = lower if lower > was_lower or close_before < was_lower else was_lower
        upper = upper if upper < was_upper or close_before > was_upper or i == 0 else was_upper
        if i == 0 or widths[i - 1] is None:
            direction = 1
        elif before_line == was_upper:
            direction = -1 if close[i] > upper else 1
        else:
            direction = 1 if close[i] < lower else -1
        before_lower, before_upper = lower, upper
        before_line = lower if direction == -1 else upper
        points.append((before_line, direction))
    return points


def bollinger(src: Values, length: int, factor: float) -> list[tuple[float, float, float] | None]:
    """Middle, upper, lower."""
    points: list[tuple[float, float, float] | None] = []
    for i, mean in enumerate(sma(src, length)):
        if mean is None:
            points.append(None)
            continue
        window = src[i - length + 1 : i + 1]
        away = factor * sqrt(fsum((value - mean) ** 2 for value in window) / length)
        points.append((mean, mean + away, mean - away))
    return points


def shifted(line: Line, length: int) -> Line:
    return [None] * (length - len(line)) + line
