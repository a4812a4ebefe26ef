"""What a chart shows of an algorithm: its lines, and where it would have entered and left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bar, Bars, Moments, exact, in_closing_order, moments_of
from app.algorithms.feed import Feed
from app.algorithms.indicators.inputs import Series
from app.algorithms.intents import Account, Holding, Intent, Move
from app.core.decimals import EXACT
from app.core.errors import Invalid
from app.trading.words import PositionSide


@dataclass(frozen=True, slots=True)
class Mark:
    """An intent beside the candle that decided it; `price` is that candle's close."""

    opened_at: datetime
    price: float
    intent: Intent


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Lines and marks over base candles.

    Attributes:
        opened_at: of the base candles, oldest first.
        lines: one value a base candle, as the algorithm knew it when that candle closed; NaN before
            its first.
        marks: entries and exits in order.
        should_enter_long: whether the last candle speaks for a long: whoever is flat may enter.
        should_enter_short: likewise for a short.
    """

    opened_at: Moments
    lines: Mapping[str, Series]
    marks: tuple[Mark, ...]
    should_enter_long: bool
    should_enter_short: bool

    @property
    def moments(self) -> list[datetime]:
        """`opened_at`, aware."""
        return moments_of(self.opened_at)

    @property
    def entries(self) -> tuple[Mark, ...]:
        """The marks that enter."""
        return tuple(mark for mark in self.marks if mark.intent.move is Move.ENTER)


def chart(
    definition: Definition[Any],
    settings: Mapping[str, Any],
    bars: Bars,
    *,
    account: Account,
    larger: Sequence[Bars] = (),
) -> Chart:
    """Run an algorithm over candles as if each of its wishes came true at once.

    A market order is assumed filled at the close that decided it, an exit with a limit in the first
    later candle that reaches it. Stops, targets and slippage are left to backtests.

    Args:
        definition: which algorithm.
        settings: its parameters.
        bars: base candles.
        account: flat, with the capital to begin with.
        larger: candles of the larger timeframes, from `warm_up` of them before the first base one.

    Raises:
        Invalid: `bad_parameters`; `bad_timeframe` when a larger timeframe is missing or one too
            many; `too_few_candles` when a line has no value at the end.
    """
    feed = Feed(definition, settings, bars.length)
    if {bars.length, *(each.length for each in larger)} != feed.timeframes:
        wanted = ", ".join(str(length) for length in sorted(feed.timeframes))
        raise Invalid(f"{definition.name} needs candles of {wanted}", code="bad_timeframe")
    assumed = _Assumed(account)
    rows: list[Mapping[str, float | None]] = []
    marks: list[Mark] = []
    for bar in in_closing_order(*larger, bars):
        is_base = bar.length == bars.length
        if is_base:
            assumed.meet(bar)
        intents = feed.close(bar, assumed.account)
        if is_base:
            rows.append(feed.algorithm.lines)
            marks += [Mark(bar.opened_at, bar.close, intent) for intent in intents]
            assumed.take(intents, bar)
    outlook = feed.algorithm.outlook
    return Chart(
        opened_at=bars.opened_at,
        lines=_columns(definition.name, feed.algorithm.lines, rows),
        marks=tuple(marks),
        should_enter_long=outlook is PositionSide.LONG,
        should_enter_short=outlook is PositionSide.SHORT,
    )


class _Assumed:
    """An account on which everything is filled."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._resting: Decimal | None = None

    def meet(self, bar: Bar) -> None:
        """Fill the exit that rests, if the candle reaches it."""
        if self._resting is None or self.account.side is None:
            return
        is_long = self.account.side is PositionSide.LONG
        # As decimals: the float 117.6 lies a hair below 117.6.
        if exact(bar.high) >= self._resting if is_long else exact(bar.low) <= self._resting:
            self._hold(None)

    def take(self, intents: Sequence[Intent], bar: Bar) -> None:
        """Fill what was decided at this close, or let it rest."""
        for intent in intents:
            if intent.move is Move.ENTER:
                self._hold(self._bought(intent, exact(bar.close)))
            elif intent.limit_price is None:
                self._hold(None)
            else:
                self._resting = intent.limit_price

    def _bought(self, intent: Intent, price: Decimal) -> Holding:
        with localcontext(EXACT):
            quantity = intent.quantity
            if quantity is None:
                quantity = self.account.capital / price
            cost = quantity * price
            fee = cost * self.account.instrument.taker_fee_rate
        return Holding(intent.position_side, quantity, cost, fee)

    def _hold(self, holding: Holding | None) -> None:
        self.account = replace(self.account, holding=holding)
        self._resting = None


def _columns(
    name: str, last: Mapping[str, float | None], rows: Sequence[Mapping[str, float | None]]
) -> dict[str, Series]:
    missing = [line for line, value in last.items() if value is None]
    if missing:
        raise Invalid(
            f"{len(rows)} candles are too few: {name} has no {', '.join(missing)} yet",
            code="too_few_candles",
        )
    # numpy reads None as NaN when it is told the type.
    return {line: np.array([row.get(line) for row in rows], dtype=np.float64) for line in last}
