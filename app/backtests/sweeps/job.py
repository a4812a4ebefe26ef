"""The job that runs a sweep over several processes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from app.backtests.processes.crew import Crew
from app.backtests.processes.messages import Answer, Case, Refused
from app.backtests.runs.job import backtest_of
from app.backtests.runs.models import SweepRow
from app.backtests.runs.plan import plan_of
from app.backtests.runs.preparing import Preparer
from app.backtests.sweeps import repository
from app.backtests.sweeps.combining import combinations
from app.backtests.sweeps.schemas import values_of
from app.db.session import Database
from app.jobs.run import Run
from app.own_algorithms.programs import Programs, shipped

# Runs of a short range come by the hundred a second: they are written down together.
KEPT_EVERY_SECONDS: Final = 0.5
MOST_UNKEPT: Final = 200
REFUSAL_LENGTH: Final = 500


class RunSweep:
    """The program of that job.

    Which combinations have been tried says the table of its runs, written as it goes. That is its
    checkpoint, and a truer one than a number in the job: what was kept is committed with nothing in
    between, and with several processes the runs do not end in their order.

    Args:
        database: where it is kept.
        preparer: brings its candles.
        crew: runs it.
        programs: the algorithms.
        kept_every_seconds: how long what has been tried may wait for its commit.
    """

    def __init__(
        self,
        database: Database,
        preparer: Preparer,
        crew: Crew,
        programs: Programs = shipped,
        *,
        kept_every_seconds: float = KEPT_EVERY_SECONDS,
    ) -> None:
        self._database = database
        self._preparer = preparer
        self._crew = crew
        self._programs = programs
        self._kept_every_seconds = kept_every_seconds

    async def __call__(self, job: Run) -> Mapping[str, Any]:
        """Try whatever has not been tried yet.

        Raises:
            ProcessEnded: one of its processes died; what was tried by then stays.
            Invalid: its algorithm is not there any more, or does not run.
            Conflict: `algorithm_changed`.
        """
        row = await backtest_of(job, self._database)
        found = combinations(row.parameters, values_of(row.grid or {}))
        async with self._database.read() as session:
            tried = await repository.tried(session, row.id)
        cases = [Case(number, one) for number, one in enumerate(found) if number not in tried]
        await job.report(len(tried), len(found), {}, is_last=True)
        async with self._programs(row.algorithm) as chosen:
            prepared = await self._preparer.prepare(plan_of(row, chosen), found)
        notes = _Notes(self._database, job, row.id, found, len(tried), self._kept_every_seconds)
        await self._crew.run_all(prepared.ground, cases, notes.take)
        await notes.write()
        return {
            "backtest_id": str(row.id),
            "runs": len(found),
            "missing": prepared.missing,
        }


@dataclass(slots=True)
class _Notes:
    """Writes down what comes of the runs, some at a time."""

    database: Database
    job: Run
    sweep_id: UUID
    combinations: list[dict[str, Any]]
    done: int
    every_seconds: float
    waiting: list[SweepRow] = field(default_factory=list)
    written_at: float = field(default_factory=time.monotonic)

    async def take(self, answer: Answer) -> None:
        """Hear of one run."""
        self.waiting.append(self._row(answer))
        is_due = time.monotonic() >= self.written_at + self.every_seconds
        if is_due or len(self.waiting) >= MOST_UNKEPT:
            await self.write()

    async def write(self) -> None:
        """Keep what has been heard; whoever has lost the job hears it first, and writes nothing."""
        rows, self.waiting = self.waiting, []
        await self.job.report(self.done + len(rows), len(self.combinations), {}, is_last=True)
        async with self.database.transaction() as session:
            session.add_all(rows)
        self.done += len(rows)
        self.written_at = time.monotonic()

    def _row(self, answer: Answer) -> SweepRow:
        refusal = figures = None
        if isinstance(answer, Refused):
            refusal = f"{answer.code}: {answer.detail}"[:REFUSAL_LENGTH]
        else:
            figures = answer.figures
        return SweepRow(
            backtest_id=self.sweep_id,
            number=answer.number,
            parameters=self.combinations[answer.number],
            figures=figures,
            refusal=refusal,
        )
