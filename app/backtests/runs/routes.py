"""`/backtests`: algorithms on candles of the past, kept with what came of them."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.processes.packing import Line, Strand
from app.backtests.processes.recording import MOST_POINTS
from app.backtests.runs import repository, service
from app.backtests.runs.asking import checked_parameters, plan_for
from app.backtests.runs.curve import thinned
from app.backtests.runs.models import Backtest
from app.backtests.runs.pages import number_in, with_jobs
from app.backtests.runs.schemas import (
    BacktestIn,
    BacktestOut,
    EquityOut,
    EquityPointOut,
    RefusalOut,
    RunTradeOut,
)
from app.core.errors import Conflict, ExchangeError, NotFound, TooMany
from app.db.session import Database
from app.http.answers import TableOperation
from app.http.caller import Caller, require_trader
from app.http.filters import PRINTABLE, choice
from app.http.paging import DEFAULT_LIMIT, MAX_LIMIT, Paging
from app.http.schemas import Out, Page
from app.http.tables import Format, FormatName, answer
from app.market.asking import in_utc
from app.market.instruments import InstrumentBook
from app.own_algorithms.shelf import Shelf

DEFAULT_POINTS: Final = 2_000
# Digits of a line's number.
LONGEST_CURSOR: Final = 9

OutT = TypeVar("OutT", bound=Out)
Shape = Callable[[int, Line], OutT]
Cursor = Annotated[str | None, QueryParameter(name="cursor")]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_LIMIT)]


@post(
    "/",
    operation_id="runBacktest",
    summary="Run an algorithm on candles of the past",
    description="From a strategy, or ad hoc. It is run by a job: `GET /backtests/{id}` says how "
    "far it is, `POST /jobs/{job_id}/cancel` calls it off, and a restart goes on with it. Candles "
    "that are missing are fetched first. Nothing is traded.",
    guards=[require_trader],
    status_code=201,
    opt={"raises": [NotFound, TooMany, ExchangeError]},
)
async def run_backtest(
    request: Request[Any, Any, Any],
    data: JSONBody[BacktestIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
) -> BacktestOut:
    """Whatever makes no sense is refused now, and not when its turn comes."""
    instruments: InstrumentBook = request.app.state.tools.instruments
    shelf: Shelf = request.app.state.shelf
    async with plan_for(data, database, instruments, shelf, caller=caller, now=now) as plan:
        parameters = await asyncio.to_thread(checked_parameters, plan, data.parameters, now=now)
    async with database.transaction() as session:
        row, job = await service.ask(
            session,
            plan,
            parameters,
            name=data.name,
            strategy_id=data.strategy_id,
            caller=caller,
            now=now,
        )
        return BacktestOut.of(row, job)


@get("/", operation_id="listBacktests", summary="Your backtests")
async def list_backtests(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    strategy_id: FromQuery[UUID | None] = None,
    algorithm: Annotated[
        str | None, QueryParameter(name="algorithm", max_length=120, pattern=PRINTABLE)
    ] = None,
    symbol: Annotated[
        str | None,
        QueryParameter(
            name="symbol", max_length=64, pattern=PRINTABLE, description="as ccxt writes it"
        ),
    ] = None,
) -> Page[BacktestOut]:
    """Newest first, by the time they were asked for; sweeps have a list of their own."""
    query = repository.listing(caller.user_id, is_sweep=False)
    for column, value in (
        (Backtest.strategy_id, strategy_id),
        (Backtest.algorithm, algorithm),
        (Backtest.symbol, symbol),
    ):
        if value is not None:
            query = query.where(column == value)
    return await with_jobs(session, query, paging, BacktestOut.of)


@get("/{backtest_id:uuid}", operation_id="getBacktest", summary="One backtest and what came of it")
async def get_backtest(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    backtest_id: FromPath[UUID],
) -> BacktestOut:
    """Your own."""
    row = await repository.own(session, backtest_id, caller.user_id, is_sweep=False)
    jobs = await repository.jobs_of(session, [row])
    return BacktestOut.of(row, jobs[row.job_id])


@delete(
    "/{backtest_id:uuid}",
    operation_id="deleteBacktest",
    summary="Delete a backtest",
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def delete_backtest(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
    backtest_id: FromPath[UUID],
) -> None:
    """With its trades and its curve; cancel its job first while it runs."""
    row = await repository.own(session, backtest_id, caller.user_id, is_sweep=False)
    await service.remove(session, row, caller=caller, now=now)


@get(
    "/{backtest_id:uuid}/trades",
    operation_id="listBacktestTrades",
    operation_class=TableOperation,
    summary="Closed round trips of a backtest",
)
async def list_trades(
    database: NamedDependency[Database],
    caller: NamedDependency[Caller],
    backtest_id: FromPath[UUID],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    wanted: FormatName = None,
) -> Response[Page[RunTradeOut]]:
    """By closing time, newest first; CSV holds all of them, JSON one page."""
    await _see(database, backtest_id, caller)
    of_run = (database, backtest_id, Strand.TRADES)
    if choice(Format, wanted, "format") is Format.CSV:
        return await _as_csv(*of_run, RunTradeOut, RunTradeOut.of)
    return Response(await _page(*of_run, RunTradeOut.of, cursor=cursor, limit=limit))


@get(
    "/{backtest_id:uuid}/refusals",
    operation_id="listBacktestRefusals",
    operation_class=TableOperation,
    summary="What a backtest wished for in vain, and why",
)
async def list_refusals(
    database: NamedDependency[Database],
    caller: NamedDependency[Caller],
    backtest_id: FromPath[UUID],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    wanted: FormatName = None,
) -> Response[Page[RefusalOut]]:
    """Newest first; CSV holds all of them, JSON one page."""
    await _see(database, backtest_id, caller)
    of_run = (database, backtest_id, Strand.REFUSALS)
    if choice(Format, wanted, "format") is Format.CSV:
        return await _as_csv(*of_run, RefusalOut, RefusalOut.of)
    return Response(await _page(*of_run, RefusalOut.of, cursor=cursor, limit=limit))


@get(
    "/{backtest_id:uuid}/equity",
    operation_id="getBacktestEquity",
    operation_class=TableOperation,
    summary="The equity curve of a backtest",
)
async def get_equity(
    database: NamedDependency[Database],
    caller: NamedDependency[Caller],
    backtest_id: FromPath[UUID],
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
    points: Annotated[
        int,
        QueryParameter(
            name="points", ge=4, le=MOST_POINTS, description="how many at most; CSV has all"
        ),
    ] = DEFAULT_POINTS,
    wanted: FormatName = None,
) -> Response[EquityOut]:
    """Oldest first; of a long range the points that it is drawn by."""
    since = None if since is None else in_utc("from", since)
    until = None if until is None else in_utc("to", until)
    await _see(database, backtest_id, caller)
    lines: list[Line] = []
    found = repository.lines(database, backtest_id, Strand.EQUITY, since=since, until=until)
    async for some in found:
        lines += some
    is_table = choice(Format, wanted, "format") is Format.CSV
    most = MOST_POINTS if is_table else points
    shown = thinned(lines, most, since=since, until=until)
    items = [EquityPointOut.of(line) for line in shown]
    if is_table:
        return answer(items, EquityPointOut, wanted, name="equity")
    return Response(EquityOut(items=items))


async def _see(database: Database, backtest_id: UUID, caller: Caller) -> None:
    async with database.read() as session:
        await repository.own(session, backtest_id, caller.user_id, is_sweep=False)


async def _page(
    database: Database,
    backtest_id: UUID,
    strand: Strand,
    shape: Shape[OutT],
    *,
    cursor: str | None,
    limit: int,
) -> Page[OutT]:
    before = number_in(cursor, most_digits=LONGEST_CURSOR)
    async with database.read() as session:
        found = await repository.newest_lines(
            session,
            backtest_id,
            strand,
            before=before,
            limit=limit + 1,
        )
    shown = found[:limit]
    return Page(
        items=[shape(*one) for one in shown],
        next_cursor=str(shown[-1][0]) if len(found) > limit else None,
    )


async def _as_csv(
    database: Database,
    backtest_id: UUID,
    strand: Strand,
    kind: type[OutT],
    shape: Shape[OutT],
) -> Response[Any]:
    """All of them, oldest first, as a table."""
    lines: list[Line] = []
    async for some in repository.lines(database, backtest_id, strand):
        lines += some

    def table() -> Response[Any]:
        rows = [shape(number, line) for number, line in enumerate(lines)]
        return answer(rows, kind, Format.CSV.value, name=strand.value)

    # There may be a hundred thousand: prices go on meanwhile.
    return await asyncio.to_thread(table)


router = Router(
    path="/backtests",
    tags=["backtests"],
    route_handlers=[
        run_backtest,
        list_backtests,
        get_backtest,
        delete_backtest,
        list_trades,
        list_refusals,
        get_equity,
    ],
)
