"""Ask for backtests, keep what came of them, and delete them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.backtests.runs import repository
from app.backtests.runs.models import Backtest
from app.backtests.runs.plan import Plan
from app.core.clock import iso
from app.core.errors import Conflict, TooMany
from app.core.ids import new_id
from app.http.caller import Caller
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.status import UNFINISHED

RUN: Final = "backtest"
SWEEP: Final = "backtest_sweep"
# Of one user: a run takes some hundred kilobytes.
MOST_KEPT: Final = 1_000


async def ask(
    session: AsyncSession,
    plan: Plan,
    parameters: dict[str, Any],
    *,
    name: str | None,
    strategy_id: UUID | None,
    caller: Caller,
    now: datetime,
    grid: dict[str, Any] | None = None,
) -> tuple[Backtest, Job]:
    """Write a backtest down, with the job that runs it.

    Args:
        session: the caller's transaction.
        plan: as it was checked.
        parameters: of the algorithm; of a sweep those that do not change.
        name: what the trader calls it; by algorithm and market when None.
        strategy_id: whose settings are in the plan.
        caller: who asks.
        now: when.
        grid: of a sweep, the values of the other parameters; None for a single run.

    Raises:
        TooMany: `too_many_backtests`, or as `jobs.service.queue`.
    """
    if await repository.count(session, caller.user_id) >= MOST_KEPT:
        raise TooMany(
            f"You have {MOST_KEPT} backtests: delete some that you no longer need.",
            code="too_many_backtests",
        )
    backtest_id = new_id()
    job = await jobs.queue(
        session,
        RUN if grid is None else SWEEP,
        {
            "backtest_id": str(backtest_id),
            "algorithm": plan.definition.name,
            "symbol": plan.market.symbol,
            "timeframe": plan.timeframe.value,
            "from": iso(plan.since),
            "to": iso(plan.until),
        },
        unit="candles" if grid is None else "runs",
        user_id=caller.user_id,
        actor=caller.username,
        now=now,
    )
    row = Backtest(
        id=backtest_id,
        user_id=caller.user_id,
        job_id=job.id,
        strategy_id=strategy_id,
        name=name or f"{plan.definition.name} {plan.market.symbol} {plan.timeframe}",
        algorithm=plan.definition.name,
        version=plan.definition.version,
        parameters=parameters,
        is_sweep=grid is not None,
        grid=grid,
        exchange=plan.market.exchange,
        market_type=plan.market.market_type,
        symbol=plan.market.symbol,
        timeframe=plan.timeframe,
        since=plan.since,
        until=plan.until,
        terms=plan.terms.stored(),
        circumstances=plan.circumstances.stored(),
        created_at=now,
    )
    session.add(row)
    return row, job


async def remove(session: AsyncSession, row: Backtest, *, caller: Caller, now: datetime) -> None:
    """Delete a run or a sweep with all that it left behind; its job stays in the list of jobs.

    Raises:
        Conflict: `backtest_running`: it waits or runs.
    """
    job = await session.get_one(Job, row.job_id)
    if job.status in UNFINISHED:
        raise Conflict(
            f"It is {job.status.value}: cancel job {job.id} first.", code="backtest_running"
        )
    await repository.remove(session, row.id)
    await record(
        session,
        now=now,
        actor=caller.username,
        user_id=caller.user_id,
        action="backtest.deleted",
        subject_kind="backtest",
        subject_id=str(row.id),
        detail={"name": row.name, "algorithm": row.algorithm, "symbol": row.symbol},
    )
