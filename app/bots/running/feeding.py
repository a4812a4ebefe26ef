"""Algorithms run beside the event loop, for a limited time: what never ends hurts itself alone."""

import asyncio
import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from threading import Thread
from typing import Any, Final, TypeVar

from loguru import logger

from app.algorithms.bars import Bar
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Intent, Move
from app.core.errors import AppError, Invalid
from app.trading.words import PositionSide

Result = TypeVar("Result")

# For a page of candles. One takes microseconds, and a machine that is starved breaks no algorithm.
PATIENCE_SECONDS: Final = 30.0
# Of what an algorithm said when it broke.
MOST_WORDS: Final = 200


class AlgorithmBroke(Invalid):
    """The algorithm raised something, or gave no answer in time."""

    code = "algorithm_broke"


class _Interrupted(BaseException):
    """Raised inside an algorithm that has had its time."""


def fed(
    feed: Feed, bars: Sequence[Bar], account: Account, *, base: timedelta
) -> list[tuple[Bar, tuple[Intent, ...]]]:
    """Each base candle, with what the algorithm wants at its close.

    Args:
        feed: the algorithm.
        bars: in closing order.
        account: what it is told.
        base: length of the base candles.

    Raises:
        TypeError: it answered with something that is no intent.
    """
    found = []
    for bar in bars:
        intents = feed.close(bar, account)
        if bar.length == base:
            found.append((bar, tuple(map(_checked, intents))))
    return found


def _checked(intent: object) -> Intent:
    """Whoever writes an algorithm need not use a type checker."""
    if not isinstance(intent, Intent):
        raise TypeError(f"{type(intent).__name__} is no Intent")
    numbers = (intent.quantity, intent.limit_price, intent.stop_loss, intent.take_profit)
    if not all(one is None or isinstance(one, Decimal) for one in numbers):
        raise TypeError("numbers of an Intent are Decimals")
    words = (("move", Move), ("position_side", PositionSide), ("reason", str))
    if not all(isinstance(getattr(intent, name), kind) for name, kind in words):
        raise TypeError("an Intent has a Move, a PositionSide and a reason")
    return intent


async def in_time(work: Callable[[], Result], *, seconds: float = PATIENCE_SECONDS) -> Result:
    """Run what calls an algorithm in a thread of its own.

    A thread cannot be killed. It is interrupted where it runs Python, and it keeps nobody from
    ending the process; code that loops in C would go on beside everything else.

    Args:
        work: feeds it.
        seconds: how long it may take.

    Raises:
        AlgorithmBroke: it raised, or took longer: `algorithm_never_ends`.
        AppError: as raised by the feed.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Callable[[], Result]] = loop.create_future()

    def settle(answer: Callable[[], Result]) -> None:
        if not outcome.done():
            outcome.set_result(answer)

    def run() -> None:
        # The loop may have been closed by the time that a lame one comes back.
        with suppress(RuntimeError, _Interrupted):
            loop.call_soon_threadsafe(settle, _answer_of(work))

    thread = Thread(target=run, name="algorithm", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(seconds):
            answer = await outcome
    except TimeoutError:
        raise AlgorithmBroke(
            f"The algorithm gave no answer within {seconds:g} s.", code="algorithm_never_ends"
        ) from None
    finally:
        # Its time is up, or nobody waits for it any more.
        if outcome.cancelled():
            _interrupt(thread)
    return answer()


def _answer_of(work: Callable[[], Result]) -> Callable[[], Result]:
    """What the waiting side calls: gives the result, or raises what was raised."""
    try:
        result = work()
    except AppError as refusal:
        return _raising(refusal)
    except _Interrupted:
        raise
    except BaseException as failure:  # noqa: BLE001 whatever it is, it is the algorithm's own
        logger.opt(exception=failure).warning("algorithm.broke")
        words = f"{type(failure).__name__}: {failure}"[:MOST_WORDS]
        return _raising(AlgorithmBroke(f"The algorithm raised {words}"))
    return lambda: result


def _raising(failure: AppError) -> Callable[[], Any]:
    def answer() -> Any:
        raise failure

    return answer


def _interrupt(thread: Thread) -> None:
    """Raise something in a thread, at the next step of Python that it takes."""
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_Interrupted)
        )
