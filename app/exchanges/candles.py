"""Candles of a venue: ccxt's six columns everywhere, all of a venue's columns where it has more."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from app.core.errors import Invalid
from app.exchanges.errors import UnreadableReply
from app.exchanges.mapping import moment, number
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe

# What venues answer at least, where ccxt does not know how much it is.
AT_LEAST: Final = 100
# Beyond that no venue's answer gets longer, and one of it is slow enough.
AT_MOST: Final = 1000

Row = Sequence[Any]


class AskForCandles(Protocol):
    """Asks a venue for candles from a moment on."""

    async def __call__(
        self, client: Any, symbol: str, timeframe: str, since: int, limit: int
    ) -> Sequence[Candle]: ...


def most_at_once(client: Any, symbol: str) -> int:
    """How many candles one answer holds."""
    limit = client.feature_value(symbol, "fetchOHLCV", "limit", AT_LEAST)
    return min(int(limit or AT_LEAST), AT_MOST)


async def by_ccxt(
    client: Any, symbol: str, timeframe: str, since: int, limit: int
) -> Sequence[Candle]:
    """Prices and volume, as ccxt reads them for every venue."""
    rows = await client.fetch_ohlcv(symbol, timeframe, since, limit)
    return [_candle(Timeframe(timeframe), row[:5], volume=row[5]) for row in rows]


async def at_binance(
    client: Any, symbol: str, timeframe: str, since: int, limit: int
) -> Sequence[Candle]:
    """All columns of Binance's klines, of which ccxt gives six.

    On inverse contracts the sixth column counts contracts and the eighth base units; their worth in
    quote is nowhere.
    """
    market = client.market(symbol)
    query = {"symbol": market["id"], "interval": timeframe, "startTime": since, "limit": limit}
    if market["inverse"]:
        # Without an end Binance answers with the newest ones.
        query["endTime"] = since + limit * client.parse_timeframe(timeframe) * 1000 - 1
        rows = await client.dapiPublicGetKlines(query)
        return [_inverse(Timeframe(timeframe), row) for row in rows]
    ask = client.fapiPublicGetKlines if market["linear"] else client.publicGetKlines
    return [_linear(Timeframe(timeframe), row) for row in await ask(query)]


def _linear(timeframe: Timeframe, row: Row) -> Candle:
    return _candle(
        timeframe,
        row[:5],
        volume=row[5],
        quote_volume=row[7],
        trades=row[8],
        taker_buy_volume=row[9],
        taker_buy_quote_volume=row[10],
    )


def _inverse(timeframe: Timeframe, row: Row) -> Candle:
    return _candle(timeframe, row[:5], volume=row[7], trades=row[8], taker_buy_volume=row[10])


def _candle(
    timeframe: Timeframe,
    head: Row,
    *,
    volume: Any,
    quote_volume: Any = None,
    trades: Any = None,
    taker_buy_volume: Any = None,
    taker_buy_quote_volume: Any = None,
) -> Candle:
    opened, first, high, low, last = head
    try:
        return Candle(
            timeframe,
            moment(opened),
            open=_given(first),
            high=_given(high),
            low=_given(low),
            close=_given(last),
            volume=_given(volume),
            quote_volume=number(quote_volume),
            trades=None if trades is None else int(trades),
            taker_buy_volume=number(taker_buy_volume),
            taker_buy_quote_volume=number(taker_buy_quote_volume),
        )
    except Invalid as wrong:
        raise UnreadableReply(f"the venue's answer makes no sense: {wrong.detail}") from None


def _given(value: Any) -> Decimal:
    found = number(value)
    if found is None:
        raise UnreadableReply("a candle of the venue lacks a price or its volume")
    return found
