"""Candles made of the prices this venue has shown, and a made-up past before its first one.

A candle that has closed is the same for ever: it is kept in the venue's file, the made-up past
hangs on the first minute there ever was, and while the venue was away nothing was traded.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from itertools import takewhile
from random import Random
from typing import NamedTuple, Protocol

MINUTE = 60_000
INTERVALS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": 60 * MINUTE,
    "2h": 120 * MINUTE,
    "4h": 240 * MINUTE,
    "6h": 360 * MINUTE,
    "8h": 480 * MINUTE,
    "12h": 720 * MINUTE,
    "1d": 1440 * MINUTE,
}
_KEPT_MINUTES = 1440
_DAY = _KEPT_MINUTES * MINUTE
# Before that no market is older.
_OLDEST = 5000


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices in quote, volume in base; `opened_at` in milliseconds."""

    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def joined(self, later: "Candle") -> "Candle":
        """This candle continued by a later one."""
        return replace(
            self,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            close=later.close,
            volume=self.volume + later.volume,
        )


class Closed(NamedTuple):
    """A candle that nothing will change any more."""

    interval: str
    candle: Candle


class History(Protocol):
    """The closed candles of one symbol on one market, from the venue's file."""

    def first(self) -> Candle | None:
        """The first minute there ever was."""

    def newest(self, count: int) -> Sequence[Candle]:
        """The last minutes, oldest first."""

    def between(self, interval: str, since: int, until: int) -> Sequence[Candle]:
        """Those that opened in between, both ends included, oldest first."""

    def before(self, interval: str, at: int) -> Candle | None:
        """The last one that opened before."""


class NoHistory:
    """Of a venue that has just been made."""

    def first(self) -> Candle | None:
        """There was none."""
        return None

    def newest(self, count: int) -> Sequence[Candle]:
        """There are none."""
        del count
        return ()

    def between(self, interval: str, since: int, until: int) -> Sequence[Candle]:
        """There are none."""
        del interval, since, until
        return ()

    def before(self, interval: str, at: int) -> Candle | None:
        """There was none."""
        del interval, at
        return None


class Candles:
    """The last day of minutes of one symbol on one market, and all that closed before.

    Args:
        name: what the made-up past is drawn from, with the seed in it.
        tick: prices of the made-up past are multiples of it.
        history: what was kept.

    Attributes:
        closed: what has closed and is not kept yet.
        just_closed: what the last trade has closed, by the interval.
    """

    def __init__(self, name: str, tick: Decimal, history: History | None = None) -> None:
        self._name = name
        self._tick = tick
        self._history = history or NoHistory()
        self._minutes: deque[Candle] = deque(
            self._history.newest(_KEPT_MINUTES), maxlen=_KEPT_MINUTES
        )
        self._first = self._history.first()
        self._before: Candle | None = None
        self.closed: list[Closed] = []
        self.just_closed: dict[str, Candle] = {}

    def record(self, at: int, price: Decimal, volume: Decimal) -> None:
        """A trade at a time in milliseconds."""
        opened_at = at - at % MINUTE
        tick = Candle(opened_at, price, price, price, price, volume)
        self._first = self._first or tick
        self.just_closed = {}
        if self._minutes and self._minutes[-1].opened_at >= opened_at:
            self._minutes[-1] = self._minutes[-1].joined(tick)
            return
        if self._minutes:
            self._close(self._minutes[-1].opened_at, opened_at)
        self._minutes.append(tick)
        lately = [one for one in list(self._minutes)[:-1] if one.opened_at > opened_at - _DAY]
        self._before = _joined(lately)

    def _close(self, last: int, following: int) -> None:
        """Every candle with that minute in it, but for those that the following one is in."""
        for interval, length in INTERVALS.items():
            if last // length != following // length:
                self.just_closed[interval] = self.current(interval)
        self.closed += (Closed(*each) for each in self.just_closed.items())

    def kept(self, closed: Sequence[Closed]) -> None:
        """These are in the file by now."""
        self.closed = [one for one in self.closed if one not in closed]

    def running(self) -> Closed:
        """The minute under way, as far as it has come: this venue is about to go away."""
        return Closed("1m", self._minutes[-1])

    def day(self) -> Candle:
        """The last 24 hours as one candle: the figures of a 24-hour ticker."""
        now = self._minutes[-1]
        return now if self._before is None else self._before.joined(now)

    def current(self, interval: str) -> Candle:
        """The candle of an interval that is still open."""
        length = INTERVALS[interval]
        opened_at = self._minutes[-1].opened_at // length * length
        minutes = list(takewhile(lambda m: m.opened_at >= opened_at, reversed(self._minutes)))
        whole = reduce(Candle.joined, reversed(minutes))
        return replace(whole, opened_at=opened_at)

    def read(self, interval: str, *, until: int, limit: int) -> list[Candle]:
        """The last `limit` candles that open at or before `until`, oldest first."""
        length = INTERVALS[interval]
        newest = min(until, self._minutes[-1].opened_at) // length * length
        since = newest - (limit - 1) * length
        born_at = self._born_at(length)
        made_up = self._past(length, since, min(newest, born_at - length))
        return made_up + self._recorded(interval, max(since, born_at), newest)

    def _born_at(self, length: int) -> int:
        first = self._first or self._minutes[0]
        return first.opened_at // length * length

    def _recorded(self, interval: str, since: int, newest: int) -> list[Candle]:
        """What was shown between, both ends included; flat where the venue was away."""
        found = {one.opened_at: one for one in self._history.between(interval, since, newest)}
        found |= {
            one.candle.opened_at: one.candle for one in self.closed if one.interval == interval
        }
        current = self.current(interval)
        found[current.opened_at] = current
        before = self._history.before(interval, since)
        candles: list[Candle] = []
        for at in range(since, newest + 1, INTERVALS[interval]):
            candle = found.get(at) or _flat(at, before or current)
            candles.append(candle)
            before = candle
        return candles

    def _past(self, length: int, since: int, until: int) -> list[Candle]:
        """Candles that never were, backwards from the first one."""
        first = self._first or self._minutes[0]
        close, opened_at = first.open, self._born_at(length)
        candles: list[Candle] = []
        for _ in range(min(max(0, (opened_at - since) // length), _OLDEST)):
            opened_at -= length
            dice = Random(f"{self._name}:{length}:{opened_at}")  # noqa: S311 (a made-up market)
            width = Decimal(dice.randint(1, 200)) / 100_000
            start = self._round(close * (1 + dice.choice((-1, 1)) * width / 2))
            high = self._round(max(start, close) * (1 + width / 4)) + self._tick
            low = max(self._tick, self._round(min(start, close) * (1 - width / 4)) - self._tick)
            volume = Decimal(dice.randint(1, 100_000)) / 1000
            candles.append(Candle(opened_at, start, high, low, close, volume))
            close = start
        return [one for one in reversed(candles) if one.opened_at <= until]

    def _round(self, price: Decimal) -> Decimal:
        return max(self._tick, (price / self._tick).to_integral_value() * self._tick)


def _joined(candles: list[Candle]) -> Candle | None:
    return reduce(Candle.joined, candles) if candles else None


def _flat(at: int, before: Candle) -> Candle:
    price = before.close
    return Candle(at, price, price, price, price, Decimal(0))
