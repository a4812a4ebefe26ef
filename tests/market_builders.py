"""Candles and trades that are valid by default; a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.trading.candle import Candle
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType, Side

MARKET = PriceKey("paper", MarketType.LINEAR, "BTC/USDT:USDT")
SERIES = Series.of(MARKET, Timeframe.M1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
LATER = datetime(2026, 3, 1, tzinfo=UTC)


def a_candle(number: int = 0, **changes: Any) -> Candle:
    """The minute of that number after the start; each has another price and volume."""
    price = Decimal(60_000 + number)
    values: dict[str, Any] = {
        "timeframe": Timeframe.M1,
        "open_time": START + timedelta(minutes=number),
        "open": price,
        "high": price + 2,
        "low": price - 1,
        "close": price + Decimal("0.5"),
        "volume": Decimal("0.001") * (number + 1),
        "quote_volume": Decimal(60) * (number + 1),
        "trades": number + 1,
        "taker_buy_volume": Decimal("0.0005"),
        "taker_buy_quote_volume": Decimal(30),
    }
    return Candle(**{**values, **changes})


def minutes(count: int, *, without: tuple[int, ...] = ()) -> list[Candle]:
    """The first minutes after the start, but for some."""
    return [a_candle(number) for number in range(count) if number not in without]


def a_trade(number: int, seconds: float, price: str = "100", **changes: Any) -> MarketTrade:
    """A trade of that id, so many seconds after the start."""
    values: dict[str, Any] = {
        "exchange_trade_id": str(number),
        "executed_at": START + timedelta(seconds=seconds),
        "side": Side.BUY,
        "price": Decimal(price),
        "quantity": Decimal(1),
    }
    return MarketTrade(**{**values, **changes})
