"""Prices, and what became of a delivery of candles or trades, as they cross HTTP."""

from typing import Self

from pydantic import ConfigDict

from app.http.schemas import Moment, Out
from app.market.facts import Kept
from app.trading.money import Money
from app.trading.quote import Quote


class PriceOut(Out):
    """What a market costs; `mark` is null on spot, which has none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC/USDT:USDT",
                    "last": "60000.1",
                    "mark": "60000",
                    "bid": "60000",
                    "ask": "60000.1",
                    "at": "2026-01-31T12:00:00.123456Z",
                }
            ]
        }
    )

    symbol: str
    last: Money
    mark: Money | None
    bid: Money
    ask: Money
    at: Moment

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """Shape a quote."""
        return cls.model_validate(quote)


class PastPriceOut(Out):
    """What a market cost when a candle closed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"symbol": "BTC/USDT", "price": "60050", "at": "2026-01-31T12:05:00.000000Z"}
            ]
        }
    )

    symbol: str
    price: Money
    at: Moment


class KeptOut(Out):
    """How much of what was sent was new."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inserted": 998, "duplicates_skipped": 2}]}
    )

    inserted: int
    duplicates_skipped: int

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """Shape what was kept."""
        return cls.model_validate(kept)
