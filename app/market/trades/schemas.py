"""Trades of markets as they cross HTTP."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from app.http.schemas import In, Moment, MomentIn, Out
from app.market.asking import MAX_TICKER, in_utc
from app.trading.market_trade import MarketTrade
from app.trading.money import Money
from app.trading.words import Side

# As for candles.
MAX_TRADES = 1500
EXAMPLE: dict[str, JsonValue] = {
    "symbol": "BTC/USDT:USDT",
    "exchange_trade_id": "5012345678",
    "side": "buy",
    "price": "60000.1",
    "quantity": "0.01",
    "executed_at": "2026-01-31T12:00:00.123000Z",
}


class MarketTradeIn(In):
    """One trade that a market printed; `side` is that of its taker."""

    symbol: Annotated[str, Field(min_length=1, max_length=MAX_TICKER)]
    exchange_trade_id: Annotated[str, Field(pattern="^[!-~]{1,64}$")]
    side: Side
    price: Money
    quantity: Money
    executed_at: MomentIn

    def trade(self) -> MarketTrade:
        """The trade.

        Raises:
            Invalid: `bad_trade`.
        """
        return MarketTrade(
            exchange_trade_id=self.exchange_trade_id,
            executed_at=in_utc("executed_at", self.executed_at),
            side=self.side,
            price=self.price,
            quantity=self.quantity,
        )


class MarketTradesIn(In):
    """Trades to keep: all of them, or none if one is refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"trades": [EXAMPLE]}]})

    trades: Annotated[list[MarketTradeIn], Field(min_length=1, max_length=MAX_TRADES)]


class MarketTradeOut(Out):
    """One trade that a market printed; `side` is that of its taker."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    symbol: str
    exchange_trade_id: str
    side: Side
    price: Money
    quantity: Money
    executed_at: Moment

    @classmethod
    def of(cls, symbol: str, trade: MarketTrade) -> Self:
        """Shape a trade."""
        values = {name: getattr(trade, name) for name in cls.model_fields if name != "symbol"}
        return cls(symbol=symbol, **values)
