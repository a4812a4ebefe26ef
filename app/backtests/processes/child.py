"""The program of a process that runs backtests: `python -m app.backtests.processes.child`.

It imports the engine and the algorithms and nothing of the server: it has no database, no settings
and no secret. It ends with the server, or when nothing was heard of it for too long: so it runs
the operator's own algorithms itself, and no second process guards it from them.
"""

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import Any, BinaryIO, Final

import numpy as np

from app.algorithms import writing  # noqa: F401 every own algorithm imports it
from app.algorithms.algorithm import Definition, Source
from app.algorithms.bars import Bars
from app.algorithms.registry import SHIPPED
from app.backtests.engine.run import run
from app.backtests.processes.frames import framed, read
from app.backtests.processes.messages import Answer, Case, Ground, Progress, Ran, Refused
from app.backtests.processes.recording import figures_of, parts_of, refusals_of
from app.core.errors import AppError
from app.own_algorithms.at_hand import at_hand
from app.own_algorithms.faults import cause_of

# Trading goes first: this takes what is left of the processors.
NICENESS: Final = 10
# A million candles take a tenth of it; one that takes more must not take the server's.
MEMORY_BYTES: Final = 4 * 2**30
LOOK_SECONDS: Final = 1.0
LONGEST_WORDS: Final = 300


def main(known: Mapping[str, Definition[Any]] = SHIPPED) -> None:
    """Run what is asked for until nobody asks any more.

    Args:
        known: algorithms by their names.
    """
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    Thread(target=_end_with_the_server, args=(os.getppid(),), daemon=True).start()
    orders, answers = sys.stdin.buffer, _own_output()
    # A pipe that is closed is how the server says goodbye, whether it wanted to or not.
    with suppress(EOFError, BrokenPipeError):
        ground: Ground = read(orders)
        while True:
            case: Case = read(orders)
            _say(answers, _found_and_answered(known, ground, case, _teller(answers)))


def answer(
    definition: Definition[Any], ground: Ground, case: Case, watch: Callable[[float], None]
) -> Answer:
    """Run one case; whatever is wrong with it is said, and the next one may come."""
    try:
        warm_up = definition.warm_up(definition.validated(case.parameters))
        since = np.datetime64(ground.since.replace(tzinfo=None), "us")
        outcome = run(
            definition,
            case.parameters,
            trimmed(ground.bars, since, warm_up),
            instrument=ground.instrument,
            terms=ground.terms,
            means=ground.means,
            larger=[trimmed(each, since, warm_up) for each in ground.larger],
            funding=ground.funding,
            watch=watch,
        )
        parts = tuple(parts_of(outcome)) if case.is_recorded else ()
        return Ran(case.number, figures_of(outcome), refusals_of(outcome), parts)
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as broken:  # noqa: BLE001 an algorithm may raise anything
        return _refusal(broken, ground, case)


def trimmed(bars: Bars, since: np.datetime64, count: int) -> Bars:
    """The candles from `since` on, and as many before as the warm-up takes.

    Runs of different warm-ups begin to trade at the same moment by that, and each is fed what it
    would be fed alone.

    Args:
        bars: oldest first.
        since: UTC.
        count: how many that have closed by then stay; fewer where there are no more.
    """
    closed = int(np.searchsorted(bars.opened_at, since - np.timedelta64(bars.length), "right"))
    kept = slice(max(0, closed - count), None)
    return Bars(
        bars.length,
        bars.opened_at[kept],
        bars.opens[kept],
        bars.highs[kept],
        bars.lows[kept],
        bars.closes[kept],
        bars.volumes[kept],
    )


def _found_and_answered(
    known: Mapping[str, Definition[Any]],
    ground: Ground,
    case: Case,
    watch: Callable[[float], None],
) -> Answer:
    source = ground.source
    try:
        definition = known[ground.algorithm] if source is None else _read_once(source)
    except (Exception, SystemExit) as broken:  # noqa: BLE001 so may its file
        return _refusal(broken, ground, case)
    return answer(definition, ground, case, watch)


@cache
def _read_once(source: Source) -> Definition[Any]:
    """A process runs one algorithm, over hundreds of cases of a sweep."""
    return at_hand(source)


def _refusal(broken: BaseException, ground: Ground, case: Case) -> Refused:
    if isinstance(broken, AppError):
        return Refused(case.number, str(broken.code), _printable(str(broken.detail)))
    traceback.print_exception(broken)
    if ground.source is None:
        said = f"{ground.algorithm} raised {type(broken).__name__}: {broken}"[:LONGEST_WORDS]
        return Refused(case.number, "algorithm_failed", _printable(said))
    return Refused(
        case.number,
        "algorithm_failed",
        f"The algorithm {ground.algorithm} raised an error.",
        _printable(cause_of(broken, ground.source.path)),
    )


def _printable(said: str) -> str:
    """No database keeps every character that an error may be made of."""
    return "".join(one if one.isprintable() else " " for one in said)


def _end_with_the_server(server: int) -> None:
    """A server that was killed closes its pipe, but whoever is caught in a candle reads none."""
    while os.getppid() == server:
        time.sleep(LOOK_SECONDS)
    os._exit(0)


def _own_output() -> BinaryIO:
    """The pipe to the server, for us alone: what an algorithm prints goes to the other one."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _teller(answers: BinaryIO) -> Callable[[float], None]:
    return lambda fraction: _say(answers, Progress(fraction))


def _say(answers: BinaryIO, message: object) -> None:
    answers.write(framed(message))
    # The server waits for it.
    answers.flush()


if __name__ == "__main__":
    main()
