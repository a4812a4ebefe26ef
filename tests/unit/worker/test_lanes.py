import asyncio
from uuid import UUID

from app.core.errors import Conflict
from app.exchanges.priority import Priority, priority_here
from app.worker.lanes import Lane, Lanes, Step

BITCOIN: Lane = (UUID(int=1), "BTC/USDT")
ETHER: Lane = (UUID(int=1), "ETH/USDT")


class Workshop:
    """Lanes whose first step in the bitcoin lane is at work until it is let go."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.done: list[str] = []
        self.gate = asyncio.Event()

    async def hold(self) -> None:
        self.lanes.put(BITCOIN, "first", self._wait)
        await asyncio.sleep(0)

    async def _wait(self) -> None:
        await self.gate.wait()

    def noting(self, name: str) -> Step:
        async def step() -> None:
            self.done.append(name)

        return step

    async def let_go(self) -> None:
        self.gate.set()
        await self.lanes.idle()


async def test_an_urgent_step_goes_before_everything_that_waits() -> None:
    shop = Workshop()
    await shop.hold()
    for name in ("entry", "another entry"):
        shop.lanes.put(BITCOIN, name, shop.noting(name))

    shop.lanes.put(BITCOIN, "exit", shop.noting("exit"), is_urgent=True)
    await shop.let_go()

    assert shop.done == ["exit", "entry", "another entry"]


async def test_steps_of_another_lane_wait_for_nobody() -> None:
    shop = Workshop()
    await shop.hold()

    shop.lanes.put(ETHER, "other", shop.noting("other"))
    await asyncio.sleep(0)

    assert shop.done == ["other"]
    await shop.let_go()


async def test_a_step_that_waits_already_is_not_queued_again() -> None:
    shop = Workshop()
    await shop.hold()

    for _ in range(3):
        shop.lanes.put(BITCOIN, "order", shop.noting("order"))
    assert shop.lanes.length == 1
    await shop.let_go()

    assert shop.done == ["order"]


async def test_requests_of_an_urgent_step_are_urgent_and_no_others() -> None:
    lanes, seen = Lanes(), []

    async def look() -> None:
        seen.append(priority_here(Priority.TRADE))

    lanes.put(BITCOIN, "exit", look, is_urgent=True)
    lanes.put(BITCOIN, "entry", look)
    await lanes.idle()

    assert seen == [Priority.PROTECT, Priority.TRADE]


async def test_a_step_that_fails_keeps_no_other_waiting() -> None:
    shop = Workshop()

    async def refused() -> None:
        raise Conflict("It is closed.")

    async def broken() -> None:
        raise ZeroDivisionError

    shop.lanes.put(BITCOIN, "refused", refused)
    shop.lanes.put(BITCOIN, "broken", broken)
    shop.lanes.put(BITCOIN, "good", shop.noting("good"))
    await shop.lanes.idle()

    assert shop.done == ["good"]


async def test_at_the_end_what_runs_is_finished_and_what_waits_is_dropped() -> None:
    shop = Workshop()
    await shop.hold()
    shop.lanes.put(BITCOIN, "waiting", shop.noting("waiting"))

    ending = asyncio.create_task(shop.lanes.stop(5))
    await asyncio.sleep(0)
    shop.gate.set()
    await ending
    shop.lanes.put(BITCOIN, "late", shop.noting("late"))

    assert not shop.lanes.is_busy
    assert shop.done == []
