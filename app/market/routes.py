"""`/prices`: what a market costs now."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from app.exchanges.venues import PAPER
from app.http.caller import Caller
from app.http.filters import choice
from app.market.finding import market_of
from app.market.prices import PriceBoard
from app.market.schemas import PriceOut
from app.settings import Settings
from app.trading.words import MarketType

MAX_TICKER: Final = 80


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
    market_type: Annotated[str | None, QueryParameter(name="market_type")] = None,
) -> PriceOut:
    """From the stream, or asked of the venue when that is silent; never an old one."""
    tools = request.app.state.tools
    board: PriceBoard = tools.prices
    settings: Settings = request.app.state.settings
    key = await market_of(
        tools.instruments,
        symbol[:MAX_TICKER],
        exchange=exchange,
        market_type=choice(MarketType, market_type, "market_type"),
    )
    oldest = timedelta(seconds=settings.price_max_age_seconds)
    return PriceOut.of(await board.fresh(key, max_age=oldest, now=now))


router = Router(path="/prices", tags=["market"], route_handlers=[current_price])
