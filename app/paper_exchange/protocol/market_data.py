"""Prices for everybody, on both markets: tickers, book, tape, candles, time."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.prices.board import Print, Row
from app.paper_exchange.prices.candles import INTERVALS, Candle
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.shapes import Json, eight, short
from app.paper_exchange.symbols import Listing
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

_DAY = 24 * 60 * 60 * 1000
_DEPTH_LEVELS = 20
_BOOK_NOTIONAL = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class MarketData:
    """The public endpoints of one market."""

    market: MarketType

    def time(self, _venue: Venue, call: Call) -> object:
        """GET time."""
        return {"serverTime": call.at}

    def day_ticker(self, venue: Venue, call: Call) -> object:
        """GET ticker/24hr."""
        return self._one_or_all(venue, call, lambda row: day_ticker(row, call.at))

    def book_ticker(self, venue: Venue, call: Call) -> object:
        """GET ticker/bookTicker."""
        return self._one_or_all(venue, call, lambda row: self._book_ticker(row, call.at))

    def price_ticker(self, venue: Venue, call: Call) -> object:
        """GET ticker/price."""
        return self._one_or_all(venue, call, lambda row: self._price_ticker(row, call.at))

    def average_price(self, venue: Venue, call: Call) -> object:
        """GET avgPrice (spot)."""
        row = self._row(venue, call)
        return {"mins": 5, "price": short(row.quote.last), "closeTime": call.at}

    def premium_index(self, venue: Venue, call: Call) -> object:
        """GET premiumIndex (futures): the index is the last price, and so is a mark not held."""
        return self._one_or_all(
            venue,
            call,
            lambda row: {
                "symbol": row.listing.symbol,
                "markPrice": short(row.mark),
                "indexPrice": short(row.quote.last),
                "estimatedSettlePrice": short(row.quote.last),
                "lastFundingRate": eight(venue.funding.rate(row.listing.symbol)),
                "interestRate": "0.00010000",
                "nextFundingTime": venue.funding.next_at(row.listing.symbol, call.at),
                "time": call.at,
            },
        )

    def depth(self, venue: Venue, call: Call) -> object:
        """GET depth: levels one tick apart around the price."""
        row = self._row(venue, call)
        tick, quote = row.listing.price_tick, row.quote
        levels = call.limit(_DEPTH_LEVELS, _DEPTH_LEVELS)
        size = short(book_size(row))
        return {
            "lastUpdateId": row.update,
            "E": call.at,
            "T": call.at,
            "bids": [[short(quote.bid - tick * i), size] for i in range(levels)],
            "asks": [[short(quote.ask + tick * i), size] for i in range(levels)],
        }

    def trades(self, venue: Venue, call: Call) -> object:
        """GET trades."""
        row = self._row(venue, call)
        return [_trade(item) for item in list(row.tape)[-call.limit(500, 1000) :]]

    def aggregate_trades(self, venue: Venue, call: Call) -> object:
        """GET aggTrades."""
        row = self._row(venue, call)
        return [aggregate_trade(item) for item in list(row.tape)[-call.limit(500, 1000) :]]

    def klines(self, venue: Venue, call: Call) -> object:
        """GET klines."""
        row = self._row(venue, call)
        interval = call.text("interval")
        if interval not in INTERVALS:
            raise refuse(refusals.INVALID_INTERVAL)
        limit, start = call.limit(500, 1500), call.integer("startTime")
        until = min(call.integer("endTime") or call.at, call.at)
        length = INTERVALS[interval]
        if start is not None:
            until = min(until, start + (limit - 1) * length + (-start % length))
        candles = row.candles.read(interval, until=until, limit=limit)
        return [_kline(c, length) for c in candles if start is None or c.opened_at >= start]

    def _row(self, venue: Venue, call: Call) -> Row:
        return venue.board.rows[self.market, call.listing(self.market).symbol]

    def _one_or_all(self, venue: Venue, call: Call, shape: Callable[[Row], Json]) -> object:
        listing = call.optional_listing(self.market)
        if listing is not None:
            return shape(venue.board.rows[self.market, listing.symbol])
        return [
            shape(venue.board.rows[self.market, each.symbol]) for each in _wanted(call, self.market)
        ]

    def _price_ticker(self, row: Row, at: int) -> Json:
        shown: Json = {"symbol": row.listing.symbol, "price": short(row.quote.last)}
        return shown | self._stamp(at)

    def _book_ticker(self, row: Row, at: int) -> Json:
        size = short(book_size(row))
        shown: Json = {
            "symbol": row.listing.symbol,
            "bidPrice": short(row.quote.bid),
            "bidQty": size,
            "askPrice": short(row.quote.ask),
            "askQty": size,
        }
        return shown | self._stamp(at)

    def _stamp(self, at: int) -> Json:
        """Only futures tickers carry a time, and ccxt tells the markets apart by it."""
        return {"time": at} if self.market is MarketType.LINEAR else {}


def day_ticker(row: Row, at: int) -> Json:
    """The 24-hour ticker of one symbol, over what this venue has shown since its start."""
    day = row.candles.day()
    change = row.quote.last - day.open
    size = short(book_size(row))
    return {
        "symbol": row.listing.symbol,
        "priceChange": short(change),
        "priceChangePercent": short(change / day.open * 100),
        "weightedAvgPrice": short((day.high + day.low) / 2),
        "prevClosePrice": short(day.open),
        "lastPrice": short(row.quote.last),
        "lastQty": "1",
        "bidPrice": short(row.quote.bid),
        "bidQty": size,
        "askPrice": short(row.quote.ask),
        "askQty": size,
        "openPrice": short(day.open),
        "highPrice": short(day.high),
        "lowPrice": short(day.low),
        "volume": short(day.volume),
        "quoteVolume": short(day.volume * row.quote.last),
        "openTime": at - _DAY,
        "closeTime": at,
        "firstId": row.update,
        "lastId": row.update,
        "count": 1,
    }


def next_funding_at(at: int) -> int:
    """The next full eight hours, in milliseconds; funding itself is not charged."""
    return at - at % (_DAY // 3) + _DAY // 3


def aggregate_trade(item: Print) -> Json:
    """One print of the tape in short names, as the REST list and the stream share them."""
    return {
        "a": item.id,
        "p": short(item.price),
        "q": short(item.quantity),
        "f": item.id,
        "l": item.id,
        "T": item.at,
        "m": item.buyer_is_maker,
        "M": True,
    }


def _wanted(call: Call, market: MarketType) -> list[Listing]:
    names = call.params.get("symbols")
    if not names:
        return call.catalog.listings(market)
    try:
        wanted = [call.catalog.find(market, str(name)) for name in json.loads(names)]
    except (ValueError, TypeError):
        raise refusals.illegal("symbols") from None
    if None in wanted:
        raise refuse(refusals.INVALID_SYMBOL)
    return [listing for listing in wanted if listing is not None]


def book_size(row: Row) -> Decimal:
    """What the book shows; the engine fills any size at the price."""
    step = row.listing.quantity_step
    return max(step, (_BOOK_NOTIONAL / row.quote.last / step).to_integral_value() * step)


def _trade(item: Print) -> Json:
    return {
        "id": item.id,
        "price": short(item.price),
        "qty": short(item.quantity),
        "quoteQty": short(item.price * item.quantity),
        "time": item.at,
        "isBuyerMaker": item.buyer_is_maker,
        "isBestMatch": True,
    }


def _kline(candle: Candle, length: int) -> list[object]:
    value = short(candle.volume * candle.close)
    half, half_value = short(candle.volume / 2), short(candle.volume * candle.close / 2)
    prices = [short(p) for p in (candle.open, candle.high, candle.low, candle.close)]
    closed_at = candle.opened_at + length - 1
    figures = [short(candle.volume), closed_at, value, 1, half, half_value, "0"]
    return [candle.opened_at, *prices, *figures]
