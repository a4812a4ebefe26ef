"""The job that runs one backtest."""

from collections.abc import Mapping
from typing import Any

from app.backtests.processes.crew import Crew
from app.backtests.processes.messages import Case, Refused
from app.backtests.runs import repository
from app.backtests.runs.models import Backtest
from app.backtests.runs.plan import plan_of
from app.backtests.runs.preparing import Preparer
from app.core.errors import Denied, NotFound
from app.db.session import Database
from app.jobs.run import Run
from app.market.fetching.fetcher import Progress
from app.own_algorithms.programs import Programs, shipped


class RunBacktest:
    """The program of that job.

    Going on after an end in the middle is beginning again: what was fetched is there, and the run
    itself gives the same again.

    Args:
        database: where it is kept.
        preparer: brings its candles.
        crew: runs it.
        programs: the algorithms.
    """

    def __init__(
        self,
        database: Database,
        preparer: Preparer,
        crew: Crew,
        programs: Programs = shipped,
    ) -> None:
        self._database = database
        self._preparer = preparer
        self._crew = crew
        self._programs = programs

    async def __call__(self, job: Run) -> Mapping[str, Any]:
        """Fetch, run and keep; the first half of its progress is the candles, the second the run.

        Raises:
            Denied: the run was refused, with the code that says why.
            Invalid: its algorithm is not there any more, or does not run.
            Conflict: `algorithm_changed`.
            ProcessEnded: its process died.
        """
        row = await backtest_of(job, self._database)
        if row.result is not None:
            return {"backtest_id": str(row.id)}
        count = row.timeframe.how_many(row.since, row.until)

        async def fetched(progress: Progress) -> None:
            await job.report(round(count * progress.done / max(1, progress.total)), 2 * count, {})

        async def ran(fraction: float) -> None:
            await job.report(count + round(count * fraction), 2 * count, {})

        async with self._programs(row.algorithm) as chosen:
            plan = plan_of(row, chosen)
            prepared = await self._preparer.prepare(plan, [row.parameters], fetched)
        case = Case(0, row.parameters, is_recorded=True)
        answer = await self._crew.run(prepared.ground, case, ran)
        if isinstance(answer, Refused):
            raise Denied(answer.detail, code=answer.code)
        # Whoever has lost the job meanwhile hears it here, and writes nothing.
        await job.report(2 * count, 2 * count, {}, is_last=True)
        await repository.put_parts(self._database, row.id, answer.parts)
        result = {
            "figures": answer.figures,
            "refusals": answer.refusals,
            "missing": prepared.missing,
            "fetched": sum(one.inserted for one in prepared.fetched.values()),
        }
        async with self._database.transaction() as session:
            await repository.put_result(session, row.id, result)
        return {"backtest_id": str(row.id)}


async def backtest_of(job: Run, database: Database) -> Backtest:
    """The backtest that a job is for.

    Raises:
        NotFound: it was deleted.
    """
    async with database.read() as session:
        row = await repository.of_job(session, job.job.id)
    if row is None:
        raise NotFound("The backtest was deleted.")
    return row
