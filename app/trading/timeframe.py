"""Timeframes of candles: which candle a moment belongs to, and what a larger one is made of."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from app.core.errors import Invalid


class Timeframe(StrEnum):
    """How long a candle lasts, as Binance and ccxt write it; all of UTC.

    The one place where the case of a word says something: `1m` is a minute, `1M` a month.
    """

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MONTH = "1M"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        # `1H` can only be an hour, but `5M` may be meant as months: nobody guesses that.
        if isinstance(value, str) and value != value.lower() and not value.endswith("M"):
            return cls(value.lower())
        return None

    @classmethod
    def of(cls, text: str) -> Self:
        """The timeframe that a text names.

        Raises:
            Invalid: `unknown_timeframe`; the detail lists those there are.
        """
        try:
            return cls(text.strip())
        except ValueError:
            known = ", ".join(cls)
            raise Invalid(f"timeframe: one of {known}", code="unknown_timeframe") from None

    @property
    def length(self) -> timedelta | None:
        """How long each of its candles lasts; None of a month, which has no one length."""
        return _LENGTHS.get(self)

    def open_of(self, moment: datetime) -> datetime:
        """When the candle opened that a moment belongs to.

        Args:
            moment: aware.
        """
        length = self.length
        if length is None:
            return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        utc = moment.astimezone(UTC)
        return utc - (utc - _MONDAY) % length

    def close_of(self, moment: datetime) -> datetime:
        """When that candle is over: the next one opens then. Venues name the millisecond before."""
        opened = self.open_of(moment)
        length = self.length
        if length is not None:
            return opened + length
        is_december = opened.month == _DECEMBER
        return opened.replace(
            year=opened.year + is_december, month=1 if is_december else opened.month + 1
        )

    def is_open(self, moment: datetime) -> bool:
        """Whether a candle opens at this very moment; for any moment that there is."""
        length = self.length
        if length is not None:
            return not (moment - _MONDAY) % length
        utc_day = (moment - _MONDAY) % _DAY
        return not utc_day and moment.astimezone(UTC).day == 1

    def opens(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Every open time from `since`, inclusive, to `until`, exclusive, in their order."""
        at = self._first_open(since)
        while at < until:
            yield at
            at = self.close_of(at)

    def how_many(self, since: datetime, until: datetime) -> int:
        """How many open times there are from `since`, inclusive, to `until`, exclusive."""
        first, end = self._first_open(since), self._first_open(until)
        if end <= first:
            return 0
        length = self.length
        if length is not None:
            return (end - first) // length
        return (end.year - first.year) * _DECEMBER + end.month - first.month

    @property
    def parts(self) -> tuple["Timeframe", ...]:
        """The smaller timeframes whose candles fill one of this exactly, the largest first."""
        smaller = list(Timeframe)[: list(Timeframe).index(self)]
        return tuple(one for one in reversed(smaller) if one.fills(self))

    def fills(self, larger: "Timeframe") -> bool:
        """Whether whole candles of this timeframe make up each candle of a larger one."""
        length, whole = self.length, larger.length
        if self is larger or length is None:
            return False
        # A month begins on any weekday: days fill it, weeks and three days do not.
        return not (_DAY if whole is None else whole) % length

    def _first_open(self, since: datetime) -> datetime:
        opened = self.open_of(since)
        return opened if opened == since else self.close_of(since)


_DECEMBER: Final = 12
_DAY: Final = timedelta(days=1)
# Weeks begin on Monday. Candles of three days count from the same Monday: Binance's opened on
# 2017-08-17 and 2018-06-28, which no count from 1970-01-01 gives.
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
# A calendar month has no length.
_LENGTHS: Final[Mapping[Timeframe, timedelta]] = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M3: timedelta(minutes=3),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.M30: timedelta(minutes=30),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.H2: timedelta(hours=2),
    Timeframe.H4: timedelta(hours=4),
    Timeframe.H6: timedelta(hours=6),
    Timeframe.H8: timedelta(hours=8),
    Timeframe.H12: timedelta(hours=12),
    Timeframe.D1: _DAY,
    Timeframe.D3: timedelta(days=3),
    Timeframe.W1: timedelta(weeks=1),
}
