"""What indicators take: finite numbers, lengths of at least one candle."""

from math import isfinite
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.errors import Invalid

Series: TypeAlias = NDArray[np.float64]

SMALLEST_PERIOD: Final = 1


def as_series(values: Series) -> Series:
    """The values as float64, one a candle, oldest first.

    Raises:
        Invalid: `bad_series` when they are not in one row, `not_finite` when one is NaN or
            infinite: such a value would stay in every later result.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise Invalid(f"a series has one row, not {series.ndim} dimensions", code="bad_series")
    finite = np.isfinite(series)
    if not finite.all():
        where = int(np.argmin(finite))
        raise Invalid(f"value {where} is {series[where]}, not a number", code="not_finite")
    return series


def as_candles(highs: Series, lows: Series, closes: Series) -> tuple[Series, Series, Series]:
    """The three series of the same candles.

    Raises:
        Invalid: as `as_series`, or `different_lengths`.
    """
    series = as_series(highs), as_series(lows), as_series(closes)
    lengths = [len(each) for each in series]
    if len(set(lengths)) > 1:
        raise Invalid(
            "highs, lows and closes are {}, {} and {} values".format(*lengths),
            code="different_lengths",
        )
    return series


def finite(*values: float) -> None:
    """Refuse NaN and infinity before they reach a state.

    Raises:
        Invalid: `not_finite`.
    """
    for value in values:
        if not isfinite(value):
            raise Invalid(f"{value} is not a number", code="not_finite")


def checked_period(period: int, *, smallest: int = SMALLEST_PERIOD) -> int:
    """A number of candles.

    Raises:
        Invalid: `bad_period` below `smallest`.
    """
    if period < smallest:
        raise Invalid(f"a period is {smallest} candles or more, not {period}", code="bad_period")
    return period


def checked_factor(factor: float) -> float:
    """A multiple of a width, 0 or more.

    Raises:
        Invalid: `bad_factor` when it is below 0 or not a number.
    """
    if not isfinite(factor) or factor < 0:
        raise Invalid(f"a factor is a number from 0, not {factor}", code="bad_factor")
    return factor


def none_yet(length: int) -> Series:
    """A series of NaN: no value anywhere."""
    return np.full(length, np.nan, dtype=np.float64)


def late(values: Series, *, length: int) -> Series:
    """The values at the end of a series of that length, NaN before them."""
    series = none_yet(length)
    series[length - len(values) :] = values
    return series
