"""What an algorithm is fed in a run, and when: no candle before it has closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.algorithms.algorithm import Algorithm, Definition, Farsighted
from app.algorithms.bars import Bar, Bars, Moments, in_closing_order
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Intent
from app.core.errors import Invalid


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """An algorithm with its candles.

    It is `Feed` for a million candles: the order is worked out once, by the same rule, and not
    looked at again with each of them.

    Attributes:
        bars: of the base timeframe.
        larger: candles of the larger timeframes, in closing order.
        due: for each of them the base candle before whose close it is known.
        begin: the first base candle whose intents count.
        is_own_larger: whether the base is one of the larger timeframes as well.
    """

    algorithm: Algorithm
    bars: Bars
    larger: Sequence[Bar]
    due: NDArray[np.intp]
    begin: int
    is_own_larger: bool

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Feed a base candle that is one of the larger timeframes as well."""
        if isinstance(self.algorithm, Farsighted):
            self.algorithm.on_larger(bar)
        return self.algorithm.on_close(bar, account)

    def feed_larger(self, since: int, index: int) -> int:
        """Feed the larger candles that are known before the close of a base candle.

        Args:
            since: how many have been fed.
            index: of the base candle.

        Returns:
            How many have been fed now.
        """
        while since < len(self.larger) and self.due[since] <= index:
            if isinstance(self.algorithm, Farsighted):
                self.algorithm.on_larger(self.larger[since])
            since += 1
        return since


def course_of(
    definition: Definition[Any],
    settings: Mapping[str, Any],
    bars: Bars,
    larger: Sequence[Bars],
) -> Course:
    """Make an algorithm, and find out when it is fed what.

    Args:
        definition: which algorithm.
        settings: its parameters.
        bars: base candles.
        larger: candles of the larger timeframes; those that close after the last base candle are
            not fed.

    Raises:
        Invalid: as `run`.
    """
    feed = Feed(definition, settings, bars.length)
    lengths = [bars.length, *(each.length for each in larger)]
    if sorted(lengths) != sorted(feed.timeframes):
        wanted = ", ".join(str(length) for length in sorted(feed.timeframes))
        raise Invalid(f"{definition.name} needs candles of {wanted}", code="bad_timeframe")
    begin = _begin(definition, settings, bars, larger)
    moments = np.sort(np.concatenate([closed(bars)[:0], *(closed(each) for each in larger)]))
    return Course(
        algorithm=feed.algorithm,
        bars=bars,
        larger=list(in_closing_order(*larger)),
        due=np.searchsorted(closed(bars), moments),
        begin=begin,
        is_own_larger=bars.length in definition.larger,
    )


def closed(bars: Bars) -> Moments:
    """When each candle closed."""
    moments: Moments = bars.opened_at + np.timedelta64(bars.length)
    return moments


def _begin(
    definition: Definition[Any], settings: Mapping[str, Any], bars: Bars, larger: Sequence[Bars]
) -> int:
    warm_up = definition.warm_up(definition.validated(settings))
    begin = warm_up
    for each in larger if warm_up else ():
        known = np.searchsorted(closed(bars), closed(each))
        is_enough = len(known) >= warm_up
        begin = max(begin, int(known[warm_up - 1]) if is_enough else len(bars))
    if begin >= len(bars):
        raise Invalid(
            f"{definition.name} is fed {warm_up} candles of each timeframe before it trades; "
            f"of these {len(bars)} of {bars.length} none would be left",
            code="too_few_candles",
        )
    return begin
