"""`/candles`: what markets did, to read and to add to."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import iso
from app.core.errors import Conflict, NotFound
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.schemas import Page
from app.market.asking import (
    MarketTypeName,
    Window,
    cursor_time,
    market_named,
    markets_of,
    provide_market,
    provide_window,
)
from app.market.candles import repository, service
from app.market.candles.schemas import CandleOut, CandlesIn
from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.market.schemas import KeptOut, PastPriceOut
from app.trading.candle import Candle, PriceKind
from app.trading.timeframe import Timeframe

PriceName = Annotated[
    str | None, QueryParameter(name="price", description="`last` (the default) or `mark`")
]


@get(
    "/",
    operation_id="listCandles",
    summary="Candles of a market",
    description="`symbol` is a ticker (`BTCUSDT` spot, `BTCUSDT.P` linear) or a ccxt symbol; "
    "`from` and `to` are compared with open times.",
    dependencies={
        "market": Provide(provide_market),
        "window": Provide(provide_window, sync_to_thread=False),
    },
    opt={"raises": [NotFound]},
)
async def list_candles(
    caller: NamedDependency[Caller],  # noqa: ARG001 candles are the same for everyone
    market: NamedDependency[PriceKey],
    window: NamedDependency[Window],
    session: NamedDependency[AsyncSession],
    timeframe: FromQuery[str],
    price: PriceName = None,
) -> Page[CandleOut]:
    """Closed candles, newest first."""
    kind = choice(PriceKind, price, "price") or PriceKind.LAST
    series = Series.of(market, Timeframe.of(timeframe), kind)
    shown, more = await _page(session, series, window)
    return Page(
        items=[CandleOut.of(series, one) for one in shown],
        next_cursor=iso(shown[-1].open_time) if more else None,
    )


@get(
    "/{symbol:str}/history",
    operation_id="listPastPrices",
    summary="What a market cost",
    description="The closing prices of its stored candles; `from` and `to` are compared with their "
    "open times.",
    dependencies={"window": Provide(provide_window, sync_to_thread=False)},
    opt={"raises": [NotFound]},
)
async def list_past_prices(
    request: Request[Any, Any, Any],
    symbol: FromPath[str],
    caller: NamedDependency[Caller],  # noqa: ARG001 prices are the same for everyone
    window: NamedDependency[Window],
    session: NamedDependency[AsyncSession],
    timeframe: FromQuery[str] = Timeframe.M1.value,
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> Page[PastPriceOut]:
    """Newest first."""
    market = await market_named(request, symbol, exchange=exchange, market_type=market_type)
    series = Series.of(market, Timeframe.of(timeframe))
    shown, more = await _page(session, series, window)
    return Page(
        items=[
            PastPriceOut(symbol=series.symbol, price=one.close, at=one.close_time) for one in shown
        ],
        next_cursor=iso(shown[-1].open_time) if more else None,
    )


async def _page(session: AsyncSession, series: Series, window: Window) -> tuple[list[Candle], bool]:
    """The candles of a page, newest first, and whether there are more."""
    before = None if window.cursor is None else cursor_time(window.cursor)
    ends = [one for one in (window.until, before) if one is not None]
    candles = await repository.newest(
        session,
        series,
        since=window.since,
        until=min(ends, default=None),
        limit=window.limit + 1,
    )
    return candles[: window.limit], len(candles) > window.limit


@post(
    "/",
    operation_id="keepCandles",
    summary="Keep closed candles",
    description="All of them, or none if one is refused. One that is stored already is skipped; "
    "one that is stored with other values is refused with `candle_conflict`, and shown.",
    opt={"raises": [NotFound, Conflict]},
    guards=[require_trader],
    status_code=200,
)
async def keep_candles(
    request: Request[Any, Any, Any],
    data: JSONBody[CandlesIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
    price: PriceName = None,
) -> KeptOut:
    """What is imported is the market's: every user sees it."""
    kind = choice(PriceKind, price, "price") or PriceKind.LAST
    # A market that was never loaded is asked for at its venue: before the transaction.
    markets = await markets_of(
        request,
        [one.symbol for one in data.candles],
        exchange=exchange,
        market_type=market_type,
    )
    candles: dict[Series, list[Candle]] = {}
    for one in data.candles:
        series = Series.of(markets[one.symbol], one.timeframe, kind)
        candles.setdefault(series, []).append(one.candle())
    async with database.transaction() as session:
        kept = await service.import_candles(session, caller, candles, now=now)
    return KeptOut.of(kept)


past_prices = Router(path="/prices", tags=["market"], route_handlers=[list_past_prices])
router = Router(path="/candles", tags=["market"], route_handlers=[list_candles, keep_candles])
