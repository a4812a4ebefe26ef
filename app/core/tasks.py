"""Tasks by a key, one of each at a time, forgotten when they end."""

import asyncio
from collections.abc import Coroutine, Hashable
from functools import partial
from typing import Any


class KeyedTasks:
    """What is under way, and for whom.

    A task has to deal with its own failures: what it raises is not heard.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, key: Hashable, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Begin one; nothing may be under way for that key."""
        task = asyncio.create_task(work, name=name)
        self._tasks[key] = task
        task.add_done_callback(partial(self._ended, key))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Cancel everything, and wait for its end."""
        for task in self._tasks.values():
            task.cancel()
        await self.idle()

    def _ended(self, key: Hashable, _: asyncio.Task[None]) -> None:
        del self._tasks[key]
