"""A process whose algorithms go wrong: run it as a program, like the real one.

`goes` does nothing, `dies` ends its process, `hangs` never comes back from its third candle,
`prints` talks without end.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent
from app.backtests.processes.child import main
from app.trading.words import PositionSide

THIRD = 3


class Bad:
    """Counts candles, and does something at the third."""

    def __init__(self, deed: Callable[[], None]) -> None:
        self._deed = deed
        self._count = 0

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        del bar, account
        self._count += 1
        if self._count == THIRD:
            self._deed()
        return ()

    @property
    def lines(self) -> Mapping[str, float | None]:
        return {}

    @property
    def outlook(self) -> PositionSide | None:
        return None


def go() -> None:
    """Nothing is wrong."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def hang() -> None:
    while True:
        time.sleep(1)


def talk() -> None:
    """More than a pipe holds, on the output that answers go through."""
    for _ in range(20_000):
        print("so many words")  # noqa: T201 that is what it does


def definitions() -> dict[str, Definition[Parameters]]:
    """By name."""
    deeds = {"goes": go, "dies": die, "leaves": leave, "hangs": hang, "prints": talk}
    return {name: definition_of(name, deed) for name, deed in deeds.items()}


def definition_of(name: str, deed: Callable[[], None]) -> Definition[Parameters]:
    return Definition(
        name, 1, "For tests.", Parameters, build=lambda _: Bad(deed), warm_up=lambda _: 1
    )


if __name__ == "__main__":
    main(definitions())
