"""`/prices`: what a market costs now."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from app.exchanges.venues import PAPER
from app.http.caller import Caller
from app.market.asking import MarketTypeName, market_named
from app.market.prices import PriceBoard
from app.market.schemas import PriceOut
from app.settings import Settings


@get(
    "/{symbol:str}/current",
    operation_id="getCurrentPrice",
    summary="What a market costs now",
    description="`symbol` is a ticker: `BTCUSDT` spot, `BTCUSDT.P` linear, `BTCUSD.P` inverse.",
)
async def current_price(
    request: Request[Any, Any, Any],
    symbol: FromPath[str],
    caller: NamedDependency[Caller],  # noqa: ARG001 the price is the same for everyone
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> PriceOut:
    """From the stream, or asked of the venue when that is silent; never an old one."""
    board: PriceBoard = request.app.state.tools.prices
    settings: Settings = request.app.state.settings
    key = await market_named(request, symbol, exchange=exchange, market_type=market_type)
    oldest = timedelta(seconds=settings.price_max_age_seconds)
    return PriceOut.of(await board.fresh(key, max_age=oldest, now=now))


router = Router(path="/prices", tags=["market"], route_handlers=[current_price])
