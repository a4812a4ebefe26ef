"""Which row of candles one is a part of."""

from typing import NamedTuple

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

    @property
    def market(self) -> PriceKey:
        """Whose candles they are."""
        return PriceKey(self.exchange, self.market_type, self.symbol)
