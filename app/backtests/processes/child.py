"""The program of a process that runs backtests: `python -m app.backtests.processes.child`.

It imports the engine and the algorithms and nothing of the server: it has no database, no settings
and no secret. It ends with the server.
"""

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, BinaryIO, Final

import numpy as np

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bars
from app.algorithms.registry import SHIPPED
from app.backtests.engine.run import run
from app.backtests.processes.frames import framed, read
from app.backtests.processes.messages import Answer, Case, Ground, Progress, Ran, Refused
from app.backtests.processes.recording import figures_of, parts_of, refusals_of
from app.core.errors import AppError

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
            _say(answers, answer(known[ground.algorithm], ground, case, _teller(answers)))


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
    except AppError as refusal:
        return Refused(case.number, refusal.code, refusal.detail)
    except BrokenPipeError:
        raise
    except Exception as broken:  # noqa: BLE001 an algorithm may raise anything
        traceback.print_exc()
        said = f"{ground.algorithm} raised {type(broken).__name__}: {broken}"[:LONGEST_WORDS]
        # No database keeps every character that an error may be made of.
        told = "".join(one if one.isprintable() else " " for one in said)
        return Refused(case.number, "algorithm_failed", told)


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
