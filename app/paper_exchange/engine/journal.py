"""What one step changed, in order: written to the database and the ledger in one commit."""

from dataclasses import dataclass, field
from decimal import Decimal

from app.core.decimals import plain
from app.paper_exchange.engine.models import Account, Order, Position, Trade
from app.trading.words import MarketType


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
    """

    entries: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    balances: dict[tuple[int, MarketType, str], Account] = field(default_factory=dict)
    positions: dict[tuple[int, str], Position] = field(default_factory=dict)
    held: dict[tuple[MarketType, str], Decimal | None] = field(default_factory=dict)

    def hold(self, market: MarketType, symbol: str, price: Decimal) -> None:
        """A price was set by hand."""
        self.held[market, symbol] = price
        self.event("price_held", market=market.value, symbol=symbol, price=plain(price))

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
                    "reduce_only": order.reduce_only,
                    "executed_quantity": plain(order.executed_quantity),
                    "status": order.status.value,
                },
            )
        )

    def fill(self, order: Order, trade: Trade) -> None:
        """An order traded."""
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
                    "fee": plain(trade.fee),
                    "fee_asset": trade.fee_asset,
                    "is_maker": trade.is_maker,
                    "realized_pnl": plain(trade.realized_pnl),
                    "order_status": order.status.value,
                },
            )
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
