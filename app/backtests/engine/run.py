"""An algorithm over candles: decided at each close, carried out at the next open."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from itertools import islice
from math import inf
from typing import Any, Final

import numpy as np

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bar, Bars, exact, moments_of
from app.algorithms.intents import Account, Intent, Move
from app.backtests.engine.course import Course, closed, course_of
from app.backtests.engine.curve import Curve
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.purse import Purse
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import FundingRate, Means, Terms
from app.backtests.engine.wishes import wish_of
from app.trading.instrument import Instrument

# How often `watch` is told.
TOLD: Final = 100
# So many candles are looked at together for the next one that has something to do: the algorithm
# may want something before, and then it was in vain.
LOOKED_AHEAD: Final = 1024


def run(
    definition: Definition[Any],
    settings: Mapping[str, Any],
    bars: Bars,
    *,
    instrument: Instrument,
    terms: Terms,
    means: Means,
    larger: Sequence[Bars] = (),
    funding: Sequence[FundingRate] = (),
    watch: Callable[[float], None] | None = None,
) -> Outcome:
    """Run an algorithm as a bot would, on stored candles; the same arguments give the same outcome.

    Intents count from the first base candle before which it has been fed `warm_up` candles of
    every timeframe. What is decided at the last close is not carried out.

    Args:
        definition: which algorithm.
        settings: its parameters.
        bars: base candles, the warm-up with them.
        instrument: steps, minimums and fees.
        terms: the strategy's.
        means: the account's.
        larger: candles of the larger timeframes, their warm-up with them.
        funding: rates of the symbol, oldest first.
        watch: told about every hundredth of the way how much is done, 0 to 1; what it raises ends
            the run.

    Raises:
        Invalid: `bad_parameters`; `bad_timeframe` when a larger timeframe is missing or one too
            many; `too_few_candles` when the warm-up takes them all.
    """
    course = course_of(definition, settings, bars, larger)
    purse = Purse(means)
    simulator = Simulator(terms, instrument, purse, funding=funding)
    curve = Curve(instrument, purse.balance)
    _Runner(course, simulator, purse, curve, watch).go()
    closes = bars.closes[course.begin :]
    equity, is_held = curve.over(closes)
    began_at, last_opened_at = moments_of(bars.opened_at[[course.begin, -1]])
    return Outcome(
        instrument=instrument,
        capital=means.capital,
        began_at=began_at,
        ended_at=last_opened_at + bars.length,
        warm_up=course.begin,
        closed_at=closed(bars)[course.begin :],
        equity=equity,
        is_held=is_held,
        balance=purse.balance,
        holding=simulator.holding,
        unrealised=simulator.unrealised(exact(closes[-1])),
        fills=tuple(simulator.fills),
        trades=tuple(simulator.trades),
        payments=tuple(simulator.payments),
        refusals=tuple(simulator.refusals),
    )


class _Runner:
    """Goes along a course; where nothing is due, a candle costs one comparison."""

    def __init__(
        self,
        course: Course,
        simulator: Simulator,
        purse: Purse,
        curve: Curve,
        watch: Callable[[float], None] | None,
    ) -> None:
        self._course = course
        self._simulator = simulator
        self._purse = purse
        self._curve = curve
        self._watch = watch
        self._fed = 0
        self._told = 0
        self._step = max(1, len(course.bars) // TOLD)

    def go(self) -> None:
        """From the first candle to the last."""
        bars = self._course.bars
        on_close = self._course.algorithm.on_close
        if self._course.is_own_larger:
            on_close = self._course.on_close
        rows = enumerate(bars)
        self._warm_up(rows, on_close)
        account, due = self._outlook(self._course.begin)
        for index, bar in rows:
            if index >= due:
                self._attend(index, bar)
                account, due = self._outlook(index + 1)
            intents = on_close(bar, account)
            if intents:
                self._wish(intents, bar)
                account, due = self._outlook(index + 1)

    def _warm_up(
        self,
        rows: Iterator[tuple[int, Bar]],
        on_close: Callable[[Bar, Account], Sequence[Intent]],
    ) -> None:
        flat = self._simulator.account
        for index, bar in islice(rows, self._course.begin):
            self._fed = self._course.feed_larger(self._fed, index)
            on_close(bar, flat)

    def _outlook(self, index: int) -> tuple[Account, int]:
        """The account, and the next candle from that one on with more to do than to be decided on.

        Whatever costs time is worked out here, and holds until something happens.
        """
        course, due = self._course, [self._first_loud(index)]
        if self._fed < len(course.due):
            due.append(int(course.due[self._fed]))
        if self._watch is not None:
            due.append(self._told + self._step)
        if self._simulator.due_at is not None:
            moment = self._simulator.due_at.astimezone(UTC).replace(tzinfo=None)
            due.append(int(np.searchsorted(course.bars.opened_at, np.datetime64(moment, "us"))))
        return self._simulator.account, min(due)

    def _first_loud(self, index: int) -> int:
        """The first candle from that one on whose prices reach anything, or where to look again."""
        (below, above), bars = self._simulator.quiet, self._course.bars
        if below >= above:
            return index
        if below == -inf and above == inf:
            return len(bars)
        ahead = slice(index, index + LOOKED_AHEAD)
        is_loud = (bars.lows[ahead] <= below) | (bars.highs[ahead] >= above)
        return index + int(is_loud.argmax()) if is_loud.any() else ahead.stop

    def _attend(self, index: int, bar: Bar) -> None:
        """Whatever is due at a candle before the algorithm decides at its close."""
        self._fed = self._course.feed_larger(self._fed, index)
        if self._watch is not None and index >= self._told + self._step:
            self._told = index
            self._watch(index / len(self._course.bars))
        self._simulator.meet(bar)
        self._curve.note(index - self._course.begin, self._purse.balance, self._simulator.holding)

    def _wish(self, intents: Sequence[Intent], bar: Bar) -> None:
        """What the algorithm wants goes to the next open; an exit of nothing is none."""
        held = self._simulator.holding
        for intent in intents:
            is_entry = intent.move is Move.ENTER
            if is_entry or (held is not None and intent.position_side is held.position_side):
                self._simulator.at_next_open(wish_of(intent, price=exact(bar.close)))
