"""Closed candles as algorithms see them: floats, because they decide when and not how much."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import merge
from itertools import accumulate, chain, repeat
from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from app.algorithms.indicators.inputs import Series, as_series
from app.core.errors import Invalid

Moments: TypeAlias = NDArray[np.datetime64]
# So many candles are made into objects at once: they stay in the processor's cache, where a
# million of them would go through memory.
AT_ONCE: Final = 4096


class Bar(NamedTuple):
    """One closed candle; a tuple, because a backtest makes a million of them.

    Attributes:
        opened_at: aware, UTC.
        length: of its timeframe.
        open: quote per base, as are `high`, `low` and `close`.
        volume: in base units.
    """

    opened_at: datetime
    length: timedelta
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def closed_at(self) -> datetime:
        """The first moment at which anybody may know it."""
        return self.opened_at + self.length


_make_bar: Final = cast("Callable[[type[Bar], tuple[Any, ...]], Bar]", tuple.__new__)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Closed candles of one symbol and timeframe, oldest first; gaps are allowed.

    Attributes:
        length: of the timeframe.
        opened_at: `datetime64[us]` in UTC, each at least `length` after the one before.
        opens: quote per base, finite and above 0, as are `highs`, `lows` and `closes`.
        volumes: in base units, 0 or more.

    Raises:
        Invalid: `bad_timeframe`, `different_lengths`, `not_finite`, `out_of_order`, or `bad_candle`
            when a high is not the highest or a low not the lowest, or not above 0.
    """

    length: timedelta
    opened_at: Moments
    opens: Series
    highs: Series
    lows: Series
    closes: Series
    volumes: Series

    def __post_init__(self) -> None:
        if self.length <= timedelta(0):
            raise Invalid("a timeframe is longer than nothing", code="bad_timeframe")
        columns = [self.opens, self.highs, self.lows, self.closes, self.volumes]
        if any(len(as_series(each)) != len(self.opened_at) for each in columns):
            raise Invalid("the columns have different lengths", code="different_lengths")
        self._refuse(np.diff(self.opened_at) < np.timedelta64(self.length), "out_of_order", 1)
        tops = np.maximum(self.opens, self.closes) > self.highs
        bottoms = np.minimum(self.opens, self.closes) < self.lows
        self._refuse(tops | bottoms | (self.lows <= 0) | (self.volumes < 0), "bad_candle", 0)

    @classmethod
    def of(cls, length: timedelta, bars: Iterable[Bar]) -> "Bars":
        """The same candles in columns; all of them of that length."""
        rows = list(bars)
        opened = [bar.opened_at.astimezone(UTC).replace(tzinfo=None) for bar in rows]
        prices = np.array([bar[2:] for bar in rows], dtype=np.float64).reshape(len(rows), 5)
        return cls(length, np.array(opened, dtype="datetime64[us]"), *prices.T)

    def __len__(self) -> int:
        return len(self.opened_at)

    def __iter__(self) -> Iterator[Bar]:
        """One candle after the other."""
        return chain.from_iterable(map(self._from, range(0, len(self), AT_ONCE)))

    def _from(self, start: int) -> Iterator[Bar]:
        part = slice(start, start + AT_ONCE)
        columns = (self.opens, self.highs, self.lows, self.closes, self.volumes)
        moments = moments_of(self.opened_at[part])
        rows = zip(
            moments,
            [self.length] * len(moments),
            *(column[part].tolist() for column in columns),
            strict=True,
        )
        # Without a call in Python for each: a backtest takes a million of them.
        return map(_make_bar, repeat(Bar), rows)

    def _refuse(self, broken: NDArray[np.bool_], code: str, offset: int) -> None:
        if broken.any():
            where = self.opened_at[int(np.argmax(broken)) + offset]
            raise Invalid(f"the candle of {where} breaks a rule: {code}", code=code)


def moments_of(column: Moments) -> list[datetime]:
    """The moments of a column, aware, in UTC."""
    if not len(column):
        return []
    exactly = column.astype("datetime64[us]")
    first: datetime = exactly[0].item()
    steps = np.diff(exactly)
    # Added up, which costs half of giving each its zone; the same step again and again where
    # nothing is missing, which spares making it anew.
    is_even = len(steps) > 0 and bool((steps == steps[0]).all())
    each: Iterable[Any] = repeat(steps[0].item(), len(steps)) if is_even else steps.tolist()
    return list(accumulate(each, initial=first.replace(tzinfo=UTC)))


def in_closing_order(*several: Iterable[Bar]) -> Iterator[Bar]:
    """The candles of several timeframes in the order in which they became known.

    Of those that close together the longest comes first: whoever decides at the close of five
    minutes knows the hour that has just ended.
    """
    return merge(*several, key=closing_order)


def closing_order(bar: Bar) -> tuple[datetime, timedelta]:
    """What candles are sorted by: the moment they close, then the longest first."""
    return bar.closed_at, -bar.length


def exact(price: float) -> Decimal:
    """The price that the venue printed: the shortest decimal which reads as this float.

    A float64 keeps every decimal of up to 15 digits apart from all others; no venue quotes more.
    """
    return Decimal(str(float(price)))
