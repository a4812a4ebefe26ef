"""A manual order as it crosses HTTP."""

from typing import Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.http.schemas import In
from app.trading.money import Money
from app.trading.words import OrderType, Side

EXAMPLE: Final[dict[str, JsonValue]] = {
    "account_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "symbol": "BTCUSDT",
    "side": "buy",
    "order_type": "limit",
    "quantity": "0.01",
    "limit_price": "59500",
    "stop_loss": "58000",
    "take_profit": "64000",
}


class ManualOrderIn(In):
    """An order by hand: `quantity` in base units, prices in quote; `symbol` in either spelling."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    account_id: UUID
    symbol: str = Field(min_length=1, max_length=80)
    side: Side
    order_type: OrderType = OrderType.MARKET
    quantity: Money = Field(gt=0)
    limit_price: Money | None = Field(default=None, gt=0)
    stop_loss: Money | None = Field(default=None, gt=0)
    take_profit: Money | None = Field(default=None, gt=0)
    reduce_only: bool = False

    @model_validator(mode="after")
    def _limit_has_its_price(self) -> Self:
        is_limit = self.order_type is OrderType.LIMIT
        if is_limit and self.limit_price is None:
            raise ValueError("limit_price: a limit order needs one")
        if not is_limit and self.limit_price is not None:
            raise ValueError("limit_price: only a limit order has one")
        return self
