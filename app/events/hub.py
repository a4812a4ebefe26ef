"""Who listens in this process, and the one reader of the outbox that serves them all."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

from loguru import logger

from app.db import outbox
from app.db.outbox import Noted
from app.db.session import Database
from app.events.listener import MOST_WAITING, Listener, Why
from app.events.ordering import PATIENCE_SECONDS, InOrder

# A commit of this process is heard of at once; this is for those of others.
LOOK_SECONDS: Final = 1.0
# While a number is missing.
SOON_SECONDS: Final = 0.05
AFTER_FAILURE_SECONDS: Final = 1.0
# A burst of commits is read together.
PACE_SECONDS: Final = 0.03
# Numbers that a writer may have taken and not committed when a reader begins.
BACK: Final = 200
# Who is further behind loads everything anew: that is less to read.
MOST_BEHIND: Final = 50_000


class EventHub:
    """Tells listeners what has changed of their users'.

    It reads the outbox as long as somebody listens. Commits of this process wake it; nothing
    depends on that.

    Args:
        database: whose outbox is read.
        look_seconds: how often it looks for what other processes have committed.
        patience_seconds: how long a missing number is waited for.
        most_waiting: rows that may wait for one listener.
    """

    def __init__(
        self,
        database: Database,
        *,
        look_seconds: float = LOOK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._look_seconds = look_seconds
        # One writer at a time takes a number and commits it.
        self._patience_seconds = 0.0 if database.is_sqlite else patience_seconds
        self._most_waiting = most_waiting
        self._listeners: dict[UUID, set[Listener]] = {}
        self._order = InOrder(0)
        self._news = asyncio.Event()
        self._looked_at = float("-inf")
        self._joining = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        database.listeners.append(self.hear)

    def hear(self, info: dict[Any, Any]) -> None:
        """Something was committed in this process."""
        if outbox.TOLD in info:
            self._news.set()

    @property
    def is_read(self) -> bool:
        """Whether the outbox is being read, which it is while somebody listens."""
        return self._looking is not None

    def is_current(self, within_seconds: float) -> bool:
        """Whether the outbox was read that recently."""
        return time.monotonic() - self._looked_at <= within_seconds

    @asynccontextmanager
    async def listening(self, user_id: UUID, last: int | None) -> AsyncIterator[Listener]:
        """Listen to what changes of a user's.

        Args:
            user_id: whose.
            last: the number that was told last; None to begin.
        """
        listener = await self._join(user_id, last)
        try:
            await self._catch_up(listener, user_id, last)
            yield listener
        finally:
            self._leave(listener, user_id)

    async def _join(self, user_id: UUID, last: int | None) -> Listener:
        async with self._joining:
            if self._looking is None or self._looking.done():
                await self._begin()
            if last is not None and last > self._order.last:
                # Another process has told of more than this one has read.
                await self.look()
            listener = Listener(self._order.last, most_waiting=self._most_waiting)
            self._listeners.setdefault(user_id, set()).add(listener)
        return listener

    async def _begin(self) -> None:
        async with self._database.read() as session:
            oldest, newest = await outbox.bounds(session)
        last, given_up = newest, range(0)
        if self._patience_seconds and newest:
            last = max(newest - BACK, oldest - 1)
            # Before the oldest there is nothing to wait for, unless somebody is just writing it.
            given_up = range(max(1, newest - BACK), oldest)
        self._order = InOrder(
            last,
            patience_seconds=self._patience_seconds,
            given_up=given_up,
            seconds=time.monotonic(),
        )
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking(), name="events")

    def _leave(self, listener: Listener, user_id: UUID) -> None:
        others = self._listeners[user_id]
        others.discard(listener)
        if not others:
            del self._listeners[user_id]
        if not self._listeners and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _catch_up(self, listener: Listener, user_id: UUID, last: int | None) -> None:
        """Put what has changed since `last`; what comes from now on is put by the reader."""
        if last is None:
            listener.start_anew(Why.NEW)
            return
        until = self._order.last
        async with self._database.read() as session:
            oldest, newest = await outbox.bounds(session)
            if last > newest:
                # Of another database, or of this one before it was restored.
                listener.start_anew(Why.UNKNOWN_ID)
                return
            if last < oldest - 1 or last < until - MOST_BEHIND:
                listener.start_anew(Why.TOO_OLD)
                return
            missed = await outbox.of_user(
                session, user_id, after=last, until=until, limit=self._most_waiting + 1
            )
        listener.skip(last)
        for subject, number in missed.items():
            listener.put(subject, number)

    async def _keep_looking(self) -> None:
        while True:
            wait = SOON_SECONDS if self._order.is_waiting else self._look_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
            self._news.clear()
            try:
                await self.look()
                await asyncio.sleep(PACE_SECONDS)
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("events.not_read")
                await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def look(self) -> None:
        """Read what is new and tell it."""
        async with self._reading:
            await self._look()

    async def _look(self) -> None:
        order, is_full, seconds = self._order, True, time.monotonic()
        while is_full:
            async with self._database.read() as session:
                notes = await outbox.after(session, order.last)
                late = await outbox.those(session, order.given_up)
            taken = order.take(notes, seconds=seconds)
            self._tell(taken)
            self._tell(order.take_late(late, seconds=seconds), is_late=True)
            is_full = bool(taken) and len(notes) == outbox.AT_ONCE
            self._looked_at = seconds

    def _tell(self, notes: Sequence[Noted], *, is_late: bool = False) -> None:
        for note in notes:
            for listener in self._listeners.get(note.user_id, ()):
                listener.put((note.kind, note.subject), 0 if is_late else note.id)
