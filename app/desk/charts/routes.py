"""`/algorithms`, and running one over candles for a chart."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts import repository as accounts
from app.algorithms.algorithm import Definition
from app.algorithms.catalog.sma_hma import SMA_HMA
from app.algorithms.registry import SHIPPED, definition
from app.core.errors import ExchangeError, Invalid, NotFound
from app.db.session import Database
from app.desk.charts.drawing import Drawing, draw
from app.desk.charts.schemas import AlgorithmOut, AlgorithmsOut, ChartOut, RunIn
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.market.asking import MarketTypeName, markets_of
from app.market.fetching.fetcher import CandleFetcher
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.strategies import repository as strategies
from app.trading.timeframe import Timeframe

DEFAULT_CANDLES: Final = 500
MOST_CANDLES: Final = 1000


@get("/algorithms", operation_id="listAlgorithms", summary="What a strategy can be run by")
async def list_algorithms(
    caller: NamedDependency[Caller],  # noqa: ARG001 they are the same for everyone
) -> AlgorithmsOut:
    """With their parameters."""
    return AlgorithmsOut(items=[AlgorithmOut.of(one) for one in SHIPPED.values()])


@get(
    "/strategies/hma-sma/run",
    operation_id="runHmaSma",
    summary="SMA and HMA over candles, for a chart",
    description="Series, entry points, and whether a long or a short may be entered now. Candles "
    "that are missing are fetched first.",
    guards=[require_trader],
    opt={"raises": [NotFound, ExchangeError]},
)
async def run_hma_sma(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],  # noqa: ARG001 candles are the same for everyone
    now: NamedDependency[datetime],
    symbol: FromQuery[str],
    timeframe: FromQuery[str] = Timeframe.M15.value,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_CANDLES)] = DEFAULT_CANDLES,
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> ChartOut:
    """With the usual periods: 200 of each."""
    markets = await markets_of(request, [symbol], exchange=exchange, market_type=market_type)
    wanted = RunIn(symbol=symbol, timeframe=Timeframe.of(timeframe), limit=limit)
    return await _drawn(request, SMA_HMA, markets[symbol], wanted, now)


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
    if strategy.algorithm is None:
        raise Invalid(
            "This strategy names no algorithm: set `algorithm` to one of GET /algorithms.",
            code="no_algorithm",
        )
    markets = await markets_of(
        request,
        [data.symbol],
        exchange=account.exchange,
        market_type=account.market_type.value,
    )
    chosen = definition(strategy.algorithm)
    return await _drawn(request, chosen, markets[data.symbol], data, now)


async def _drawn(
    request: Request[Any, Any, Any],
    chosen: Definition[Any],
    market: PriceKey,
    wanted: RunIn,
    now: datetime,
) -> ChartOut:
    state = request.app.state
    instruments: InstrumentBook = state.tools.instruments
    fetcher: CandleFetcher = state.candle_fetcher
    instrument = instruments.get(*market)
    if instrument is None:
        raise NotFound(f"{market.exchange} lists no market {market.symbol}.", code="unknown_symbol")
    drawing = Drawing(chosen, wanted.parameters, market, wanted.timeframe, wanted.limit)
    drawn = await draw(drawing, instrument, database=state.database, fetcher=fetcher, now=now)
    return ChartOut.of(
        drawn, chosen, symbol=market.symbol, timeframe=wanted.timeframe, limit=wanted.limit
    )


router = Router(
    path="/", tags=["strategies"], route_handlers=[list_algorithms, run_hma_sma, run_strategy]
)
