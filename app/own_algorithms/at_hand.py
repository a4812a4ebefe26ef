"""An algorithm of one's own in a process that somebody ends when it does not come back.

There is no pipe between it and whoever asks: a backtest feeds it at its full speed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.algorithms.algorithm import Algorithm, Definition, Farsighted, Source
from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent
from app.core.errors import Conflict
from app.own_algorithms.checking import checked
from app.own_algorithms.loading import loaded, warm_up_of
from app.trading.words import PositionSide


def at_hand(source: Source) -> Definition[Any]:
    """Run a file and take its algorithm, whose answers are checked before they are believed.

    Raises:
        Conflict: `algorithm_changed`: the file is not what it was.
        Exception: as `loaded`.
    """
    definition = loaded(source.path)
    if definition.source != source:
        raise Conflict(
            f"{source.path.name} has changed since this was asked for: ask for it again.",
            code="algorithm_changed",
        )
    return replace(
        definition,
        build=lambda chosen: Checked(definition.build(chosen)),
        warm_up=lambda chosen: warm_up_of(definition, chosen),
    )


class Checked:
    """An algorithm whose intents are looked at; it raises what `checked` and the file itself do."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._on_close = algorithm.on_close

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Ask it."""
        intents = self._on_close(bar, account)
        return checked(intents, bar) if intents else ()

    def on_larger(self, bar: Bar) -> None:
        """Tell it, if it looks at larger timeframes."""
        if isinstance(self._algorithm, Farsighted):
            self._algorithm.on_larger(bar)

    @property
    def lines(self) -> Mapping[str, float | None]:
        """As it says."""
        return self._algorithm.lines

    @property
    def outlook(self) -> PositionSide | None:
        """As it says."""
        return self._algorithm.outlook
