"""`/candles/captures`: which series are kept up to date, and how far each of them is."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound, TooMany
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.market.asking import MarketTypeName, in_utc
from app.market.capture import repository, service
from app.market.capture.models import Capture
from app.market.capture.schemas import CaptureOut
from app.market.fetching.asking import series_named
from app.trading.timeframe import Timeframe

PATH = "/{symbol:str}/{timeframe:str}"


@get("/", operation_id="listCaptures", summary="Series that are kept up to date")
async def list_captures(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Page[CaptureOut]:
    """Your own, newest first."""
    return await page_of(
        session,
        repository.listing(caller.user_id),
        paging,
        id_column=Capture.id,
        time_column=Capture.created_at,
        shape=CaptureOut.of,
    )


@put(
    PATH,
    operation_id="beginCapture",
    summary="Keep a series up to date",
    description="Each of its candles is fetched as soon as it has closed, and what a silence or a "
    "restart has left out soon after. `from` is where it begins: the candle that is open now when "
    "left out, at most 10,000 candles ago. Asked for again it may begin earlier.",
    guards=[require_trader],
    opt={"raises": [NotFound, TooMany]},
)
async def begin_capture(
    request: Request[Any, Any, Any],
    symbol: FromPath[str],
    timeframe: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> CaptureOut:
    """The market is looked up at its venue first, before anything is written."""
    series = await series_named(
        request, symbol, Timeframe.of(timeframe), exchange=exchange, market_type=market_type
    )
    begins = None if since is None else in_utc("from", since)
    async with database.transaction() as session:
        capture = await service.begin(session, caller, series, since=begins, now=now)
        return CaptureOut.of(capture)


@delete(
    PATH,
    operation_id="endCapture",
    summary="Keep a series up to date no longer",
    description="What is stored stays.",
    guards=[require_trader],
    opt={"raises": [NotFound]},
)
async def end_capture(
    request: Request[Any, Any, Any],
    symbol: FromPath[str],
    timeframe: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> None:
    """Your own; somebody else who wants the same series goes on having it."""
    series = await series_named(
        request, symbol, Timeframe.of(timeframe), exchange=exchange, market_type=market_type
    )
    async with database.transaction() as session:
        await service.end(session, caller, series, now=now)


router = Router(
    path="/candles/captures",
    tags=["market"],
    route_handlers=[list_captures, begin_capture, end_capture],
)
