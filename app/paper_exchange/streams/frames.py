"""The JSON of each market stream, with Binance's one-letter names."""

from collections.abc import Callable

from app.paper_exchange.prices.board import Row
from app.paper_exchange.prices.candles import INTERVALS, Candle
from app.paper_exchange.protocol.market_data import (
    aggregate_trade,
    book_size,
    day_ticker,
    next_funding_at,
)
from app.paper_exchange.protocol.shapes import Json, short
from app.trading.words import MarketType

_DAY_TICKER = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "x": "prevClosePrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}


_KLINE = "kline_"


def frame(row: Row, channel: str, at: int) -> Json | None:
    """What a channel says about a symbol now; None when it has nothing to say yet."""
    if channel.startswith(_KLINE):
        interval = channel.removeprefix(_KLINE)
        return _kline(row, interval, row.candles.current(interval), at, is_closed=False)
    return _MAKERS[channel.partition("@")[0]](row, at)


def closing_frame(row: Row, channel: str, at: int) -> Json | None:
    """The last word on the candle that the last trade has closed; None where it closed none."""
    interval = channel.removeprefix(_KLINE)
    candle = row.candles.just_closed.get(interval)
    return None if candle is None else _kline(row, interval, candle, at, is_closed=True)


def _head(event: str, row: Row, at: int) -> Json:
    return {"e": event, "E": at, "s": row.listing.symbol}


def _mini_ticker(row: Row, at: int) -> Json:
    day = row.candles.day()
    return _head("24hrMiniTicker", row, at) | {
        "c": short(row.quote.last),
        "o": short(day.open),
        "h": short(day.high),
        "l": short(day.low),
        "v": short(day.volume),
        "q": short(day.volume * row.quote.last),
    }


def _ticker(row: Row, at: int) -> Json:
    day = day_ticker(row, at)
    return _head("24hrTicker", row, at) | {key: day[name] for key, name in _DAY_TICKER.items()}


def _book_ticker(row: Row, at: int) -> Json:
    size = short(book_size(row))
    shown: Json = {
        "u": row.update,
        "s": row.listing.symbol,
        "b": short(row.quote.bid),
        "B": size,
        "a": short(row.quote.ask),
        "A": size,
    }
    if row.listing.market is MarketType.LINEAR:
        shown |= {"e": "bookTicker", "E": at, "T": at}
    return shown


def _mark_price(row: Row, at: int) -> Json:
    price = short(row.quote.last)
    return _head("markPriceUpdate", row, at) | {
        "p": short(row.mark),
        "ap": price,
        "i": price,
        "P": price,
        "r": "0.00000000",
        "T": next_funding_at(at),
    }


def _aggregate_trade(row: Row, at: int) -> Json | None:
    if not row.tape:
        return None
    return _head("aggTrade", row, at) | aggregate_trade(row.tape[-1])


def _trade(row: Row, at: int) -> Json | None:
    if not row.tape:
        return None
    item = row.tape[-1]
    return _head("trade", row, at) | {
        "t": item.id,
        "p": short(item.price),
        "q": short(item.quantity),
        "T": item.at,
        "m": item.buyer_is_maker,
        "M": True,
    }


def _kline(row: Row, interval: str, candle: Candle, at: int, *, is_closed: bool) -> Json:
    value = candle.volume * candle.close
    kline: Json = {
        "t": candle.opened_at,
        "T": candle.opened_at + INTERVALS[interval] - 1,
        "s": row.listing.symbol,
        "i": interval,
        "f": 1,
        "L": row.update,
        "o": short(candle.open),
        "c": short(candle.close),
        "h": short(candle.high),
        "l": short(candle.low),
        "v": short(candle.volume),
        "n": 1,
        "x": is_closed,
        "q": short(value),
        "V": short(candle.volume / 2),
        "Q": short(value / 2),
        "B": "0",
    }
    return _head("kline", row, at) | {"k": kline}


_MAKERS: dict[str, Callable[[Row, int], Json | None]] = {
    "miniTicker": _mini_ticker,
    "ticker": _ticker,
    "bookTicker": _book_ticker,
    "markPrice": _mark_price,
    "aggTrade": _aggregate_trade,
    "trade": _trade,
}
