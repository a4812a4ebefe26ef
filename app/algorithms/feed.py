"""The one way to run an algorithm, for bots, backtests and charts alike."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.algorithms.algorithm import Definition, Farsighted
from app.algorithms.bars import Bar, closing_order
from app.algorithms.intents import Account, Intent
from app.core.errors import Invalid


def refuse_unfit(definition: Definition[Any], base: timedelta) -> None:
    """See that an algorithm can decide on candles of that length.

    Raises:
        Invalid: `bad_timeframe` when the base is longer than one of the larger timeframes, or does
            not fit into it.
    """
    if base <= timedelta(0) or any(length % base for length in definition.larger):
        raise Invalid(
            f"{definition.name} looks at {', '.join(map(str, definition.larger))} as well: "
            f"candles of {base} do not fit into them",
            code="bad_timeframe",
        )


class Feed:
    """Hands closed candles to one algorithm and sees to it that none comes too early or too late.

    Args:
        definition: which algorithm.
        settings: its parameters as they were stored or sent.
        base: length of the timeframe that it decides on; the candles of `timeframes` are due.

    Raises:
        Invalid: `bad_parameters`; `bad_timeframe` as `refuse_unfit`.
    """

    def __init__(
        self, definition: Definition[Any], settings: Mapping[str, Any], base: timedelta
    ) -> None:
        refuse_unfit(definition, base)
        self.algorithm = definition.build(definition.validated(settings))
        self.timeframes = frozenset({base, *definition.larger})
        self._base = base
        self._larger = frozenset(definition.larger)
        self._last: Bar | None = None

    def close(self, bar: Bar, account: Account) -> tuple[Intent, ...]:
        """Take the next candle that has closed, and say what the algorithm wants.

        Args:
            bar: of one of `timeframes`, in closing order: of those that close together the longest
                first, because the base candle decides by them.
            account: the money at that moment.

        Returns:
            Exits before entries; nothing at the close of a larger candle.

        Raises:
            Invalid: `bad_timeframe`, or `out_of_order` for a candle that comes twice, late, or
                after one that closed at the same moment and is shorter; nothing has changed then.
        """
        if bar.length not in self.timeframes:
            raise Invalid(f"no candles of {bar.length} are due", code="bad_timeframe")
        if self._last is not None and closing_order(bar) <= closing_order(self._last):
            raise Invalid(
                f"the candle of {bar.length} that closed at {bar.closed_at:%Y-%m-%d %H:%M} comes "
                f"after one of {self._last.length} that closed at "
                f"{self._last.closed_at:%Y-%m-%d %H:%M}",
                code="out_of_order",
            )
        self._last = bar
        if bar.length in self._larger and isinstance(self.algorithm, Farsighted):
            self.algorithm.on_larger(bar)
        return tuple(self.algorithm.on_close(bar, account)) if bar.length == self._base else ()
