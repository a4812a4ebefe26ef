"""Rows of a venue into candles: every column where it belongs, and no nonsense."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from app.exchanges.candles import at_binance, by_ccxt
from app.exchanges.errors import UnreadableReply
from app.trading.timeframe import Timeframe
from tests.builders import d

OPENED = 1_772_452_800_000
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Open time, four prices, volume, close time, its worth, trades, bought by takers, its worth.
ROW = [OPENED, "60", "70", "50", "65", "3", OPENED + 59_999, "190", 7, "2", "120", "0"]


@dataclass
class Binance:
    """Answers with these rows, and keeps what it was asked."""

    rows: list[list[Any]]
    is_inverse: bool = False
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def market(self, symbol: str) -> dict[str, Any]:
        return {"id": symbol.replace("/", ""), "inverse": self.is_inverse, "linear": False}

    def parse_timeframe(self, timeframe: str) -> int:
        return {"1m": 60}[timeframe]

    async def publicGetKlines(self, query: Mapping[str, Any]) -> Any:  # noqa: N802 ccxt's name
        self.asked.append(query)
        return self.rows

    async def dapiPublicGetKlines(self, query: Mapping[str, Any]) -> Any:  # noqa: N802 likewise
        self.asked.append(query)
        return self.rows

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> Any:
        self.asked.append({"symbol": symbol, "interval": timeframe, "from": since, "limit": limit})
        return [row[:6] for row in self.rows]


async def test_every_column_of_binance_is_where_it_belongs() -> None:
    venue = Binance([ROW])

    [candle] = await at_binance(venue, "BTC/USDT", "1m", OPENED, 5)

    assert (candle.timeframe, candle.open_time) == (Timeframe.M1, AT)
    prices = [candle.open, candle.high, candle.low, candle.close]
    assert prices == [d("60"), d("70"), d("50"), d("65")]
    assert (candle.volume, candle.quote_volume, candle.trades) == (d("3"), d("190"), 7)
    assert candle.taker_buy_volume == d("2")
    assert candle.taker_buy_quote_volume == d("120")
    assert venue.asked == [{"symbol": "BTCUSDT", "interval": "1m", "startTime": OPENED, "limit": 5}]


async def test_contracts_in_dollars_count_their_volume_in_coins() -> None:
    row = [*ROW[:5], "1900", ROW[6], "3.1", 7, "1200", "2.1", "0"]
    venue = Binance([row], is_inverse=True)

    [candle] = await at_binance(venue, "BTC/USD:BTC", "1m", OPENED, 5)

    assert (candle.volume, candle.taker_buy_volume) == (d("3.1"), d("2.1"))
    assert (candle.quote_volume, candle.taker_buy_quote_volume) == (None, None)
    assert venue.asked[0]["endTime"] == OPENED + 5 * 60_000 - 1


async def test_of_other_venues_there_are_six_columns() -> None:
    venue = Binance([ROW])

    [candle] = await by_ccxt(venue, "BTC/USDT", "1m", OPENED, 5)

    assert (candle.close, candle.volume) == (d("65"), d("3"))
    assert (candle.quote_volume, candle.trades, candle.taker_buy_volume) == (None, None, None)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (2, "40", "low 50 is above its high 40"),
        (4, None, "lacks a price"),
        (5, "-1", "a volume of -1"),
        (0, OPENED + 1, "no 1m candle opens then"),
        (1, "NaN", "not a finite number"),
    ],
)
async def test_a_row_that_makes_no_sense_is_an_unreadable_answer(
    place: int, value: Any, says: str
) -> None:
    row = [*ROW]
    row[place] = value

    with pytest.raises(UnreadableReply, match=says):
        await at_binance(Binance([row]), "BTC/USDT", "1m", OPENED, 5)
