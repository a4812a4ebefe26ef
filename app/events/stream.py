"""One stream of events, from its first line to its last."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from loguru import logger

from app.core.clock import Clock
from app.db.session import Database
from app.events.hub import EventHub
from app.events.listener import Listener, Subject
from app.events.schemas import BeatOut, GoneOut, ResetOut
from app.events.shown import shown
from app.http.event_streams import frame
from app.pipeline.flow.tools import Tools

# A browser waits that long before it connects again.
RETRY: Final = b"retry: 2000\n\n"
BEAT_SECONDS: Final = 2.0
# A proxy in between ends what is silent.
SILENCE_SECONDS: Final = 15.0
STILL_HERE: Final = b": still here\n\n"
# Rows that are looked up together.
AT_ONCE: Final = 50
# Whoever makes a row change ten times a second is told a few times.
PACE_SECONDS: Final = 0.05

Say = Callable[[bytes], Awaitable[None]]
Part = Callable[[Say], Awaitable[None]]


@dataclass(slots=True)
class EventStream:
    """What one user is told.

    Each part of it says something when it has something to say, and waits until that is taken: a
    reader who is slow holds it up, and what has changed meanwhile is then told as it is by then.

    Attributes:
        last: the number that the client was told last; None when it begins.
        more: what else is told, in parts of its own.
    """

    hub: EventHub
    database: Database
    tools: Tools
    clock: Clock
    user_id: UUID
    last: int | None
    more: tuple[Part, ...] = ()
    _lines: "asyncio.Queue[bytes | None]" = field(default_factory=lambda: asyncio.Queue(1))

    async def lines(self) -> AsyncGenerator[bytes]:
        """What is sent, piece by piece."""
        yield RETRY
        parts = (self._tell_changes, self._beat, *self.more)
        telling = [asyncio.create_task(self._run(part)) for part in parts]
        try:
            while (line := await self._next()) is not None:
                yield line
        finally:
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._lines.get()
        except TimeoutError:
            return STILL_HERE

    async def _run(self, part: Part) -> None:
        try:
            await part(self._lines.put)
        except Exception:  # noqa: BLE001 the client opens another one, and goes on where this ended
            logger.exception("events.crashed")
            await self._lines.put(None)

    async def _tell_changes(self, say: Say) -> None:
        async with self.hub.listening(self.user_id, self.last) as listener:
            while True:
                await listener.news()
                await self._tell_some(listener, say)
                await asyncio.sleep(PACE_SECONDS)

    async def _tell_some(self, listener: Listener, say: Say) -> None:
        reset = listener.take_reset()
        if reset is not None:
            data = ResetOut(reason=reset.why).model_dump_json()
            await say(frame("reset", data, number=reset.number))
        taken = listener.take(AT_ONCE)
        if not taken:
            return
        async with self.database.read() as session:
            rows = await shown(session, self.tools, self.user_id, [subject for subject, _ in taken])
        for subject, number in taken:
            row = rows.get(subject)
            line = _gone(subject) if row is None else (subject[0], row.model_dump_json())
            await say(frame(*line, number=number or None))

    async def _beat(self, say: Say) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self.hub.is_current(within_seconds=BEAT_SECONDS):
                beat = BeatOut(at=self.clock.now())
                await say(frame("beat", beat.model_dump_json()))


def _gone(subject: Subject) -> tuple[str, str]:
    kind, name = subject
    return "gone", GoneOut(kind=kind, id=name).model_dump_json()
