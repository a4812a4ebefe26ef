"""Which row of candles one is a part of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.market.prices import PriceKey
from app.trading.candle import PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType


class Series(NamedTuple):
    """The candles of one market in one timeframe; the names are those of the columns."""

    exchange: str
    market_type: MarketType
    symbol: str
    price: PriceKind
    timeframe: Timeframe

    @classmethod
    def of(
        cls, market: PriceKey, timeframe: Timeframe, price: PriceKind = PriceKind.LAST
    ) -> "Series":
        """The series of a market."""
        return cls(market.exchange, market.market_type, market.symbol, price, timeframe)

    @classmethod
    def of_parameters(cls, parameters: Mapping[str, Any]) -> "Series":
        """The series that a job was asked for, from its `parameters`."""
        return cls(
            parameters["exchange"],
            MarketType(parameters["market_type"]),
            parameters["symbol"],
            PriceKind.LAST,
            Timeframe(parameters["timeframe"]),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """What a job notes of a series of last prices: jobs are asked for no others."""
        return {
            "exchange": self.exchange,
            "market_type": self.market_type.value,
            "symbol": self.symbol,
            "timeframe": self.timeframe.value,
        }

    @property
    def market(self) -> PriceKey:
        """Whose candles they are."""
        return PriceKey(self.exchange, self.market_type, self.symbol)
