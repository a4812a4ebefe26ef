"""`/backtests/sweeps`: one backtest under many parameters, and which of them did best."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.runs import repository, service
from app.backtests.runs.asking import plan_for
from app.backtests.runs.pages import number_in, with_jobs
from app.backtests.sweeps.asking import check_sweep
from app.backtests.sweeps.repository import rows_of
from app.backtests.sweeps.schemas import (
    Figure,
    SweepIn,
    SweepOut,
    SweepRowOut,
    SweepSummaryOut,
    best_first,
)
from app.core.errors import Conflict, ExchangeError, NotFound, TooMany
from app.db.session import Database
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.paging import DEFAULT_LIMIT, MAX_LIMIT, Paging
from app.http.schemas import Page
from app.market.instruments import InstrumentBook
from app.own_algorithms.shelf import Shelf

LONGEST_CURSOR: Final = 4


@post(
    "/",
    operation_id="runSweep",
    summary="Run a backtest under many parameters",
    description="`grid` names the parameters that change: lists of values, or ranges. Every "
    "combination is run, over several processes; `GET /backtests/sweeps/{id}` shows those that are "
    "done, the best first, and a restart goes on with the others.",
    guards=[require_trader],
    status_code=201,
    opt={"raises": [NotFound, TooMany, ExchangeError]},
)
async def run_sweep(
    request: Request[Any, Any, Any],
    data: JSONBody[SweepIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
) -> SweepSummaryOut:
    """At most two thousand combinations; some may be refused by the algorithm, not all."""
    instruments: InstrumentBook = request.app.state.tools.instruments
    shelf: Shelf = request.app.state.shelf
    grid = data.stored_grid()
    async with plan_for(data, database, instruments, shelf, caller=caller, now=now) as plan:
        await asyncio.to_thread(check_sweep, plan, data.parameters, grid, now=now)
    async with database.transaction() as session:
        row, job = await service.ask(
            session,
            plan,
            data.parameters,
            name=data.name,
            strategy_id=data.strategy_id,
            caller=caller,
            now=now,
            grid=grid,
        )
        return SweepSummaryOut.of(row, job)


@get("/", operation_id="listSweeps", summary="Your sweeps")
async def list_sweeps(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Page[SweepSummaryOut]:
    """Newest first, by the time they were asked for."""
    query = repository.listing(caller.user_id, is_sweep=True)
    return await with_jobs(session, query, paging, SweepSummaryOut.of)


@get("/{sweep_id:uuid}", operation_id="getSweep", summary="One sweep, its best runs first")
async def get_sweep(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    sweep_id: FromPath[UUID],
    by: Annotated[
        str | None, QueryParameter(name="by", description="`net_profit`, `sharpe` …")
    ] = None,
    cursor: Annotated[str | None, QueryParameter(name="cursor")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> SweepOut:
    """Those that are done so far; by net profit unless `by` says otherwise."""
    row = await repository.own(session, sweep_id, caller.user_id, is_sweep=True)
    jobs = await repository.jobs_of(session, [row])
    figure = choice(Figure, by, "by") or Figure.NET_PROFIT
    ranked = best_first(await rows_of(session, row.id), figure)
    start = number_in(cursor, most_digits=LONGEST_CURSOR) or 0
    summary = SweepSummaryOut.of(row, jobs[row.job_id])
    return SweepOut.model_validate(
        {
            **{name: getattr(summary, name) for name in SweepSummaryOut.model_fields},
            "from": summary.since,
            "to": summary.until,
            "items": [SweepRowOut.model_validate(one) for one in ranked[start : start + limit]],
            "next_cursor": str(start + limit) if len(ranked) > start + limit else None,
        }
    )


@delete(
    "/{sweep_id:uuid}",
    operation_id="deleteSweep",
    summary="Delete a sweep",
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def delete_sweep(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
    sweep_id: FromPath[UUID],
) -> None:
    """With its runs; cancel its job first while it runs."""
    row = await repository.own(session, sweep_id, caller.user_id, is_sweep=True)
    await service.remove(session, row, caller=caller, now=now)


router = Router(
    path="/backtests/sweeps",
    tags=["backtests"],
    route_handlers=[run_sweep, list_sweeps, get_sweep, delete_sweep],
)
