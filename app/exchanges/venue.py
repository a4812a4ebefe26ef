"""What the corridor asks of a venue, and the values that travel between them."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.core.words import Word
from app.exchanges.permissions import KeyPermissions
from app.trading.candle import Candle
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.timeframe import Timeframe
from app.trading.words import (
    MarginMode,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    TriggerBy,
    TriggerKind,
)


class VenueStatus(Word):
    """Where the venue says an order is."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What makes a resting order live.

    Attributes:
        price: quote per base, on the tick.
        by: which price has to reach it; spot knows only the last one.
        kind: whether a price getting worse fires it, or one getting better.
    """

    price: Decimal
    by: TriggerBy
    kind: TriggerKind


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as we want it: already rounded to the instrument's steps.

    Attributes:
        client_order_id: ours, committed before this is sent; `[a-z][a-z0-9]{0,31}`.
        quantity: base units; whole contracts on inverse. Never ccxt's contracts on linear.
        limit_price: quote per base; only for limit orders.
        reduce_only: may only shrink a contract position; never sent on spot.
        margin_mode: contracts only; sent where the venue takes it per order.
        trigger: rests until its price is reached; None for one that is live at once.
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
    trigger: Trigger | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether it waits for a price."""
        return self.trigger is not None


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
        side: None where the answer does not say.
        trigger_price: quote per base, of a conditional order; None of any other.
        triggered_order_id: the venue's id of the order that a conditional one became, where the
            venue makes a new one; its executions carry that id. Status and quantities are then
            those of the new order.
    """

    client_order_id: str
    exchange_order_id: str
    symbol: str
    status: VenueStatus
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    fills: tuple[FillReport, ...] = ()
    side: Side | None = None
    trigger_price: Decimal | None = None
    triggered_order_id: str | None = None

    @property
    def executing_order_id(self) -> str:
        """The id that its executions carry."""
        return self.triggered_order_id or self.exchange_order_id


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


@dataclass(frozen=True, slots=True)
class FundingReport:
    """One funding payment as the venue booked it; negative when paid.

    Attributes:
        venue_id: the venue's own id of the row; each payment once.
    """

    venue_id: str
    symbol: str
    amount: Decimal
    asset: str
    paid_at: datetime


class NewsKind(Word):
    """What a venue's private stream tells of."""

    CONNECTED = "connected"
    ORDER = "order"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class News:
    """A hint that something changed at the venue. Never the truth itself: ask by REST.

    Attributes:
        kind: `CONNECTED` at the first connection and after each one that was lost.
        symbol: which it is about, where the stream says so.
        client_order_id: of the order it is about, where the stream says so.
        exchange_order_id: the venue's number of that order, where its executions carry it.
    """

    kind: NewsKind
    symbol: str | None = None
    client_order_id: str | None = None
    exchange_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a venue carries for us on this market.

    Attributes:
        rests_stops: conditional stop-market orders of an explicit quantity, looked up and
            cancelled by our id.
        rests_targets: likewise take-profit orders.
        locks_coins: a resting sell locks what it would sell, so that stop and target cannot both
            rest, and an exit has to cancel them first; spot.
        pairs: one-cancels-other pairs of a stop and a target.
        streams_news: a private stream tells of changes.
    """

    rests_stops: bool
    rests_targets: bool
    locks_coins: bool
    pairs: bool
    streams_news: bool


class Venue(Protocol):
    """One account at one venue. Every call raises a family of `ExchangeError`.

    `place`, `place_pair` and `cancel` never retry and never guess: an answer that does not prove
    acceptance or refusal is `OutcomeUnknown`. Two refusals have codes of their own, because
    something else has to be done than giving up: `conditional_not_taken` (this venue takes no such
    order at all, Binance's -4120) and `would_trigger_at_once` (the trigger price is behind the
    market, -2021).

    `is_conditional` says that the order was placed with a trigger: some venues keep those apart.
    """

    @property
    def abilities(self) -> Abilities: ...

    async def place(self, request: OrderRequest) -> OrderReport: ...

    async def place_pair(
        self, pair_id: str, *, stop: OrderRequest, target: OrderRequest
    ) -> tuple[OrderReport, OrderReport]:
        """Place two conditional orders of which the first to fire cancels the other.

        Args:
            pair_id: our id of the list, committed like the legs' own.
            stop: its `trigger.kind` is `STOP`.
            target: its `trigger.kind` is `TARGET`; same symbol, side and quantity.
        """
        ...

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None: ...

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport: ...

    async def find_foreign(self, symbol: str, exchange_order_id: str) -> OrderReport:
        """An order by the venue's own id, whoever made it: the trader, or the venue itself."""
        ...

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]: ...

    async def trades(self, symbol: str, since: datetime) -> Sequence[FillReport]:
        """Every execution of the account on a symbol since then, oldest first, whosever it was."""
        ...

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        """Every order that may still be filled, ours or not, conditional ones included."""
        ...

    async def balances(self) -> Sequence[BalanceReport]: ...

    async def positions(self) -> Sequence[PositionReport]: ...

    async def funding(self, since: datetime) -> Sequence[FundingReport]:
        """Funding payments since then, oldest first; none on spot."""
        ...

    async def is_one_way(self) -> bool: ...

    async def permissions(self) -> KeyPermissions:
        """What the account's key may do; nothing verified where the venue does not say."""
        ...

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None: ...

    def news(self) -> AsyncGenerator[News, None]:
        """Follow the private stream for ever, over dropped connections; close it to stop."""
        ...

    async def close(self) -> None: ...


OnDrop = Callable[[datetime], None]


class MarketData(Protocol):
    """Public data of one market of a venue; needs no key.

    `stream` yields for ever and outlives dropped connections; close it to stop. `on_drop` hears of
    each connection that was lost, with the moment since which it has told nothing. `candles` gives
    one answer's worth of those that opened at a moment or later, oldest first, the last one perhaps
    still open; an empty answer speaks only of the next `candles_at_once`.
    """

    async def instruments(self) -> Mapping[str, Instrument]: ...

    async def quote(self, symbol: str) -> Quote: ...

    def stream(
        self, symbol: str, *, on_drop: OnDrop | None = None
    ) -> AsyncGenerator[Quote, None]: ...

    async def close(self) -> None: ...

    async def candles(
        self, symbol: str, timeframe: Timeframe, since: datetime
    ) -> Sequence[Candle]: ...

    async def candles_at_once(self, symbol: str) -> int: ...
