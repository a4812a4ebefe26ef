"""The program of a process that runs one algorithm: `python -m app.own_algorithms.child PIPE FILE`.

It has no database, no settings and no secret. It ends with the server, or when it is killed because
the algorithm gave no answer in time.
"""

import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, Final

from app.algorithms import writing  # noqa: F401 every file imports it: not on the file's time
from app.algorithms.algorithm import Algorithm, Definition, Farsighted
from app.algorithms.bars import Bar
from app.algorithms.intents import Account
from app.core.errors import AppError
from app.own_algorithms.checking import Decision, decided
from app.own_algorithms.faults import cause_of
from app.own_algorithms.loading import Facts, facts_of, loaded, warm_up_of
from app.own_algorithms.messages import READY, Broke, Given, Refused

# What guards positions goes first.
NICENESS: Final = 5
MEMORY_BYTES: Final = 2 * 2**30


class Stage:
    """Answers what the server asks about one file; each method is a question."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._definition: Definition[Any] | None = None
        self._running: list[Algorithm] = []

    def load(self) -> Facts:
        """Run the file."""
        self._definition = loaded(self._path)
        return facts_of(self._definition)

    def check(self, settings: Mapping[str, Any]) -> None:
        """See whether the algorithm takes these parameters."""
        self._loaded.validated(settings)

    def warm_up(self, settings: Mapping[str, Any]) -> int:
        """How many candles it has to have seen."""
        return warm_up_of(self._loaded, self._loaded.validated(settings))

    def build(self, settings: Mapping[str, Any]) -> int:
        """Make one; the answer is its number."""
        self._running.append(self._loaded.build(self._loaded.validated(settings)))
        return len(self._running) - 1

    def on_close(self, number: int, bar: Bar, account: Account) -> Decision:
        """Feed a base candle to one."""
        return decided(self._running[number], bar, account)

    def on_larger(self, number: int, bar: Bar) -> None:
        """Feed a larger candle to one."""
        algorithm = self._running[number]
        if isinstance(algorithm, Farsighted):
            algorithm.on_larger(bar)

    @property
    def _loaded(self) -> Definition[Any]:
        assert self._definition is not None  # noqa: S101 `load` is the first question
        return self._definition


def answer(stage: Stage, path: Path, question: str, *arguments: Any) -> Given | Refused | Broke:
    """What the stage says, or why it says nothing."""
    try:
        return Given(getattr(stage, question)(*arguments))
    except AppError as refusal:
        return Refused(str(refusal.code), str(refusal.detail))
    except BaseException as failure:  # noqa: BLE001 an algorithm may raise anything, or call exit()
        return Broke(cause_of(failure, path))


def main() -> None:
    """Answer until nobody asks any more."""
    pipe, path = Connection(int(sys.argv[1])), Path(sys.argv[2])
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    Thread(target=_end_with_the_server, daemon=True).start()
    stage = Stage(path)
    # A pipe that is closed is how the server says goodbye, whether it wanted to or not.
    with suppress(EOFError, ConnectionError):
        pipe.send(READY)
        while True:
            pipe.send(answer(stage, path, *pipe.recv()))


def _end_with_the_server() -> None:
    """The server holds the other end of the standard input: it closes when the server dies.

    The main thread would not notice while an algorithm keeps it.
    """
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


if __name__ == "__main__":
    main()
