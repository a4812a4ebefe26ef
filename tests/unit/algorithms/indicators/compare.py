"""Series beside lists with None: the same gaps, and equal to 1e-9 of the largest value."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.algorithms.indicators.inputs import Series

TOLERANCE = 1e-9


def as_series(line: Sequence[float | None]) -> Series:
    return np.array([np.nan if value is None else value for value in line], dtype=np.float64)


def part(points: Sequence[Any], name: str) -> Series:
    """One attribute of what comes several at a time."""
    return as_series([None if point is None else getattr(point, name) for point in points])


def assert_equal(
    found: Series | Sequence[float | None],
    wanted: Series | Sequence[float | None],
    *,
    scale: float,
    skip: int = 0,
) -> None:
    """Fails where one has a value and the other none, or where they differ.

    Args:
        scale: what 1e-9 is a fraction of: the largest input value.
        skip: values at the beginning that may differ.
    """
    left, right = (
        line if isinstance(line, np.ndarray) else as_series(line) for line in (found, wanted)
    )
    left, right = left[skip:], right[skip:]
    assert len(left) == len(right)
    assert np.array_equal(np.isnan(left), np.isnan(right))
    apart = np.abs(left - right)
    assert not np.any(apart > TOLERANCE * max(scale, 1.0)), np.nanmax(apart)
