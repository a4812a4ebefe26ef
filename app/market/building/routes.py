"""`POST /candles/build`: candles made from what is stored, as a job."""

from datetime import datetime
from typing import Any

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from app.core.errors import NotFound, TooMany
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.jobs.schemas import JobOut
from app.market.asking import MarketTypeName, in_utc
from app.market.building.job import queue_build
from app.market.building.schemas import BuildIn
from app.market.building.service import source_named
from app.market.fetching.asking import series_named


@post(
    "/build",
    operation_id="buildCandles",
    summary="Have candles built from smaller ones, or from trades",
    description="A job: `GET /jobs/{id}` says how far it is, and how many were incomplete. Only "
    "whole candles are kept; one that is stored with other values ends the job with "
    "`candle_conflict`, and is shown. From trades, candles are made between the first and the last "
    "trade that is stored.",
    guards=[require_trader],
    status_code=201,
    opt={"raises": [NotFound, TooMany]},
)
async def build_candles(
    request: Request[Any, Any, Any],
    data: JSONBody[BuildIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> JobOut:
    """The market is looked up at its venue first, before anything is written."""
    source = source_named(data.source, data.timeframe)
    series = await series_named(
        request, data.symbol, data.timeframe, exchange=exchange, market_type=market_type
    )
    since = in_utc("from", data.since)
    until = now if data.until is None else in_utc("to", data.until)
    async with database.transaction() as session:
        job = await queue_build(
            session,
            series,
            source,
            since,
            until,
            user_id=caller.user_id,
            actor=caller.username,
            now=now,
        )
        return JobOut.model_validate(job)


router = Router(path="/candles", tags=["market"], route_handlers=[build_candles])
