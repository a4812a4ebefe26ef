import asyncio
from collections.abc import Sequence

import pytest

from app.core.errors import Conflict, Unavailable
from app.core.sharing import FEW, Shared


class Doubler:
    """Doubles numbers when it is let; remembers what it was given together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may_go = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.calls.append(list(numbers))
        await self.may_go.wait()
        if 13 in numbers:
            raise OSError("thirteen")
        return [Conflict("odd") if number % 2 else number * 2 for number in numbers]


async def soon() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_ask_when_one_is_under_way_then_the_others_share_the_next() -> None:
    doubler = Doubler()
    shared: Shared[int, int] = Shared(doubler)
    asked = [asyncio.create_task(shared.ask(number)) for number in (2, 4, 6)]
    await soon()
    late = asyncio.create_task(shared.ask(8))
    await soon()
    waiting = shared.waiting
    doubler.may_go.set()

    answers = await asyncio.gather(*asked, late)

    assert (answers, doubler.calls, waiting) == ([4, 8, 12, 16], [[2, 4, 6], [8]], 1)


async def test_ask_when_a_crowd_comes_again_and_again_then_its_halves_take_turns() -> None:
    doubler = Doubler()
    doubler.may_go.set()
    shared: Shared[int, int] = Shared(doubler)

    async def ask(number: int) -> None:
        for _ in range(5):
            await shared.ask(number)

    await asyncio.gather(*(ask(2 * number) for number in range(100)))

    assert {len(call) for call in doubler.calls} == {50}


async def test_ask_when_a_few_come_at_once_then_they_all_go_together() -> None:
    doubler = Doubler()
    doubler.may_go.set()
    shared: Shared[int, int] = Shared(doubler)

    await asyncio.gather(*(shared.ask(2 * number) for number in range(FEW)))

    assert len(doubler.calls) == 1


async def test_ask_when_one_answer_is_an_error_then_only_its_caller_hears_it() -> None:
    doubler = Doubler()
    doubler.may_go.set()
    shared: Shared[int, int] = Shared(doubler)

    answers = await asyncio.gather(shared.ask(2), shared.ask(3), return_exceptions=True)

    assert answers[0] == 4
    assert isinstance(answers[1], Conflict)


async def test_ask_when_the_call_fails_then_all_of_it_hear_and_the_next_is_served() -> None:
    doubler = Doubler()
    doubler.may_go.set()
    shared: Shared[int, int] = Shared(doubler)

    failed = await asyncio.gather(shared.ask(13), shared.ask(2), return_exceptions=True)

    assert [type(one) for one in failed] == [OSError, OSError]
    assert await shared.ask(2) == 4


async def test_ask_when_a_caller_gives_up_then_it_is_asked_all_the_same() -> None:
    doubler = Doubler()
    shared: Shared[int, int] = Shared(doubler)
    first, second = (asyncio.create_task(shared.ask(number)) for number in (2, 4))
    await soon()

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    doubler.may_go.set()

    assert (await second, doubler.calls) == (8, [[2, 4]])


async def test_ask_when_too_many_wait_then_refuses_at_once() -> None:
    doubler = Doubler()
    shared: Shared[int, int] = Shared(doubler, most_waiting=2)
    asked = [asyncio.create_task(shared.ask(2))]
    await soon()
    asked += [asyncio.create_task(shared.ask(4)) for _ in range(2)]
    await soon()

    with pytest.raises(Unavailable, match="waiting"):
        await shared.ask(6)

    doubler.may_go.set()
    assert await asyncio.gather(*asked) == [4, 8, 8]


async def test_ask_when_it_takes_too_long_then_refuses_and_the_next_is_served() -> None:
    doubler = Doubler()
    shared: Shared[int, int] = Shared(doubler, patience_seconds=0.01)

    with pytest.raises(Unavailable, match="too long"):
        await shared.ask(2)

    doubler.may_go.set()
    assert await shared.ask(4) == 8


async def test_ask_when_the_call_is_cut_off_by_its_driver_then_its_callers_hear_of_it() -> None:
    async def cut_off(_: Sequence[int]) -> Sequence[int]:
        raise asyncio.CancelledError

    with pytest.raises(Unavailable, match="cut off"):
        await Shared(cut_off).ask(2)


async def test_ask_when_many_wait_then_each_call_takes_only_so_many() -> None:
    doubler = Doubler()
    doubler.may_go.set()
    shared: Shared[int, int] = Shared(doubler, most_at_once=2)

    await asyncio.gather(*(shared.ask(number) for number in (2, 4, 6, 8, 10)))

    assert doubler.calls == [[2, 4], [6, 8], [10]]


async def test_lull_when_nothing_is_under_way_then_returns_at_once() -> None:
    shared: Shared[int, int] = Shared(Doubler())

    await asyncio.wait_for(shared.lull(60), timeout=1)


async def test_lull_when_a_call_is_under_way_then_waits_for_its_end() -> None:
    doubler = Doubler()
    shared: Shared[int, int] = Shared(doubler)
    asked = asyncio.create_task(shared.ask(2))
    await soon()
    lull = asyncio.create_task(shared.lull(60))
    await soon()
    was_waiting = not lull.done()

    doubler.may_go.set()
    await asyncio.gather(asked, lull)

    assert was_waiting
