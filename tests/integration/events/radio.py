"""A listener to `/events`, and something that changes: a job."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.accounts.models import User
from app.core.ids import new_id
from app.db.session import Database
from app.jobs.models import Job
from tests.fakes.clock import NOON
from tests.integration.market.stall import PATIENCE_SECONDS, Stall

# What every stream says now and then.
ASIDE = frozenset({"beat", "status"})


@dataclass
class Event:
    """One event as it came."""

    kind: str
    data: dict[str, Any]
    number: int | None


class Ear:
    """A client of the stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self._passed_over: list[Event] = []

    async def event(self) -> Event | None:
        """The next event, whatever it is; None at the end."""
        kind, data, number = "", "", None
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                data = value
            elif name == "id":
                number = int(value)
            elif not line and kind:
                return Event(kind, json.loads(data), number)
        return None

    async def hear(self, *kinds: str) -> Event:
        """The next event of these kinds; of any that is no aside when none is named.

        What is passed over meanwhile is there for whoever asks for its kind.
        """
        for passed_over in self._passed_over:
            if passed_over.kind in kinds:
                self._passed_over.remove(passed_over)
                return passed_over
        # Beats come for ever: it is the wait for these that is bounded.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (heard := await self.event()) is not None:
                if heard.kind in kinds or (not kinds and heard.kind not in ASIDE):
                    return heard
                self._passed_over.append(heard)
        raise AssertionError(f"it ended without {kinds}")

    async def ended(self) -> str:
        """Why it ended; it has ended."""
        last = await self.hear("end")
        assert await self.event() is None
        assert last.data["detail"]
        return str(last.data["code"])


@asynccontextmanager
async def listening(
    stall: Stall, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Ear]:
    """Open a stream; one that does not resume has said so by then."""
    async with stall.house.client.stream("GET", "/events", headers=headers, params=query) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        ear = Ear(answer)
        if "last_event_id" not in query and "Last-Event-ID" not in (headers or {}):
            assert (await ear.hear("reset")).data == {"reason": "new"}
        yield ear


async def refused(
    stall: Stall, headers: dict[str, str] | None = None, **query: Any
) -> tuple[int, str]:
    """The status and the code that a stream is refused with."""
    answer = await stall.house.client.get("/events", headers=headers, params=query)
    return answer.status_code, str(answer.json()["code"])


async def new_job(database: Database, user: User) -> Job:
    """Something of a user's that is told of."""
    job = Job(
        id=new_id(), user_id=user.id, kind="candles_fetch", parameters={}, unit="", created_at=NOON
    )
    async with database.transaction() as session:
        session.add(job)
    return job


async def come_to(database: Database, job: Job, done: int) -> None:
    """The job has come that far."""
    async with database.transaction() as session:
        (await session.get_one(Job, job.id)).done = done


async def nobody_listens(stall: Stall) -> None:
    """Wait until the server has noticed that everybody left."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(stall.sockets):  # noqa: ASYNC110 the server notices in its own time
            await asyncio.sleep(0.01)
