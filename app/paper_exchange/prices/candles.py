"""Candles made of the prices this venue has shown, and a made-up past before its first one."""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from itertools import takewhile
from random import Random

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


class Candles:
    """The last day of minutes of one symbol on one market.

    Args:
        name: what the made-up past is drawn from, with the seed in it.
        tick: prices of the made-up past are multiples of it.
    """

    def __init__(self, name: str, tick: Decimal) -> None:
        self._name = name
        self._tick = tick
        self._minutes: deque[Candle] = deque(maxlen=_KEPT_MINUTES)
        self._before: Candle | None = None

    def record(self, at: int, price: Decimal, volume: Decimal) -> None:
        """A trade at a time in milliseconds."""
        opened_at = at - at % MINUTE
        tick = Candle(opened_at, price, price, price, price, volume)
        if self._minutes and self._minutes[-1].opened_at >= opened_at:
            self._minutes[-1] = self._minutes[-1].joined(tick)
        else:
            self._minutes.append(tick)
            self._before = _joined(list(self._minutes)[:-1])

    def day(self) -> Candle:
        """All that is kept, as one candle: the figures of a 24-hour ticker."""
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
        candles = self._recorded(length)
        first = candles[0]
        wanted = max(0, limit - len([c for c in candles if c.opened_at <= until]))
        skipped = max(0, (first.opened_at - until) // length)
        past = self._past(first, length, min(wanted + skipped, 5000))
        return [c for c in past + candles if c.opened_at <= until][-limit:]

    def _recorded(self, length: int) -> list[Candle]:
        candles: list[Candle] = []
        for minute in self._minutes:
            opened_at = minute.opened_at - minute.opened_at % length
            if candles and candles[-1].opened_at == opened_at:
                candles[-1] = candles[-1].joined(minute)
            else:
                candles.append(replace(minute, opened_at=opened_at))
        return candles

    def _past(self, first: Candle, length: int, count: int) -> list[Candle]:
        candles: list[Candle] = []
        close, opened_at = first.open, first.opened_at
        for _ in range(count):
            opened_at -= length
            dice = Random(f"{self._name}:{length}:{opened_at}")  # noqa: S311 (a made-up market)
            width = Decimal(dice.randint(1, 200)) / 100_000
            start = self._round(close * (1 + dice.choice((-1, 1)) * width / 2))
            high = self._round(max(start, close) * (1 + width / 4)) + self._tick
            low = max(self._tick, self._round(min(start, close) * (1 - width / 4)) - self._tick)
            volume = Decimal(dice.randint(1, 100_000)) / 1000
            candles.append(Candle(opened_at, start, high, low, close, volume))
            close = start
        return candles[::-1]

    def _round(self, price: Decimal) -> Decimal:
        return max(self._tick, (price / self._tick).to_integral_value() * self._tick)


def _joined(candles: list[Candle]) -> Candle | None:
    return reduce(Candle.joined, candles) if candles else None
