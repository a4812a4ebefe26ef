"""Orders meet the price: taken at once, left to rest, filled when it crosses, or ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.paper_exchange.engine.clearing import Clearing, Execution
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import (
    Account,
    Order,
    OrderStatus,
    OrderType,
    Quote,
    Ticket,
    TimeInForce,
    Trade,
)
from app.paper_exchange.symbols import Listing
from app.trading.words import MarketType


@dataclass(slots=True)
class Counters:
    """The last order and trade numbers given out."""

    order: int = 0
    trade: int = 0

    def next_order(self) -> int:
        """A number no order has had."""
        self.order += 1
        return self.order

    def next_trade(self) -> int:
        """A number no trade has had."""
        self.trade += 1
        return self.trade


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matching on one market.

    Attributes:
        counters: shared by all markets, so that no number repeats anywhere.
    """

    market: MarketType
    clearing: Clearing
    counters: Counters

    def place(
        self,
        account: Account,
        listing: Listing,
        ticket: Ticket,
        *,
        quote: Quote,
        now: int,
        journal: Journal,
    ) -> Order:
        """Accept an order and do what it asks for at these prices.

        Returns:
            The order after any fill.

        Raises:
            Refusal: for every reason Binance has; nothing has changed then.
        """
        quantity = self.clearing.admit(account, listing, ticket, quote)
        order = self._accept(account, listing, ticket, quantity, now)
        journal.order(order, "accepted")
        if ticket.is_marketable(quote):
            execution = Execution(quote.executable(order.side), quantity, is_maker=False)
            self.execute(account, order, execution, journal=journal, now=now)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self._end(account, order, OrderStatus.EXPIRED, journal)
        else:
            self.clearing.reserve(account, order, journal)
        return order

    def cancel(self, account: Account, order: Order, *, now: int, journal: Journal) -> None:
        """Take an open order off the book."""
        order.updated_at = now
        self.clearing.release(account, order, journal)
        self._end(account, order, OrderStatus.CANCELED, journal)

    def cross(
        self,
        accounts: Iterable[Account],
        symbol: str,
        *,
        quote: Quote,
        now: int,
        journal: Journal,
    ) -> None:
        """Fill every resting order of a symbol that these prices reach, oldest first."""
        for account in accounts:
            for order in account.open_orders(self.market, symbol):
                if order.is_open and order.crosses(quote):
                    self._fill_resting(account, order, journal, now)

    def execute(
        self,
        account: Account,
        order: Order,
        execution: Execution,
        *,
        journal: Journal,
        now: int,
    ) -> None:
        """Trade (part of) an order, then end reduce-only orders that became idle."""
        order.updated_at = now
        settlement = self.clearing.settle(account, order, execution, journal)
        order.executed_quantity += execution.quantity
        order.executed_quote += execution.price * execution.quantity
        done = order.remaining == 0
        order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        if done:
            account.orders.pop(order.id, None)
        trade = Trade(
            id=self.counters.next_trade(),
            order_id=order.id,
            account_id=account.id,
            market=self.market,
            symbol=order.symbol,
            side=order.side,
            price=execution.price,
            quantity=execution.quantity,
            fee=settlement.fee,
            fee_asset=settlement.fee_asset,
            is_maker=execution.is_maker,
            realized_pnl=settlement.realized_pnl,
            at=now,
        )
        journal.fill(order, trade)
        self._drop_idle(account, order.symbol, journal, now)

    def _accept(
        self, account: Account, listing: Listing, ticket: Ticket, quantity: Decimal, now: int
    ) -> Order:
        order = Order(
            id=self.counters.next_order(),
            account_id=account.id,
            market=self.market,
            symbol=listing.symbol,
            client_order_id=ticket.client_order_id,
            side=ticket.side,
            order_type=ticket.order_type,
            time_in_force=ticket.time_in_force,
            quantity=quantity,
            quote_quantity=ticket.quote_quantity,
            limit_price=ticket.limit_price,
            reduce_only=ticket.reduce_only,
            created_at=now,
            updated_at=now,
        )
        if ticket.order_type is not OrderType.MARKET:
            account.orders[order.id] = order
        return order

    def _fill_resting(self, account: Account, order: Order, journal: Journal, now: int) -> None:
        quantity = self.clearing.fillable(account, order)
        if order.reduce_only:
            order.quantity = order.executed_quantity + quantity
        execution = Execution(order.limit_price, quantity, is_maker=True)
        self.execute(account, order, execution, journal=journal, now=now)

    def _drop_idle(self, account: Account, symbol: str, journal: Journal, now: int) -> None:
        for order in account.open_orders(self.market, symbol):
            if order.reduce_only and self.clearing.fillable(account, order) == 0:
                order.updated_at = now
                self._end(account, order, OrderStatus.EXPIRED, journal)

    def _end(self, account: Account, order: Order, status: OrderStatus, journal: Journal) -> None:
        order.status = status
        account.orders.pop(order.id, None)
        journal.order(order, status.value.lower())
