"""`/trades`: what anybody traded on a market, to read and to add to."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import iso
from app.core.errors import Conflict, Invalid, NotFound
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.schemas import Page
from app.market.asking import (
    BAD_CURSOR,
    MarketTypeName,
    Window,
    cursor_time,
    markets_of,
    provide_market,
    provide_window,
)
from app.market.prices import PriceKey
from app.market.schemas import KeptOut
from app.market.trades import repository, service
from app.market.trades.repository import Place
from app.market.trades.schemas import MarketTradeOut, MarketTradesIn
from app.trading.market_trade import MarketTrade
from app.trading.words import Side


@get(
    "/",
    operation_id="listMarketTrades",
    summary="Trades of a market",
    description="Not yours: anybody's. `symbol` is a ticker or a ccxt symbol; `side` is that of "
    "the taker.",
    dependencies={
        "market": Provide(provide_market),
        "window": Provide(provide_window, sync_to_thread=False),
    },
    opt={"raises": [NotFound]},
)
async def list_market_trades(
    caller: NamedDependency[Caller],  # noqa: ARG001 they are the same for everyone
    market: NamedDependency[PriceKey],
    window: NamedDependency[Window],
    session: NamedDependency[AsyncSession],
    side: Annotated[str | None, QueryParameter(name="side")] = None,
) -> Page[MarketTradeOut]:
    """Newest first."""
    trades = await repository.newest(
        session,
        market,
        since=window.since,
        until=window.until,
        before=_place(window.cursor),
        side=choice(Side, side, "side"),
        limit=window.limit + 1,
    )
    shown = trades[: window.limit]
    more = len(trades) > window.limit
    return Page(
        items=[MarketTradeOut.of(market.symbol, one) for one in shown],
        next_cursor=_cursor(Place.of(shown[-1])) if more else None,
    )


@post(
    "/",
    operation_id="keepMarketTrades",
    summary="Keep trades of a market",
    description="All of them, or none if one is refused. One that is stored already is skipped; "
    "one that is stored with other values is refused with `trade_conflict`, and shown.",
    opt={"raises": [NotFound, Conflict]},
    guards=[require_trader],
    status_code=200,
)
async def keep_market_trades(
    request: Request[Any, Any, Any],
    data: JSONBody[MarketTradesIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> KeptOut:
    """What is imported is the market's: every user sees it."""
    # A market that was never loaded is asked for at its venue: before the transaction.
    markets = await markets_of(
        request,
        [one.symbol for one in data.trades],
        exchange=exchange,
        market_type=market_type,
    )
    trades: dict[PriceKey, list[MarketTrade]] = {}
    for one in data.trades:
        trades.setdefault(markets[one.symbol], []).append(one.trade())
    async with database.transaction() as session:
        kept = await service.import_trades(session, caller, trades, now=now)
    return KeptOut.of(kept)


def _cursor(place: Place) -> str:
    return f"{iso(place.executed_at)}/{place.exchange_trade_id}"


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    moment, _, name = cursor.partition("/")
    if not name.isprintable():
        raise Invalid(BAD_CURSOR)
    return Place(cursor_time(moment), name)


router = Router(
    path="/trades", tags=["market"], route_handlers=[list_market_trades, keep_market_trades]
)
