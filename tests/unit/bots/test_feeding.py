"""Algorithms that break, hang or talk nonsense end nothing but themselves."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import active_count
from typing import Any, NoReturn

import pytest

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Intent, Move
from app.bots.running.feeding import AlgorithmBroke, fed, in_time
from app.core.errors import Invalid
from app.trading.words import PositionSide
from tests.fakes.market import an_instrument

# A thread has to run to hear that it is interrupted.
PATIENCE_SECONDS = 120
HOUR = timedelta(hours=1)
BARS = [
    Bar(datetime(2026, 3, 2, hour, tzinfo=UTC), HOUR, 1.0, 1.0, 1.0, 1.0, 0.0) for hour in range(3)
]
ACCOUNT = Account(an_instrument(), Decimal(1000))


class Says:
    """Answers every candle with the same."""

    def __init__(self, answer: Callable[[Bar], Sequence[Any]]) -> None:
        self._answer = answer
        self.lines: dict[str, float | None] = {}
        self.outlook = None

    def on_close(self, bar: Bar, account: Account) -> Sequence[Any]:
        del account
        return self._answer(bar)


def a_feed(answer: Callable[[Bar], Sequence[Any]]) -> Feed:
    made = Definition("says", 1, "Says it.", Parameters, lambda _: Says(answer), lambda _: 1)
    return Feed(made, {}, HOUR)


def feeding(answer: Callable[[Bar], Sequence[Any]]) -> Callable[[], list[Any]]:
    feed = a_feed(answer)
    return lambda: fed(feed, BARS, ACCOUNT, base=HOUR)


async def test_what_an_algorithm_wants_comes_with_its_candle() -> None:
    wish = Intent(Move.ENTER, PositionSide.LONG, "why", BARS[0].closed_at)

    found = await in_time(feeding(lambda bar: [wish] if bar is BARS[1] else []))

    assert found == [(BARS[0], ()), (BARS[1], (wish,)), (BARS[2], ())]


@pytest.mark.parametrize("failure", [ZeroDivisionError("1/0"), SystemExit(3), StopIteration()])
async def test_whatever_an_algorithm_raises_is_its_own_failure(failure: BaseException) -> None:
    def broken(_: Bar) -> NoReturn:
        raise failure

    with pytest.raises(AlgorithmBroke, match=type(failure).__name__):
        await in_time(feeding(broken))


async def test_what_it_refuses_itself_it_says_itself() -> None:
    def refuse(_: Bar) -> NoReturn:
        raise Invalid("not on this market", code="inverse_market")

    with pytest.raises(Invalid, match="not on this market") as refusal:
        await in_time(feeding(refuse))

    assert refusal.value.code == "inverse_market"


@pytest.mark.parametrize(
    "answer",
    [
        ["buy"],
        [None],
        7,
        [Intent(Move.ENTER, PositionSide.LONG, "why", BARS[0].closed_at, quantity=0.5)],  # type: ignore[arg-type]  # as somebody might
        [Intent("enter", PositionSide.LONG, "why", BARS[0].closed_at)],  # type: ignore[arg-type]  # likewise
        [Intent(Move.ENTER, PositionSide.LONG, None, BARS[0].closed_at)],  # type: ignore[arg-type]  # likewise
    ],
)
async def test_what_is_no_intent_is_a_broken_algorithm(answer: Any) -> None:
    with pytest.raises(AlgorithmBroke, match="TypeError"):
        await in_time(feeding(lambda _: answer))


async def test_one_that_never_ends_is_left_alone_and_then_interrupted() -> None:
    def spin(_: Bar) -> NoReturn:
        while True:
            pass

    before = active_count()
    others = asyncio.create_task(_ticks())
    with pytest.raises(AlgorithmBroke, match=r"within 0\.2 s") as refusal:
        await in_time(feeding(spin), seconds=0.2)
    assert refusal.value.code == "algorithm_never_ends"
    assert await others > 0

    async with asyncio.timeout(PATIENCE_SECONDS):
        while active_count() > before:  # noqa: ASYNC110 it ends in its own time
            await asyncio.sleep(0.01)


async def test_one_that_nobody_waits_for_any_more_is_interrupted() -> None:
    def spin(_: Bar) -> NoReturn:
        while True:
            pass

    before = active_count()
    task = asyncio.create_task(in_time(feeding(spin), seconds=60))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while active_count() > before:  # noqa: ASYNC110 it ends in its own time
            await asyncio.sleep(0.01)


async def _ticks() -> int:
    """How often others had their turn in a tenth of a second."""
    count, end = 0, time.monotonic() + 0.1
    while time.monotonic() < end:
        await asyncio.sleep(0.001)
        count += 1
    return count
