"""`/reports` and `/pnl/equity`: what the closed trades add up to, as JSON or CSV."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.answers import TableOperation
from app.http.caller import Caller
from app.http.filters import choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.http.tables import Format, FormatName, answer
from app.pipeline.pnl import repository as pnl
from app.pipeline.pnl.models import Trade
from app.pipeline.pnl.schemas import TradeOut
from app.reports import service
from app.reports.schemas import EquityDayOut, GroupedBy, KpisOut, PositionsDayOut, ProfitOut

Grouping = Annotated[
    str | None, QueryParameter(name="by", description="`strategy`, `symbol` or `day`")
]


@get(
    "/trades",
    operation_id="listTrades",
    operation_class=TableOperation,
    summary="Closed round trips",
)
async def list_trades(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
    wanted: FormatName = None,
) -> Response[Page[TradeOut]]:
    """By closing time, newest first; CSV holds all of them, JSON one page."""
    if choice(Format, wanted, "format") is Format.CSV:
        rows = await _trades(session, caller, paging, strategy_id=strategy_id, symbol=symbol)
        shaped = [TradeOut.model_validate(row) for row in rows]
        return answer(shaped, TradeOut, wanted, name="trades")
    query = pnl.trades(caller.user_id, strategy_id=strategy_id, symbol=symbol)
    page = await page_of(
        session,
        query,
        paging,
        id_column=Trade.id,
        time_column=Trade.closed_at,
        shape=TradeOut.model_validate,
    )
    return Response(page)


@get(
    "/profit",
    operation_id="reportProfit",
    operation_class=TableOperation,
    summary="Profit by strategy, symbol or day",
)
async def report_profit(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    by: Grouping = None,
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
    wanted: FormatName = None,
) -> Response[Page[ProfitOut]]:
    """Rows by strategy, then by symbol; `by` asks for one kind.

    Days are those of your time zone; a trade counts whole on the day that it closed.
    """
    kind = choice(GroupedBy, by, "by")
    trades = await _trades(session, caller, paging, strategy_id=strategy_id, symbol=symbol)
    zone = ZoneInfo(caller.zone)
    rows = await service.profit(session, caller.user_id, trades, kind, zone=zone)
    return answer(rows, ProfitOut, wanted, name="profit")


@get(
    "/positions",
    operation_id="reportPositions",
    operation_class=TableOperation,
    summary="Positions opened and closed by day",
)
async def report_positions(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
    wanted: FormatName = None,
) -> Response[Page[PositionsDayOut]]:
    """Days of your time zone, newest first."""
    rows = await service.positions_by_day(
        session,
        caller.user_id,
        zone=ZoneInfo(caller.zone),
        since=paging.since,
        until=paging.until,
        strategy_id=strategy_id,
        symbol=symbol,
    )
    return answer(rows, PositionsDayOut, wanted, name="positions")


@get(
    "/kpis",
    operation_id="reportKpis",
    operation_class=TableOperation,
    summary="Win rate, profit factor, drawdown",
)
async def report_kpis(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    by: Grouping = None,
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
    wanted: FormatName = None,
) -> Response[Page[KpisOut]]:
    """One row per currency, live and paper apart; with `by` one per strategy, symbol or day."""
    kind = choice(GroupedBy, by, "by")
    trades = await _trades(session, caller, paging, strategy_id=strategy_id, symbol=symbol)
    zone = ZoneInfo(caller.zone)
    rows = await service.kpis(session, caller.user_id, trades, kind, zone=zone)
    return answer(rows, KpisOut, wanted, name="kpis")


@get(
    "/equity",
    operation_id="getEquityCurve",
    operation_class=TableOperation,
    summary="The curve of booked results",
)
async def equity_curve(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    since: Annotated[date | None, QueryParameter(name="from")] = None,
    until: Annotated[date | None, QueryParameter(name="to")] = None,
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
    wanted: FormatName = None,
) -> Response[Page[EquityDayOut]]:
    """By day, newest first; one curve per currency, live and paper apart.

    Of all your trading, or of one strategy, one symbol, or both.
    """
    rows = await service.equity(
        session,
        caller.user_id,
        zone=ZoneInfo(caller.zone),
        since=since,
        until=until,
        strategy_id=strategy_id,
        symbol=symbol,
    )
    return answer(rows, EquityDayOut, wanted, name="equity")


async def _trades(
    session: AsyncSession,
    caller: Caller,
    paging: Paging,
    *,
    strategy_id: UUID | None,
    symbol: str | None,
) -> Sequence[Trade]:
    query = pnl.trades(
        caller.user_id,
        since=paging.since,
        until=paging.until,
        strategy_id=strategy_id,
        symbol=symbol,
    )
    return (await session.scalars(query.order_by(Trade.closed_at.desc(), Trade.id.desc()))).all()


router = Router(
    path="/reports",
    tags=["reports"],
    route_handlers=[list_trades, report_profit, report_positions, report_kpis],
)
curve_router = Router(path="/pnl", tags=["pnl"], route_handlers=[equity_curve])
