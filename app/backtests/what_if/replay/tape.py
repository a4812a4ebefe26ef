"""The stored candles of a market, and what it cost at a moment."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from app.algorithms.bars import Bar
from app.backtests.engine.simulator import Simulator
from app.market.prices import PriceKey
from app.trading.timeframe import Timeframe

# Candles that are looked through at once for the next one that matters.
_STRIDE: Final = 512


class Prices(NamedTuple):
    """The prices of one candle, as they are stored."""

    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Tape:
    """Candles of one market and timeframe, oldest first; gaps are allowed.

    A moment counts as the nearer end of the candle that it lies in: in its first half it comes
    before the candle, in its second half after it.

    Args:
        market: whose they are.
        timeframe: shorter than a month.
        candles: at least one.
        missing: how many are not there between the first moment asked about and the last.
    """

    def __init__(
        self,
        market: PriceKey,
        timeframe: Timeframe,
        candles: Sequence[Prices],
        *,
        missing: int = 0,
    ) -> None:
        self.market = market
        self.timeframe = timeframe
        self.missing = missing
        self._candles = candles
        self._length = timeframe.length or timedelta(0)
        self._opens = [one.open_time for one in candles]
        self._middles = [one.open_time + self._length / 2 for one in candles]
        self._lows = np.array([float(one.low) for one in candles])
        self._highs = np.array([float(one.high) for one in candles])

    def __len__(self) -> int:
        return len(self._candles)

    @property
    def last_price(self) -> Decimal:
        """The close of the last candle, quote per base."""
        return self._candles[-1].close

    def met_by(self, moment: datetime) -> int:
        """How many of the candles come before a moment: those whose middle it has reached."""
        return bisect_right(self._middles, moment)

    def price_at(self, moment: datetime) -> Decimal:
        """What the market cost, quote per base: the nearer of a candle's open and its close.

        After a gap it is the close before it; before the first candle, the first open.
        """
        index = self.met_by(moment)
        if index == 0 or self.is_within(index, moment):
            return self._candles[index].open
        return self._candles[index - 1].close

    def is_within(self, index: int, moment: datetime) -> bool:
        """Whether a candle had opened by that moment."""
        return index < len(self._candles) and self._opens[index] <= moment

    def bar(self, index: int) -> Bar:
        """A candle as the simulator meets it; volume plays no part there."""
        one = self._candles[index]
        prices = (float(one.open), float(one.high), float(one.low), float(one.close))
        return Bar(one.open_time, self._length, *prices, 0.0)

    def next_that_matters(self, begin: int, end: int, simulator: Simulator) -> int | None:
        """The first candle from `begin` on, and before `end`, that may change a book."""
        low, high = simulator.quiet
        due_at = simulator.due_at
        if due_at is not None:
            due = bisect_left(self._opens, due_at, begin)
            found = self._loud(begin, min(end, due), low, high)
            return due if found is None and due < end else found
        return self._loud(begin, end, low, high)

    def _loud(self, begin: int, end: int, low: float, high: float) -> int | None:
        for start in range(begin, end, _STRIDE):
            part = slice(start, min(end, start + _STRIDE))
            reached = (self._lows[part] <= low) | (self._highs[part] >= high)
            if reached.any():
                return start + int(np.argmax(reached))
        return None


Tapes = Mapping[PriceKey, Tape]


class Playback:
    """One book on a tape: how far it has come."""

    def __init__(self, simulator: Simulator, tape: Tape, *, since: datetime) -> None:
        self.simulator = simulator
        self.tape = tape
        # What came before it began has no hold on it.
        self._next = tape.met_by(since)
        self._entered: tuple[int, float] | None = None

    def advance(self, moment: datetime) -> None:
        """Let every candle that comes before a moment do what it does."""
        end = self.tape.met_by(moment)
        while self._next < end:
            index = self.tape.next_that_matters(self._next, end, self.simulator)
            if index is None:
                break
            self.simulator.meet(self._bar(index))
            self._next = index + 1
        if self._next < end and self.simulator.holding is not None:
            # It changes nothing, but what is held is worth what it closed at.
            self.simulator.meet(self.tape.bar(end - 1))
        self._next = max(self._next, end)

    def entered(self, at: datetime, price: Decimal) -> None:
        """Remember that a flat book was entered in a candle that had opened: it begins there."""
        if self.tape.is_within(self._next, at):
            self._entered = (self._next, float(price))

    def _bar(self, index: int) -> Bar:
        bar = self.tape.bar(index)
        if self._entered is None or self._entered[0] != index:
            return bar
        price = self._entered[1]
        return bar._replace(open=price, high=max(bar.high, price), low=min(bar.low, price))
