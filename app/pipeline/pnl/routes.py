"""`/pnl`: the trader's days."""

from datetime import date
from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller
from app.http.schemas import Page
from app.pipeline.pnl import repository
from app.pipeline.pnl.schemas import DailyPnlOut


@get("/daily", operation_id="listDailyPnl", summary="Profit and loss by day")
async def daily(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    since: Annotated[date | None, QueryParameter(name="from")] = None,
    until: Annotated[date | None, QueryParameter(name="to")] = None,
) -> Page[DailyPnlOut]:
    """Days of your time zone, newest first; one row per currency, live and paper apart."""
    rows = await repository.days(session, caller.user_id, since=since, until=until)
    return Page(items=[DailyPnlOut.of(row) for row in rows])


router = Router(path="/pnl", tags=["pnl"], route_handlers=[daily])
