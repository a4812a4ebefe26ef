"""Takes jobs up one after another, beside everything else a worker does."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from loguru import logger

from app.core.clock import Clock
from app.core.errors import AppError
from app.core.tasks import KeyedTasks
from app.db.session import Database
from app.jobs import holding
from app.jobs.models import Job
from app.jobs.run import Ending, Lost, Program, Run
from app.jobs.status import JobStatus

LOOK_SECONDS: Final = 1.0
AFTER_FAILURE_SECONDS: Final = 10.0
MOST_AT_ONCE: Final = 2


class JobRunner:
    """A few jobs at a time, of one user never two.

    Args:
        database: where the jobs are.
        clock: says how long a holder is believed.
        programs: what there is to do, by kind; each gives the job's result.
        look_seconds: how often it looks for new ones, and whether one in hand is still wanted.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        programs: Mapping[str, Program],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._programs = programs
        self._look_seconds = look_seconds
        self._at_work = KeyedTasks()

    async def keep(self) -> None:
        """Look for ever, until cancelled; what was in hand then is given back."""
        try:
            while True:  # noqa: ASYNC110 it looks for what was asked for meanwhile
                await asyncio.sleep(await self._looked())
        finally:
            await self._at_work.stop()

    async def look(self) -> None:
        """Take up what waits, as far as there are hands."""
        while len(self._at_work) < MOST_AT_ONCE:
            job = await self._taken()
            if job is None:
                return
            self._at_work.start(job.id, self._serve(job), name=f"job {job.kind}")

    async def _taken(self) -> Job | None:
        """Looking costs no lock; only who has found something takes one."""
        now = self._clock.now()
        async with self._database.read() as session:
            found = await holding.next_one(session, list(self._programs), now=now)
        if found is None:
            return None
        async with self._database.transaction() as session:
            return await holding.take(session, found, now=now)

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        await self._at_work.idle()

    async def _looked(self) -> float:
        """Look once; the seconds until the next time."""
        try:
            await self.look()
        except Exception:  # noqa: BLE001 the loop must outlive a lost database
            logger.exception("jobs.not_looked_at")
            return AFTER_FAILURE_SECONDS
        return self._look_seconds

    async def _serve(self, job: Job) -> None:
        try:
            if job.tries > holding.MOST_TRIES:
                reason = f"gave_up: It was begun {holding.MOST_TRIES} times, and never came back."
                await self._end(job, JobStatus.FAILED, reason=reason)
                return
            await self._work(Run(job, self._database, self._clock))
        except Exception:  # noqa: BLE001 its holder lapses, and somebody takes it up again
            logger.bind(job_id=str(job.id)).exception("job.not_served")

    async def _work(self, run: Run) -> None:
        """Let its program work, as long as it is wanted and ours."""
        logger.bind(job_id=str(run.job.id), kind=run.job.kind).info("job.began")
        program = asyncio.ensure_future(self._programs[run.job.kind](run))
        watch = asyncio.create_task(self._watch(run, program))
        try:
            await asyncio.wait([program])
        except asyncio.CancelledError:
            program.cancel()
            await asyncio.gather(program, return_exceptions=True)
            await self._give_back(run, program)
            raise
        finally:
            watch.cancel()
        await self._conclude(run, program)

    async def _watch(self, run: Run, program: "asyncio.Future[Mapping[str, Any]]") -> None:
        """Stay the holder, and stop the program when nobody wants it, or somebody else has it."""
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                hold = await self._held(run.job)
            except Exception:  # noqa: BLE001 a database that is away for a moment ends no job
                logger.bind(job_id=str(run.job.id)).exception("job.not_kept")
                continue
            if hold is None or not hold.is_wanted:
                run.ending = Ending.LOST if hold is None else Ending.CANCELED
                program.cancel()
                return

    async def _held(self, job: Job) -> holding.Hold | None:
        now = self._clock.now()
        async with self._database.read() as session:
            hold = await holding.hold_of(session, job)
        if hold is not None and hold.until < now + holding.HELD_AT_LEAST:
            async with self._database.transaction() as session:
                await holding.hold_on(session, job, now=now)
        return hold

    async def _give_back(self, run: Run, program: "asyncio.Future[Mapping[str, Any]]") -> None:
        """This process ends: another goes on, unless the program was done at that very moment."""
        if not program.cancelled() and program.exception() is None:
            await self._conclude(run, program)
            return
        async with self._database.transaction() as session:
            await holding.give_back(session, run.job)

    async def _conclude(self, run: Run, program: "asyncio.Future[Mapping[str, Any]]") -> None:
        job = run.job
        if program.cancelled():
            if run.ending is Ending.CANCELED:
                await self._end(job, JobStatus.CANCELED)
                return
            failure: BaseException | None = Lost()
        else:
            failure = program.exception()
        match failure:
            case None:
                await self._end(job, JobStatus.DONE, result=program.result())
            case Lost():
                logger.bind(job_id=str(job.id)).warning("job.lost")
            case AppError():
                await self._end(job, JobStatus.FAILED, reason=f"{failure.code}: {failure.detail}")
            case _:
                logger.bind(job_id=str(job.id)).opt(exception=failure).error("job.broke")
                reason = "internal_error: Something broke; the log of that moment says what."
                await self._end(job, JobStatus.FAILED, reason=reason)

    async def _end(
        self,
        job: Job,
        status: JobStatus,
        *,
        result: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        async with self._database.transaction() as session:
            is_ours = await holding.end(
                session, job, status, now=self._clock.now(), result=result, reason=reason
            )
        said = logger.bind(job_id=str(job.id), kind=job.kind, reason=reason)
        said.info(f"job.{status.value}" if is_ours else "job.lost")
