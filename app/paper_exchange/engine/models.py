"""What the venue keeps for its customers: accounts, balances, positions, orders and trades."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from app.paper_exchange.engine.algo import AlgoOrder
from app.trading.words import MarginMode, MarketType, Side

ZERO = Decimal(0)
# Fields of an order that its table has no column for.
ELSEWHERE = {"stored": False}


class OrderStatus(StrEnum):
    """Binance's words; only the first two are open."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class OrderType(StrEnum):
    """The types this venue executes."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"

    @property
    def is_market(self) -> bool:
        """Whether it takes any price once it works."""
        return self in {OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}

    @property
    def is_take_profit(self) -> bool:
        """Whether it waits for the price to become better."""
        return self in {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}


class TimeInForce(StrEnum):
    """Binance's words; `GTX` is post-only on futures."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a symbol costs on one market, in quote per base; `last` is also the mark price."""

    bid: Decimal
    ask: Decimal
    last: Decimal

    def executable(self, side: Side) -> Decimal:
        """What a market order pays or gets: the ask to buy, the bid to sell."""
        return self.ask if side is Side.BUY else self.bid


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it was asked for, before anything is decided.

    Attributes:
        quantity: base units; 0 when `quote_quantity` says the size.
        quote_quantity: quote units to spend or to get (spot market orders only), else 0.
        limit_price: 0 on market orders.
        stop_price: what a spot stop order waits for, else 0.
    """

    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    quote_quantity: Decimal
    limit_price: Decimal
    client_order_id: str
    reduce_only: bool = False
    stop_price: Decimal = ZERO

    @property
    def is_post_only(self) -> bool:
        """Whether it must not take liquidity."""
        return self.order_type is OrderType.LIMIT_MAKER or self.time_in_force is TimeInForce.GTX

    def is_marketable(self, quote: Quote) -> bool:
        """Whether it would trade at once at these prices."""
        if self.order_type.is_market:
            return True
        if self.side is Side.BUY:
            return self.limit_price >= quote.ask
        return self.limit_price <= quote.bid


@dataclass(slots=True)
class Order:
    """One order from acceptance to its end.

    Attributes:
        quantity: base units asked for; on a spot buy by quote, what the quote bought.
        quote_quantity: quote units asked for (`quoteOrderQty`), 0 when asked by quantity.
        limit_price: 0 on market orders.
        executed_quantity: base units filled so far.
        executed_quote: quote units those fills were worth.
        created_at: milliseconds since 1970, as every time of the protocol.
        stop_price: what a spot stop order waits for, else 0.
        order_list_id: the pair it belongs to, -1 for none.
        is_working: false while it waits for its stop price.
        shares_lock: its coins are the ones its twin has locked.
        is_frozen: a fault holds the rest of it back; forgotten at a restart.
    """

    id: int
    account_id: int
    market: MarketType
    symbol: str
    client_order_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    quote_quantity: Decimal
    limit_price: Decimal
    reduce_only: bool
    created_at: int
    updated_at: int
    status: OrderStatus = OrderStatus.NEW
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO
    stop_price: Decimal = field(default=ZERO, metadata=ELSEWHERE)
    order_list_id: int = field(default=-1, metadata=ELSEWHERE)
    is_working: bool = field(default=True, metadata=ELSEWHERE)
    shares_lock: bool = field(default=False, metadata=ELSEWHERE)
    is_frozen: bool = field(default=False, metadata=ELSEWHERE)

    @property
    def reserve_price(self) -> Decimal:
        """What a buy locks per base unit: its limit, or its stop when it has none."""
        return self.limit_price if self.limit_price > 0 else self.stop_price

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}

    @property
    def remaining(self) -> Decimal:
        """Base units still to fill."""
        return self.quantity - self.executed_quantity

    @property
    def average_price(self) -> Decimal:
        """Quote per base over all fills; 0 before the first."""
        if self.executed_quantity == 0:
            return ZERO
        return self.executed_quote / self.executed_quantity

    def crosses(self, quote: Quote) -> bool:
        """Whether a resting order fills at these prices."""
        if self.order_type.is_market:
            return True
        if self.side is Side.BUY:
            return quote.ask <= self.limit_price
        return quote.bid >= self.limit_price


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution.

    Attributes:
        fee: in `fee_asset`, positive.
        realized_pnl: quote, before fees; always 0 on spot.
    """

    id: int
    order_id: int
    account_id: int
    market: MarketType
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    realized_pnl: Decimal
    at: int

    @property
    def quote_quantity(self) -> Decimal:
        """Price times quantity."""
        return self.price * self.quantity


@dataclass(slots=True)
class Balance:
    """One coin of one account on one market; `locked` stays 0 on linear."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Everything of this coin; on linear the wallet balance."""
        return self.free + self.locked


@dataclass(slots=True)
class Position:
    """What an account holds of one linear symbol, and how.

    Attributes:
        quantity: base units, negative for a short.
        cost: quote units the open quantity was bought or sold for, never negative.
        isolated_wallet: quote set aside for it; 0 under cross margin.
    """

    account_id: int
    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    leverage: int = 20
    margin_mode: MarginMode = MarginMode.CROSS
    isolated_wallet: Decimal = ZERO
    updated_at: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Average price of the open quantity; 0 when flat."""
        return ZERO if self.quantity == 0 else self.cost / abs(self.quantity)

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """In quote, before fees."""
        value = abs(self.quantity) * mark
        return value - self.cost if self.quantity > 0 else self.cost - value


@dataclass(slots=True)
class Account:
    """One customer: one key, a purse per market, and what is open.

    Attributes:
        orders: the open ones only, by id; history is in the database.
        algos: conditional futures orders that have not ended, by their own number.
    """

    id: int
    api_key: str
    api_secret: str
    purses: dict[MarketType, dict[str, Balance]] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)

    def balance(self, market: MarketType, asset: str) -> Balance:
        """The purse's entry for a coin, made at zero when it is the first of its kind."""
        return self.purses.setdefault(market, {}).setdefault(asset, Balance())

    def position(self, symbol: str) -> Position:
        """The linear position of a symbol, flat with Binance's defaults when never touched."""
        if symbol not in self.positions:
            self.positions[symbol] = Position(self.id, symbol)
        return self.positions[symbol]

    def open_with_client_id(self, market: MarketType, client_order_id: str) -> Order | None:
        """The open order that uses a client id; ids are unique among open orders only."""
        return next(
            (
                order
                for order in self.orders.values()
                if order.client_order_id == client_order_id and order.market is market
            ),
            None,
        )

    def open_orders(self, market: MarketType, symbol: str | None = None) -> list[Order]:
        """Open orders of a market, oldest first."""
        return [
            order
            for order in self.orders.values()
            if order.market is market and symbol in {None, order.symbol}
        ]
