"""What the corridor asks of a venue, and the values that travel between them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.core.words import Word
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.words import MarginMode, OrderType, PositionSide, Side, TimeInForce


class VenueStatus(Word):
    """Where the venue says an order is."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as we want it: already rounded to the instrument's steps.

    Attributes:
        client_order_id: ours, committed before this is sent; `[a-z][a-z0-9]{0,31}`.
        quantity: base units; whole contracts on inverse. Never ccxt's contracts on linear.
        limit_price: quote per base; only for limit orders.
        reduce_only: may only shrink a contract position; never sent on spot.
        margin_mode: contracts only; sent where the venue takes it per order.
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    margin_mode: MarginMode | None = None


@dataclass(frozen=True, slots=True)
class FillReport:
    """One execution as the venue booked it; `fee` is positive when paid, negative for a rebate."""

    exchange_trade_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the venue knows of one order.

    Attributes:
        average_price: mean price of what was filled; None when nothing was.
        fills: the executions, when the venue's answer carried them with their fees; else empty.
    """

    client_order_id: str
    exchange_order_id: str
    symbol: str
    status: VenueStatus
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    fills: tuple[FillReport, ...] = ()


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """Coins of one asset in the account: free to use, and locked in orders or margin.

    On contracts the two add up to the margin balance: wallet plus unrealised profit at mark.
    """

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class PositionReport:
    """One net position of a contract account; quantity in base units, never negative."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal | None
    liquidation_price: Decimal | None
    unrealized_pnl: Decimal
    leverage: int | None


class Venue(Protocol):
    """One account at one venue. Every call raises a family of `ExchangeError`.

    `place` and `cancel` never retry and never guess: an answer that does not prove acceptance or
    refusal is `OutcomeUnknown`.
    """

    async def place(self, request: OrderRequest) -> OrderReport: ...

    async def cancel(self, symbol: str, client_order_id: str) -> None: ...

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport: ...

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]: ...

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]: ...

    async def balances(self) -> Sequence[BalanceReport]: ...

    async def positions(self) -> Sequence[PositionReport]: ...

    async def is_one_way(self) -> bool: ...

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None: ...

    async def close(self) -> None: ...


class MarketData(Protocol):
    """Public data of one market of a venue; needs no key.

    `stream` yields for ever and outlives dropped connections; close it to stop.
    """

    async def instruments(self) -> Mapping[str, Instrument]: ...

    async def quote(self, symbol: str) -> Quote: ...

    def stream(self, symbol: str) -> AsyncGenerator[Quote, None]: ...

    async def close(self) -> None: ...
