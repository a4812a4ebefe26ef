"""Queues of steps, one for each account and symbol."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from uuid import UUID

from loguru import logger

from app.core.errors import AppError
from app.exchanges.priority import urgently

Lane = tuple[UUID, str]
Step = Callable[[], Awaitable[None]]


class Lanes:
    """Steps of one account and symbol run one after another; different ones at the same time.

    An exit goes before everything that waits in its lane, and its requests before all others that
    wait for room in the venue's limits.
    """

    def __init__(self) -> None:
        self._waiting: dict[Lane, list[tuple[object, Step, bool]]] = {}
        self._running: dict[Lane, asyncio.Task[None]] = {}
        self._is_ended = False

    def put(self, lane: Lane, name: object, step: Step, *, is_urgent: bool = False) -> None:
        """Queue a step unless one of the same name waits already, or the end has come."""
        if self._is_ended:
            return
        queue = self._waiting.setdefault(lane, [])
        if any(waiting == name for waiting, *_ in queue):
            return
        queue.insert(0 if is_urgent else len(queue), (name, step, is_urgent))
        if lane not in self._running:
            self._running[lane] = asyncio.create_task(self._run(lane), name=f"lane {lane[1]}")

    async def idle(self) -> None:
        """Wait until every lane is empty."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def stop(self, timeout_seconds: float) -> None:
        """Let running steps finish, drop what waits: it is found again by its status."""
        self._is_ended = True
        self._waiting.clear()
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def is_busy(self) -> bool:
        """Whether any step runs."""
        return bool(self._running)

    @property
    def length(self) -> int:
        """Steps that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    async def _run(self, lane: Lane) -> None:
        try:
            while self._waiting.get(lane):
                name, step, is_urgent = self._waiting[lane].pop(0)
                try:
                    with urgently() if is_urgent else nullcontext():
                        await step()
                except AppError as error:
                    logger.bind(step=str(name), code=error.code, reason=error.detail).warning(
                        "step.not_done"
                    )
                except Exception:  # noqa: BLE001 one failing step must not stop the others
                    logger.bind(step=str(name)).exception("step.crashed")
        finally:
            self._waiting.pop(lane, None)
            self._running.pop(lane, None)
