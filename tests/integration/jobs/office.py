"""A trader who asks for long work, and workers that do it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.accounts.models import User
from app.core.errors import NotFound
from app.db.session import Database
from app.jobs import repository, service
from app.jobs.models import Job
from app.jobs.run import Run
from app.jobs.runner import JobRunner
from app.jobs.status import JobStatus
from tests.fakes.clock import FakeClock

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 60


@dataclass
class Office:
    """Programs that count as far as they are let, and what they have come by.

    Attributes:
        counted: every number that was counted, by whichever worker.
        gate: closed, it holds everybody who counts.
    """

    database: Database
    clock: FakeClock
    trader: User
    counted: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    async def count(self, run: Run) -> Mapping[str, Any]:
        """Up to `to`, each number once, and behind the gate from `stops_at` on."""
        for number in range(int(run.checkpoint.get("next", 0)), int(run.parameters["to"])):
            if number == run.parameters.get("stops_at"):
                await self.gate.wait()
            self.counted.append(number)
            await run.report(number + 1, run.parameters["to"], {"next": number + 1}, is_last=True)
        return {"counted": run.parameters["to"]}

    async def refuse(self, run: Run) -> Mapping[str, Any]:
        """Knows that it cannot."""
        raise NotFound(f"There is no {run.parameters['what']}.", code="unknown_symbol")

    async def break_down(self, run: Run) -> Mapping[str, Any]:
        """Does not know what it does."""
        return {"fraction": 1 / int(run.parameters["by"])}

    def runner(self, look_seconds: float = LOOK_SECONDS) -> JobRunner:
        """Another process."""
        programs = {"count": self.count, "refuse": self.refuse, "break": self.break_down}
        return JobRunner(self.database, self.clock, programs, look_seconds=look_seconds)

    def open(self) -> asyncio.Task[None]:
        """Let a worker work until it is closed."""
        task = asyncio.create_task(self.runner().keep())
        self.workers.append(task)
        return task

    async def close(self) -> None:
        """Stop every worker, as the end of its process does."""
        for task in self.workers:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.workers.clear()

    async def asked(self, kind: str = "count", user: User | None = None, **parameters: Any) -> UUID:
        """A job; its id."""
        owner = user or self.trader
        async with self.database.transaction() as session:
            job = await service.queue(
                session,
                kind,
                parameters,
                unit="numbers",
                user_id=owner.id,
                actor=owner.username,
                now=self.clock.now(),
            )
        return job.id

    async def cancel(self, job_id: UUID) -> None:
        async with self.database.transaction() as session:
            job = await repository.own(session, job_id, self.trader.id)
            await service.cancel(session, job, actor=self.trader.username, now=self.clock.now())

    async def job(self, job_id: UUID) -> Job:
        async with self.database.read() as session:
            return await session.get_one(Job, job_id)

    async def comes_to(self, job_id: UUID, status: JobStatus) -> Job:
        """The job, once it has come to that."""
        return await self._once(job_id, lambda job: job.status is status)

    async def holds(self, job_id: UUID, until: datetime) -> Job:
        """The job, once somebody holds it for longer than that."""
        return await self._once(job_id, lambda job: (job.held_until or until) > until)

    async def counts_to(self, number: int) -> None:
        """Wait until so many have been counted."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.counted) < number:  # noqa: ASYNC110 it happens elsewhere
                await asyncio.sleep(LOOK_SECONDS)

    async def notes(self, job_id: UUID, number: int) -> None:
        """Wait until it is written down that so many have been counted."""
        await self._once(job_id, lambda job: job.done == number)

    async def _once(self, job_id: UUID, is_so: Callable[[Job], bool]) -> Job:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so(job := await self.job(job_id)):  # noqa: ASYNC110 it happens elsewhere
                await asyncio.sleep(LOOK_SECONDS)
        return job
