"""See which candles are missing, and fetch them: as a job, or a few while you wait."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Final

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.audit.service import record
from app.core.clock import iso
from app.core.errors import ExchangeError, NotFound, TooMany
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller, require_trader
from app.jobs.schemas import JobOut
from app.market.asking import MarketTypeName, in_utc, provide_market
from app.market.candles.series import Series
from app.market.fetching.asking import series_named
from app.market.fetching.fetcher import CandleFetcher
from app.market.fetching.job import checked_count, queue_fetch
from app.market.fetching.looking import look_through
from app.market.fetching.schemas import FetchedOut, FetchIn, GapsOut
from app.market.prices import PriceKey
from app.trading.timeframe import Timeframe

DEFAULT_CANDLES: Final = 1000
# One or two answers of a venue; whoever wants more asks for a job.
MOST_CANDLES: Final = 2000
LONGEST_MONTH: Final = timedelta(days=31)
# So that no range begins before the calendar does.
BEFORE_ALL_MARKETS: Final = datetime(1970, 1, 1, tzinfo=UTC)


@get(
    "/candles/gaps",
    operation_id="listCandleGaps",
    summary="Candles that are missing",
    description="Between `from`, the first stored candle when left out, and `to`, now when left "
    "out; before the first stored candle nothing is. `POST /candles/fetch` with the same range "
    "fetches what is missing, as far as the exchange has it.",
    dependencies={"market": Provide(provide_market)},
    opt={"raises": [NotFound]},
)
async def list_gaps(
    caller: NamedDependency[Caller],  # noqa: ARG001 candles are the same for everyone
    market: NamedDependency[PriceKey],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    timeframe: FromQuery[str],
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
) -> GapsOut:
    """How many, and where."""
    series = Series.of(market, Timeframe.of(timeframe))
    looked = await look_through(
        database,
        series,
        since=None if since is None else in_utc("from", since),
        until=now if until is None else in_utc("to", until),
        now=now,
    )
    return GapsOut.of(series, looked)


@post(
    "/candles/fetch",
    operation_id="fetchCandles",
    summary="Have candles fetched from their exchange",
    description="A job: `GET /jobs/{id}` says how far it is. Only what is missing is asked for, as "
    "far as it is closed.",
    guards=[require_trader],
    status_code=201,
    opt={"raises": [NotFound, TooMany]},
)
async def fetch_candles(
    request: Request[Any, Any, Any],
    data: JSONBody[FetchIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> JobOut:
    """The market is looked up at its venue first, before anything is written."""
    series = await series_named(
        request, data.symbol, data.timeframe, exchange=exchange, market_type=market_type
    )
    since = in_utc("from", data.since)
    until = now if data.until is None else in_utc("to", data.until)
    async with database.transaction() as session:
        job = await queue_fetch(
            session,
            series,
            since,
            until,
            user_id=caller.user_id,
            actor=caller.username,
            now=now,
        )
        return JobOut.model_validate(job)


@get(
    "/fetch_and_store_data/{symbol:str}",
    operation_id="fetchAndStoreCandles",
    summary="Fetch a few candles and wait for them",
    description="At most two thousand; for more there is `POST /candles/fetch`. Only what is "
    "missing is asked for, as far as it is closed.",
    guards=[require_trader],
    opt={"raises": [NotFound, ExchangeError]},
)
async def fetch_and_store(
    request: Request[Any, Any, Any],
    symbol: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    interval: FromQuery[str] = Timeframe.H1.value,
    start: Annotated[datetime | None, QueryParameter(name="start")] = None,
    end: Annotated[datetime | None, QueryParameter(name="end")] = None,
    max_candles: Annotated[
        int, QueryParameter(name="max_candles", ge=1, le=MOST_CANDLES)
    ] = DEFAULT_CANDLES,
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> FetchedOut:
    """From `start` on, or the newest ones up to `end` when it is left out."""
    series = await series_named(
        request, symbol, Timeframe.of(interval), exchange=exchange, market_type=market_type
    )
    since, until, is_cut = _range(series.timeframe, start, end, max_candles, now)
    checked_count(series.timeframe, since, until, now=now)
    fetcher: CandleFetcher = request.app.state.candle_fetcher
    found = await fetcher.fetch(series, since, until)
    async with database.transaction() as session:
        await record(
            session,
            now=now,
            actor=caller.username,
            user_id=caller.user_id,
            action="candles.fetched",
            subject_kind="candles",
            subject_id=series.symbol,
            detail={
                "exchange": series.exchange,
                "timeframe": series.timeframe.value,
                "from": iso(since),
                "to": iso(until),
                "inserted": str(found.inserted),
            },
        )
    return FetchedOut.model_validate(
        {
            "symbol": series.symbol,
            "interval": series.timeframe,
            "inserted": found.inserted,
            "duplicates_skipped": found.duplicates_skipped,
            "status": "partial" if is_cut or found.missing else "complete",
            "from": since,
            "to": until,
        }
    )


def _range(
    timeframe: Timeframe,
    start: datetime | None,
    end: datetime | None,
    most: int,
    now: datetime,
) -> tuple[datetime, datetime, bool]:
    """Where to begin and to end, and whether more was asked for.

    Raises:
        Invalid: a time without a zone.
    """
    until = min(timeframe.open_of(now), now if end is None else in_utc("end", end))
    if start is None:
        span = (timeframe.length or LONGEST_MONTH) * most
        begin = max(until, BEFORE_ALL_MARKETS + span) - span
        opens = list(timeframe.opens(begin, until))[-most:]
        return (opens[0] if opens else until), until, False
    since = in_utc("start", start)
    beyond = next(islice(timeframe.opens(since, until), most, None), None)
    return since, beyond or until, beyond is not None


router = Router(
    path="/", tags=["market"], route_handlers=[list_gaps, fetch_candles, fetch_and_store]
)
