"""`/algorithms`, and running one over candles for a chart."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts import repository as accounts
from app.algorithms.catalog.sma_hma import SMA_HMA
from app.algorithms.registry import SHIPPED
from app.core.errors import ExchangeError, NotFound
from app.db.session import Database
from app.desk.charts.drawing import Drawing, draw
from app.desk.charts.schemas import (
    DEFAULT_CANDLES,
    MOST_CANDLES,
    AlgorithmOut,
    AlgorithmsOut,
    ChartOut,
    RunIn,
    UnfitOut,
)
from app.http.caller import Caller, require_trader
from app.market.asking import provide_market
from app.market.fetching.fetcher import CandleFetcher
from app.market.finding import listed, market_of
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.shelf import Shelf
from app.strategies import repository as strategies
from app.strategies.service import algorithm_of
from app.trading.timeframe import Timeframe


@get("/algorithms", operation_id="listAlgorithms", summary="What a strategy can be run by")
async def list_algorithms(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller]
) -> AlgorithmsOut:
    """With their parameters: those of the program, then those of the operator's folder."""
    shelf: Shelf = request.app.state.shelf
    stock = await shelf.look()
    items = [AlgorithmOut.of(one) for one in SHIPPED.values()]
    return AlgorithmsOut(
        items=[*items, *(AlgorithmOut.of_own(one) for one in stock.own)],
        unfit=[UnfitOut.of(one, is_told_all=caller.is_admin) for one in stock.faults],
    )


@get(
    "/strategies/hma-sma/run",
    operation_id="runHmaSma",
    summary="SMA and HMA over candles, for a chart",
    description="Series, entry points, and whether a long or a short may be entered now. Candles "
    "that are missing are fetched first.",
    dependencies={"market": Provide(provide_market)},
    guards=[require_trader],
    opt={"raises": [NotFound, ExchangeError]},
)
async def run_hma_sma(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],  # noqa: ARG001 candles are the same for everyone
    market: NamedDependency[PriceKey],
    now: NamedDependency[datetime],
    timeframe: FromQuery[str] = Timeframe.M15.value,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_CANDLES)] = DEFAULT_CANDLES,
) -> ChartOut:
    """With the usual periods: 200 of each."""
    drawing = Drawing(SMA_HMA, {}, market, Timeframe.of(timeframe), limit)
    return await _drawn(request, drawing, now)


@post(
    "/strategies/{strategy_id:uuid}/run",
    operation_id="runStrategy",
    summary="A strategy's algorithm over candles, for a chart",
    description="Nothing is traded. Candles that are missing are fetched first.",
    guards=[require_trader],
    status_code=200,
    opt={"raises": [NotFound, ExchangeError]},
)
async def run_strategy(
    request: Request[Any, Any, Any],
    strategy_id: FromPath[UUID],
    data: JSONBody[RunIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
) -> ChartOut:
    """On the market of the strategy's account."""
    async with database.read() as session:
        strategy = await strategies.owned(session, strategy_id, caller.user_id)
        account = await accounts.exchange_account(session, caller.user_id, strategy.account_id)
    name = algorithm_of(strategy)
    instruments: InstrumentBook = request.app.state.tools.instruments
    market = await market_of(
        instruments, data.symbol, exchange=account.exchange, market_type=account.market_type
    )
    shelf: Shelf = request.app.state.shelf
    try:
        async with shelf.opened(name) as chosen:
            drawing = Drawing(chosen, data.parameters, market, data.timeframe, data.limit)
            return await _drawn(request, drawing, now)
    except AlgorithmFault as fault:
        # The operator wrote it: nobody else can do anything about a line of it.
        raise (fault.in_full() if caller.is_admin else fault) from None


async def _drawn(request: Request[Any, Any, Any], drawing: Drawing, now: datetime) -> ChartOut:
    state, market = request.app.state, drawing.market
    instruments: InstrumentBook = state.tools.instruments
    fetcher: CandleFetcher = state.candle_fetcher
    instrument = listed(instruments, market)
    drawn = await draw(drawing, instrument, database=state.database, fetcher=fetcher, now=now)
    return ChartOut.of(drawn, drawing)


router = Router(
    path="/", tags=["strategies"], route_handlers=[list_algorithms, run_hma_sma, run_strategy]
)
