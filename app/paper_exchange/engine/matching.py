"""Orders meet the price: taken at once, left to rest, filled when it crosses, or ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from app.core.decimals import floor_to
from app.paper_exchange.engine.clearing import Clearing, Execution, Settlement
from app.paper_exchange.engine.fairness import Fair, Portion, Treatment
from app.paper_exchange.engine.journal import Counters, Journal
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
from app.paper_exchange.engine.stops import can_pay, check_pair, is_reached, twin_of
from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matching on one market.

    Attributes:
        counters: shared by all markets, so that no number repeats anywhere.
        treatment: how orders are treated; a fault may make it unfair.
    """

    market: MarketType
    clearing: Clearing
    counters: Counters
    treatment: Treatment = field(default_factory=Fair)

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
        if order.is_working and ticket.is_marketable(quote):
            price = quote.executable(order.side)
            self._take(account, order, price, is_reserved=False, journal=journal, now=now)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK} and order.is_working:
            self._end(account, order, OrderStatus.EXPIRED, journal)
        else:
            self.clearing.reserve(account, order, journal)
        return order

    def place_pair(
        self,
        account: Account,
        listing: Listing,
        tickets: tuple[Ticket, Ticket],
        *,
        quote: Quote,
        now: int,
        journal: Journal,
    ) -> tuple[Order, Order]:
        """Accept two orders that cancel each other; the coins are locked once.

        Raises:
            Refusal: for every reason a single order has, and when the prices do not fit.
        """
        check_pair(*tickets, quote.last)
        for ticket in tickets:
            self.clearing.admit(account, listing, ticket, quote)
        self.counters.order_list += 1
        above, below = (
            self._accept(account, listing, ticket, ticket.quantity, now) for ticket in tickets
        )
        above.order_list_id = below.order_list_id = self.counters.order_list
        cheaper = min(above, below, key=lambda leg: leg.reserve_price)
        cheaper.shares_lock = True
        for leg in (above, below):
            journal.order(leg, "accepted")
            self.clearing.reserve(account, leg, journal)
        return above, below

    def cancel(self, account: Account, order: Order, *, now: int, journal: Journal) -> None:
        """Take an open order off the book, and its twin with it."""
        for each in filter(None, (twin_of(account, order), order)):
            each.updated_at = now
            self.clearing.release(account, each, journal)
            self._end(account, each, OrderStatus.CANCELED, journal)

    def expire(self, account: Account, order: Order, *, now: int, journal: Journal) -> None:
        """End an open order without its owner's doing."""
        order.updated_at = now
        self.clearing.release(account, order, journal)
        self._end(account, order, OrderStatus.EXPIRED, journal)

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
        if self.treatment.is_halted(self.market, symbol):
            return
        for account in accounts:
            for order in account.open_orders(self.market, symbol):
                if not order.is_open or order.is_frozen:
                    continue
                if not order.is_working:
                    if is_reached(order, quote.last):
                        self._wake(account, order, quote, journal=journal, now=now)
                elif order.crosses(quote):
                    self.fill_resting(account, order, quote, journal=journal, now=now)

    def fill_resting(
        self, account: Account, order: Order, quote: Quote, *, journal: Journal, now: int
    ) -> None:
        """Fill what is left of an order: at its own price, or at the market's when it has none."""
        quantity = self.clearing.fillable(account, order)
        if order.reduce_only:
            order.quantity = order.executed_quantity + quantity
        order.is_frozen = False
        if order.order_type.is_market:
            price = quote.executable(order.side)
            reserved = order.stop_price > 0
            if not can_pay(account, order, price):
                self.expire(account, order, now=now, journal=journal)
                return
            self._take(account, order, price, is_reserved=reserved, journal=journal, now=now)
            return
        self._end_twin(account, order, journal, now)
        share = self._share(order)
        terms = self.treatment.fee(order)
        execution = Execution(order.limit_price, share[0], is_maker=True, terms=terms)
        self.execute(account, order, execution, journal=journal, now=now)
        self._hold_back(account, order, share[1], journal)

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
        journal.fill(order, self._trade(order, execution, settlement), settlement.closed)
        self._drop_idle(account, order.symbol, journal, now)

    def _trade(self, order: Order, execution: Execution, settlement: Settlement) -> Trade:
        return Trade(
            id=self.counters.next_trade(),
            order_id=order.id,
            account_id=order.account_id,
            market=self.market,
            symbol=order.symbol,
            side=order.side,
            price=execution.price,
            quantity=execution.quantity,
            fee=settlement.fee,
            fee_asset=settlement.fee_asset,
            is_maker=execution.is_maker,
            realized_pnl=settlement.realized_pnl,
            at=order.updated_at,
        )

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
            stop_price=ticket.stop_price,
            is_working=ticket.stop_price == 0,
        )
        if ticket.order_type is not OrderType.MARKET:
            account.orders[order.id] = order
        return order

    def _take(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        *,
        is_reserved: bool,
        journal: Journal,
        now: int,
    ) -> None:
        quantity, rest = self._share(order)
        terms = self.treatment.fee(order)
        execution = Execution(price, quantity, is_maker=False, terms=terms, is_reserved=is_reserved)
        self.execute(account, order, execution, journal=journal, now=now)
        if rest is not None and order.is_open:
            account.orders[order.id] = order
            if not is_reserved and rest is Portion.REST_WAITS:
                self.clearing.reserve(account, order, journal)
            elif is_reserved and rest is Portion.REST_CANCELED:
                self.clearing.release(account, order, journal)
            order.is_frozen = True
            if rest is Portion.REST_CANCELED:
                self._end(account, order, OrderStatus.EXPIRED, journal)

    def _share(self, order: Order) -> tuple[Decimal, Portion | None]:
        """How much of an order trades now, and what becomes of the rest; None when all of it."""
        share = self.treatment.share(order)
        if share is None:
            return order.remaining, None
        step = LISTINGS[order.market, order.symbol].quantity_step
        part = floor_to(order.remaining * share.fraction, step)
        if not 0 < part < order.remaining:
            return order.remaining, None
        return part, share.rest

    def _hold_back(
        self, account: Account, order: Order, rest: Portion | None, journal: Journal
    ) -> None:
        if rest is None or not order.is_open:
            return
        order.is_frozen = True
        if rest is Portion.REST_CANCELED:
            self.clearing.release(account, order, journal)
            self._end(account, order, OrderStatus.CANCELED, journal)

    def _wake(
        self, account: Account, order: Order, quote: Quote, *, journal: Journal, now: int
    ) -> None:
        self._end_twin(account, order, journal, now)
        order.is_working = True
        order.updated_at = now
        journal.order(order, "triggered")
        price = quote.executable(order.side)
        if not can_pay(account, order, price):
            self.expire(account, order, now=now, journal=journal)
        elif order.crosses(quote):
            self._take(account, order, price, is_reserved=True, journal=journal, now=now)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self.expire(account, order, now=now, journal=journal)

    def _end_twin(self, account: Account, order: Order, journal: Journal, now: int) -> None:
        """The other order of a pair expires, and its locked coins pass to this one."""
        twin = twin_of(account, order)
        if twin is None:
            return
        self.expire(account, twin, now=now, journal=journal)
        if order.shares_lock:
            order.shares_lock = False
            self.clearing.reserve(account, order, journal)

    def _drop_idle(self, account: Account, symbol: str, journal: Journal, now: int) -> None:
        for order in account.open_orders(self.market, symbol):
            if order.reduce_only and self.clearing.fillable(account, order) == 0:
                order.updated_at = now
                self._end(account, order, OrderStatus.EXPIRED, journal)

    def _end(self, account: Account, order: Order, status: OrderStatus, journal: Journal) -> None:
        order.status = status
        account.orders.pop(order.id, None)
        journal.order(order, status.value.lower())
