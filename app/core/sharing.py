"""Calls that come while one is under way share the next: one trip to the database for many."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from app.core.errors import Unavailable

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST_WAITING: Final = 2_048
MOST_AT_ONCE: Final = 256
# So many go together whoever else waits.
FEW: Final = 16
# TradingView hangs up after three seconds.
PATIENCE_SECONDS: Final = 2.4


class Shared(Generic[Asked, Answered]):
    """Answers one by one what is asked for together.

    The first call goes at once; what comes while it runs waits for the next one. A few go
    together; of a crowd, half of those who take part: while one half is under way, the other is
    answered and comes again. So a single caller waits for nobody, a crowd costs hardly more than
    one, and neither the database nor the event loop waits for the other.

    Args:
        together: answers several at once, in their order. An answer that is an exception is raised
            to its caller alone; one that is raised, to all of them.
        most_waiting: one more is refused at once instead of waiting too long.
        patience_seconds: how long anybody waits at most.
        most_at_once: how many one call of `together` may be given.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Asked]], Awaitable[Sequence[Answered | Exception]]],
        *,
        most_waiting: int = MOST_WAITING,
        patience_seconds: float = PATIENCE_SECONDS,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._together = together
        self._most_waiting = most_waiting
        self._patience_seconds = patience_seconds
        self._most_at_once = most_at_once
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        # In the order in which they came, so the first is the first whose patience ends.
        self._deadlines: deque[tuple[float, asyncio.Future[Answered]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._runner: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait for the next call."""
        return len(self._waiting)

    async def ask(self, one: Asked) -> Answered:
        """The answer to one. A caller that gives up takes nothing back: it is asked all the same.

        Raises:
            Unavailable: `busy` when too many wait already, `slow` when it took too long.
        """
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable("Too much is waiting here already; send it again.", code="busy")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        self._waiting.append((one, future))
        self._deadlines.append((loop.time() + self._patience_seconds, future))
        if self._timer is None:
            self._timer = loop.call_later(self._patience_seconds, self._give_up)
        if self._runner is None:
            self._runner = loop.create_task(self._run(), name="shared call")
        return await future

    def _give_up(self) -> None:
        """Refuse those whose patience has ended; one timer serves all who wait."""
        loop, self._timer = asyncio.get_running_loop(), None
        while self._deadlines:
            deadline, future = self._deadlines[0]
            if not future.done():
                if deadline > loop.time():
                    self._timer = loop.call_at(deadline, self._give_up)
                    return
                refusal = Unavailable("The database takes too long; send it again.", code="slow")
                future.set_exception(refusal)
            self._deadlines.popleft()

    async def lull(self, at_most_seconds: float) -> None:
        """Wait until nothing is under way or waits, but not for longer than that."""
        if self._runner is not None:
            await asyncio.wait([self._runner], timeout=at_most_seconds)

    async def _run(self) -> None:
        try:
            # Whoever comes in the same turn of the loop comes along.
            await asyncio.sleep(0)
            batch: list[tuple[Asked, asyncio.Future[Answered]]] = []
            while self._waiting:
                half = (len(self._waiting) + len(batch) + 1) // 2
                batch = self._waiting[: min(max(half, FEW), self._most_at_once)]
                del self._waiting[: len(batch)]
                await self._answer(batch)
        finally:
            self._runner = None

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        answers: Sequence[Answered | Exception]
        try:
            answers = await self._together([one for one, _ in batch])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                for _, future in batch:
                    future.cancel()
                raise
            # Nobody ended us: a future of the driver's own was cut off.
            answers = [Unavailable("It was cut off; send it again.", code="slow")] * len(batch)
        except Exception as failed:  # noqa: BLE001 each caller hears of it
            answers = [failed] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue  # its caller gave up
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
