"""The next thing is made ready while the last one is dealt with, and fails when its turn comes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from app.core.ahead import one_ahead


class Kitchen:
    """Makes dishes, and remembers what was made and whether it was closed."""

    def __init__(self, count: int, *, burns: int | None = None) -> None:
        self.count = count
        self.burns = burns
        self.made: list[int] = []
        self.is_closed = False

    async def dishes(self) -> AsyncGenerator[int]:
        try:
            for number in range(self.count):
                if number == self.burns:
                    raise ValueError(number)
                await asyncio.sleep(0)
                self.made.append(number)
                yield number
        finally:
            self.is_closed = True


async def test_the_next_one_is_made_while_the_caller_waits() -> None:
    kitchen = Kitchen(3)
    made_by_then = []

    async for dish in one_ahead(kitchen.dishes()):
        await asyncio.sleep(0.01)
        made_by_then.append((dish, len(kitchen.made)))

    assert made_by_then == [(0, 2), (1, 3), (2, 3)]
    assert kitchen.is_closed


async def test_a_failure_is_heard_after_all_that_came_before_it() -> None:
    served: list[int] = []

    async def serve() -> None:
        async for dish in one_ahead(Kitchen(9, burns=2).dishes()):
            await asyncio.sleep(0.01)
            served.append(dish)

    with pytest.raises(ValueError, match="2"):
        await serve()
    assert served == [0, 1]


async def test_who_has_enough_stops_what_is_being_made() -> None:
    kitchen = Kitchen(1000)

    async with aclosing(one_ahead(kitchen.dishes())) as dishes:
        async for dish in dishes:
            if dish == 1:
                break

    assert len(kitchen.made) <= 3
    assert kitchen.is_closed
