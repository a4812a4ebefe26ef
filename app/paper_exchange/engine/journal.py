"""What one step changed, in order: written to the database and the ledger in one commit."""

from dataclasses import dataclass, field
from decimal import Decimal

from app.core.decimals import plain
from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.models import ZERO, Account, Order, Position, Trade
from app.paper_exchange.engine.stops import OrderList
from app.trading.words import MarketType


@dataclass(slots=True)
class Counters:
    """The last numbers given out."""

    order: int = 0
    trade: int = 0
    algo: int = 0
    order_list: int = 0
    income: int = 0

    def next_order(self) -> int:
        """A number no order has had."""
        self.order += 1
        return self.order

    def next_trade(self) -> int:
        """A number no trade has had."""
        self.trade += 1
        return self.trade


@dataclass(frozen=True, slots=True)
class Income:
    """A payment that no trade explains; `id` is unique among them, `at` in milliseconds."""

    id: int
    account_id: int
    symbol: str
    income_type: str
    asset: str
    amount: Decimal
    at: int


@dataclass(slots=True)
class Journal:
    """Facts of one step, oldest first.

    Attributes:
        entries: what the ledger will say, as (kind, body).
        orders: those whose row must be written, by id.
        trades: new ones.
        balances: (account, market, coin) whose row must be written.
        positions: those whose row must be written.
        held: prices that are held from now on, or with None no longer.
        algos: conditional orders whose row must be written, by their number.
        lists: new pairs.
        incomes: new payments.
    """

    entries: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    balances: dict[tuple[int, MarketType, str], Account] = field(default_factory=dict)
    positions: dict[tuple[int, str], Position] = field(default_factory=dict)
    held: dict[tuple[MarketType, str], Decimal | None] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    lists: list[OrderList] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)

    def hold(
        self, market: MarketType, symbol: str, price: Decimal, mark: Decimal | None = None
    ) -> None:
        """A price was set by hand, and perhaps a mark price of its own."""
        self.held[market, symbol] = price
        shown = plain(price if mark is None else mark)
        self.event(
            "price_held", market=market.value, symbol=symbol, price=plain(price), mark_price=shown
        )

    def release(self, market: MarketType, symbol: str) -> None:
        """A price may move again."""
        self.held[market, symbol] = None
        self.event("price_released", market=market.value, symbol=symbol)

    def order(self, order: Order, event: str) -> None:
        """An order was accepted, or ended without a fill."""
        self.orders[order.id] = order
        self.entries.append(
            (
                "order",
                {
                    "event": event,
                    "account_id": order.account_id,
                    "market": order.market.value,
                    "order_id": order.id,
                    "client_order_id": order.client_order_id,
                    "symbol": order.symbol,
                    "side": order.side.value,
                    "order_type": order.order_type.value,
                    "time_in_force": order.time_in_force.value,
                    "quantity": plain(order.quantity),
                    "limit_price": plain(order.limit_price),
                    "stop_price": plain(order.stop_price),
                    "order_list_id": order.order_list_id,
                    "reduce_only": order.reduce_only,
                    "executed_quantity": plain(order.executed_quantity),
                    "executed_quote": plain(order.executed_quote),
                    "status": order.status.value,
                    "created_at": order.created_at,
                    "updated_at": order.updated_at,
                },
            )
        )

    def fill(self, order: Order, trade: Trade, closed: Decimal = ZERO) -> None:
        """An order traded; `closed` base units of it reduced a position."""
        is_linear = trade.market is MarketType.LINEAR
        self.orders[order.id] = order
        self.trades.append(trade)
        self.entries.append(
            (
                "fill",
                {
                    "account_id": trade.account_id,
                    "market": trade.market.value,
                    "trade_id": trade.id,
                    "order_id": trade.order_id,
                    "client_order_id": order.client_order_id,
                    "symbol": trade.symbol,
                    "side": trade.side.value,
                    "price": plain(trade.price),
                    "quantity": plain(trade.quantity),
                    "opened": plain(trade.quantity - closed) if is_linear else None,
                    "closed": plain(closed) if is_linear else None,
                    "fee": plain(trade.fee),
                    "fee_asset": trade.fee_asset,
                    "is_maker": trade.is_maker,
                    "realized_pnl": plain(trade.realized_pnl),
                    "order_status": order.status.value,
                    "order_type": order.order_type.value,
                    "time_in_force": order.time_in_force.value,
                    "order_quantity": plain(order.quantity),
                    "limit_price": plain(order.limit_price),
                    "stop_price": plain(order.stop_price),
                    "order_list_id": order.order_list_id,
                    "reduce_only": order.reduce_only,
                    "executed_quantity": plain(order.executed_quantity),
                    "executed_quote": plain(order.executed_quote),
                    "created_at": order.created_at,
                    "updated_at": order.updated_at,
                },
            )
        )

    def algo(self, algo: AlgoOrder) -> None:
        """A conditional order changed its state."""
        self.algos[algo.id] = algo
        self.entries.append(
            (
                "algo",
                {
                    "event": algo.status.value.lower(),
                    "account_id": algo.account_id,
                    "market": MarketType.LINEAR.value,
                    "algo_id": algo.id,
                    "client_algo_id": algo.client_algo_id,
                    "symbol": algo.symbol,
                    "side": algo.side.value,
                    "algo_type": algo.algo_type.value,
                    "time_in_force": algo.time_in_force,
                    "quantity": plain(algo.quantity),
                    "limit_price": plain(algo.limit_price),
                    "trigger_price": plain(algo.trigger_price),
                    "working_type": algo.working_type.value,
                    "reduce_only": algo.reduce_only,
                    "close_position": algo.close_position,
                    "activate_price": plain(algo.activate_price),
                    "callback_percent": plain(algo.callback_percent),
                    "status": algo.status.value,
                    "actual_order_id": algo.actual_order_id,
                    "triggered_at": algo.triggered_at,
                    "reason": algo.reason,
                    "created_at": algo.created_at,
                    "updated_at": algo.updated_at,
                },
            )
        )

    def income(self, income: Income) -> None:
        """A payment such as funding."""
        self.incomes.append(income)
        self.event(
            "income",
            account_id=income.account_id,
            income_id=income.id,
            symbol=income.symbol,
            income_type=income.income_type,
            asset=income.asset,
            amount=plain(income.amount),
        )

    def balance(
        self, account: Account, market: MarketType, asset: str, change: Decimal, reason: str
    ) -> None:
        """A purse changed by `change`; 0 when coins only moved between free and locked."""
        self.balances[account.id, market, asset] = account
        balance = account.balance(market, asset)
        self.entries.append(
            (
                "balance",
                {
                    "account_id": account.id,
                    "market": market.value,
                    "asset": asset,
                    "change": plain(change),
                    "free": plain(balance.free),
                    "locked": plain(balance.locked),
                    "reason": reason,
                },
            )
        )

    def position(self, position: Position) -> None:
        """A position, its leverage or its margin mode changed."""
        self.positions[position.account_id, position.symbol] = position
        self.event(
            "position",
            account_id=position.account_id,
            symbol=position.symbol,
            quantity=plain(position.quantity),
            entry_price=plain(position.entry_price),
            leverage=position.leverage,
            margin_mode=position.margin_mode.value,
        )

    def event(self, name: str, **body: object) -> None:
        """Anything else worth remembering."""
        self.entries.append(("event", {"event": name, **body}))
