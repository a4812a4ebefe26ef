"""What the lists of the market room are asked for: which market, and which part of its time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from litestar import Request
from litestar.params import FromQuery, QueryParameter

from app.core.errors import Invalid
from app.exchanges.venues import PAPER
from app.http.filters import choice
from app.http.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.market.finding import market_of
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.trading.words import MarketType

MAX_TICKER: Final = 80
BAD_CURSOR: Final = "cursor: pass the next_cursor of the page before"

MarketTypeName = Annotated[str | None, QueryParameter(name="market_type")]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list by time is wanted, in UTC; `since` is inclusive, `until` exclusive.

    Attributes:
        cursor: as the page before gave it; its list knows what it means.
    """

    limit: int
    cursor: str | None
    since: datetime | None
    until: datetime | None


def provide_window(
    request: Request[Any, Any, Any],
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, QueryParameter(name="cursor")] = None,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
) -> Window:
    """Read `limit`, `cursor`, `from` and `to`.

    Raises:
        Invalid: a time without a zone, `reversed_range`, or `future_range`.
    """
    since = None if since is None else in_utc("from", since)
    until = None if until is None else in_utc("to", until)
    if since is not None and until is not None and since >= until:
        raise Invalid("from is not before to.", code="reversed_range")
    if since is not None and since > request.app.state.clock.now():
        raise Invalid("from is yet to come: nothing has happened then.", code="future_range")
    return Window(limit, cursor, since, until)


def in_utc(name: str, moment: datetime) -> datetime:
    """A moment in UTC.

    Raises:
        Invalid: it has no zone, or no UTC, as the first hours of year 1 in Tokyo.
    """
    if moment.tzinfo is None:
        raise Invalid(f"{name}: add a time zone, for example 2026-01-31T00:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{name}: no such moment in UTC") from None


def cursor_time(text: str) -> datetime:
    """The moment that a page before wrote into its cursor.

    Raises:
        Invalid: no page wrote that.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(BAD_CURSOR) from None
    if moment.tzinfo is not UTC:
        raise Invalid(BAD_CURSOR)
    return moment


async def provide_market(
    request: Request[Any, Any, Any],
    symbol: FromQuery[str],
    exchange: FromQuery[str] = PAPER,
    market_type: MarketTypeName = None,
) -> PriceKey:
    """The market that `symbol` names: a ticker or a ccxt symbol.

    Raises:
        NotFound: `unknown_symbol`.
        Invalid: no such exchange, or not that kind of market there.
        ExchangeError: the venue's markets had to be asked for, and it did not answer.
    """
    return await market_named(request, symbol, exchange=exchange, market_type=market_type)


async def market_named(
    request: Request[Any, Any, Any], symbol: str, *, exchange: str, market_type: str | None
) -> PriceKey:
    """The market that a symbol names.

    Raises:
        NotFound: as `provide_market`.
        Invalid: as `provide_market`.
        ExchangeError: as `provide_market`.
    """
    instruments: InstrumentBook = request.app.state.tools.instruments
    kind = choice(MarketType, market_type, "market_type")
    return await market_of(instruments, symbol[:MAX_TICKER], exchange=exchange, market_type=kind)


async def markets_of(
    request: Request[Any, Any, Any],
    symbols: Iterable[str],
    *,
    exchange: str,
    market_type: str | None,
) -> dict[str, PriceKey]:
    """The market that each symbol names.

    Raises:
        NotFound: as `provide_market`.
        Invalid: as `provide_market`.
        ExchangeError: as `provide_market`.
    """
    return {
        symbol: await market_named(request, symbol, exchange=exchange, market_type=market_type)
        for symbol in dict.fromkeys(symbols)
    }
