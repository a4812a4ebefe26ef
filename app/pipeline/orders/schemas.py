"""Orders and fills as they cross HTTP."""

from typing import Final, Literal
from uuid import UUID

from app.http.schemas import Moment, Out
from app.pipeline.orders.status import OrderStatus
from app.trading.money import Money
from app.trading.words import CloseReason, OrderType, Purpose, Side, TimeInForce

# What waits here for its price and was not sent yet: no status of an order.
SCHEDULED: Final = "scheduled"


class OrderOut(Out):
    """An order; `quantity` in base units, prices in quote, `fee` in `fee_asset`.

    One that is `scheduled` waits for its price: it has no `client_order_id` before it is sent.
    """

    id: UUID
    client_order_id: str | None
    exchange_order_id: str | None
    account_id: UUID
    strategy_id: UUID
    signal_id: UUID | None
    position_id: UUID | None
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce | None
    status: OrderStatus | Literal["scheduled"]
    reason: str | None
    purpose: Purpose
    close_reason: CloseReason | None
    quantity: Money
    limit_price: Money | None
    reduce_only: bool
    filled_quantity: Money
    average_price: Money | None
    fee: Money
    fee_asset: str | None
    stop_loss: Money | None
    take_profit: Money | None
    expires_at: Moment | None
    created_at: Moment
    submitted_at: Moment | None
    accepted_at: Moment | None
    finished_at: Moment | None


class FillOut(Out):
    """One execution."""

    id: UUID
    order_id: UUID
    exchange_trade_id: str
    symbol: str
    side: Side
    price: Money
    quantity: Money
    fee: Money
    fee_asset: str
    executed_at: Moment
