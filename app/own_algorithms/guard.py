"""The one guard: an algorithm runs in a process that is killed when it gives no answer in time."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from loguru import logger
from pydantic import ConfigDict, model_validator

import app
from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent
from app.core.errors import Invalid
from app.own_algorithms.checking import Decision
from app.own_algorithms.faults import STUCK, AlgorithmFault
from app.own_algorithms.loading import Facts
from app.own_algorithms.messages import READY, Broke, Given, Refused
from app.trading.words import PositionSide

COMMAND: Final = (sys.executable, "-P", "-m", "app.own_algorithms.child")
# Nothing of the server's own environment: its secrets may stand there.
ENVIRONMENT: Final = {
    "PYTHONPATH": str(Path(app.__file__).resolve().parents[1]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for an algorithm.

    Attributes:
        answer_seconds: for one candle.
        load_seconds: for its file to be run.
        altogether_seconds: for all that it is asked, its file apart; None has no limit.
        start_seconds: for the process, before it has seen the file: that is our own time.
    """

    answer_seconds: float = 2.0
    load_seconds: float = 5.0
    altogether_seconds: float | None = 20.0
    start_seconds: float = 30.0


# For what somebody waits for, and for what runs on and on.
BRIEF: Final = Patience()
LASTING: Final = Patience(altogether_seconds=None)


class Guarded:
    """A process with one algorithm. Everything here waits: call it beside the event loop.

    Args:
        path: of the file; found by us, never in a request.
        patience: when it is ended.
    """

    def __init__(self, path: Path, patience: Patience) -> None:
        self._path = path
        self._patience = patience
        self._asking = Lock()
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._spent_seconds = 0.0
        self._fault: AlgorithmFault | None = None
        self._left_alone = AlgorithmFault(f"The algorithm {path.stem} was asked and not heard out.")
        self._is_ended = False

    def start(self) -> Facts:
        """Start the process, and run the file in it.

        Raises:
            AlgorithmFault: the file raised something, or did not come to its end.
            Invalid: `algorithm_unfit`.
        """
        with self._asking:
            self._spawn()
            ready = self._answer(self._patience.start_seconds)
        if ready != READY:
            raise self._failed("was not begun: its process did not start")
        facts: Facts = self._ask(self._patience.load_seconds, "load")
        return facts

    def definition(self, facts: Facts) -> Definition[Any]:
        """The algorithm as everybody else is one: each question goes to the process.

        Its `validated`, `warm_up` and `build`, and all that `build` makes, raise what `ask` does.
        """
        guarded = self

        class Asked(Parameters):
            """Parameters as they were sent: the process alone knows what they may be."""

            model_config = ConfigDict(extra="allow", frozen=True)

            @model_validator(mode="after")
            def _checked(self) -> Self:
                guarded.ask("check", self.model_extra)
                return self

        return Definition(
            name=self._path.stem,
            version=facts.version,
            summary=facts.summary,
            parameters=Asked,
            build=lambda chosen: Remote(guarded, guarded.ask("build", chosen.model_extra)),
            warm_up=lambda chosen: int(guarded.ask("warm_up", chosen.model_extra)),
            larger=facts.larger,
            source=facts.source,
        )

    def ask(self, question: str, *arguments: Any) -> Any:
        """What the algorithm says.

        Raises:
            AlgorithmFault: it raised something; `algorithm_stuck` when it gave no answer in time:
                its process is killed, and whatever it is asked from then on is answered so.
            Invalid: our own refusal of bad parameters, for example.
        """
        seconds = self._patience.answer_seconds
        if self._patience.altogether_seconds is not None:
            seconds = min(seconds, self._patience.altogether_seconds - self._spent_seconds)
        started = time.monotonic()
        try:
            return self._ask(seconds, question, *arguments)
        finally:
            self._spent_seconds += time.monotonic() - started

    def end(self) -> None:
        """End the process at once, whatever it is at."""
        self._is_ended = True
        if self._process is not None:
            self._process.kill()
        # Who waits for an answer sees the end of the pipe now, and lets go.
        with self._asking:
            if self._process is not None:
                self._kill(self._process)
            if self._pipe is not None:
                self._pipe.close()

    def _spawn(self) -> None:
        self._pipe, far = Pipe()
        with far:
            try:
                self._process = self._popen(far.fileno())
            except OSError as failure:
                why = f"was not begun: no process could be started ({failure.strerror})"
                raise self._failed(why) from None
        if self._is_ended:
            self._kill(self._process)

    def _popen(self, pipe: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 our own program; the path is of the operator's folder
            [*COMMAND, str(pipe), str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[pipe],
            env=ENVIRONMENT,
            # Ctrl-C is for the server, which ends it in order.
            start_new_session=True,
        )

    def _ask(self, seconds: float, question: str, *arguments: Any) -> Any:
        with self._asking:
            if self._fault is not None:
                raise self._fault
            # Whoever is interrupted while waiting leaves an answer in the pipe that is nobody's.
            self._fault = self._left_alone
            self._send((question, *arguments))
            reply = self._answer(max(seconds, 0.0))
            self._fault = None
        match reply:
            case Given():
                return reply.value
            case Refused():
                raise Invalid(reply.detail, code=reply.code)
            case Broke():
                raise self._failed("raised an error", reply.cause)
            case _:
                raise self._failed("said what nobody understands")

    def _send(self, message: tuple[Any, ...]) -> None:
        assert self._pipe is not None  # noqa: S101 `start` comes first
        try:
            self._pipe.send(message)
        except OSError:
            raise self._gone() from None

    def _answer(self, seconds: float) -> Any:
        assert self._pipe is not None  # noqa: S101 `start` comes first
        try:
            if self._pipe.poll(seconds):
                return self._pipe.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        self._fault = self._failed("gave no answer in time", code=STUCK)
        if self._process is not None:
            self._kill(self._process)
        raise self._fault

    def _gone(self) -> AlgorithmFault:
        self._fault = self._failed("ended its own process, or took too much memory")
        return self._fault

    def _failed(self, what: str, cause: str = "", *, code: str | None = None) -> AlgorithmFault:
        name = self._path.stem
        fault = AlgorithmFault(f"The algorithm {name} {what}.", code=code, cause=cause)
        if not self._is_ended:
            logger.bind(file=self._path.name, code=fault.code, cause=cause).warning(
                "algorithm.failed"
            )
        return fault

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


class Remote:
    """An algorithm whose object is in another process: what it says comes with each answer."""

    def __init__(self, guarded: Guarded, number: int) -> None:
        self._guarded = guarded
        self._number = number
        self.lines: Mapping[str, float | None] = {}
        self.outlook: PositionSide | None = None

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Ask it.

        Raises:
            AlgorithmFault: as `Guarded.ask`.
        """
        decision: Decision = self._guarded.ask("on_close", self._number, bar, account)
        intents, self.lines, self.outlook = decision
        return intents

    def on_larger(self, bar: Bar) -> None:
        """Tell it.

        Raises:
            AlgorithmFault: as `Guarded.ask`.
        """
        self._guarded.ask("on_larger", self._number, bar)
