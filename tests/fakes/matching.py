"""The orders of one account in memory: accepted or refused, resting, fired, filled, cancelled."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from app.core.errors import InsufficientFunds, OrderRefused, OutcomeUnknown
from app.exchanges.venue import OrderReport, OrderRequest, Trigger, VenueStatus
from app.trading.instrument import Instrument
from app.trading.words import OrderType, Side, TimeInForce, TriggerBy, TriggerKind
from tests.fakes.ledger import Ledger
from tests.fakes.market import FakeMarketData

ZERO = Decimal(0)
OPEN = {VenueStatus.OPEN, VenueStatus.PARTIALLY_FILLED}


class Firing(StrEnum):
    """What becomes of the next conditional order whose price is reached."""

    FIRE = "fire"
    REJECT = "reject"
    STICK = "stick"


@dataclass
class Resting:
    """One order, open or ended.

    Attributes:
        pair_id: of the pair it is a leg of; empty for a single order.
        is_stuck: its trigger was reached and nothing came of it.
    """

    request: OrderRequest
    report: OrderReport
    pair_id: str = ""
    is_stuck: bool = False
    is_fired: bool = False

    @property
    def is_open(self) -> bool:
        return self.report.status in OPEN

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its trigger."""
        return self.is_open and self.request.is_conditional and not self.is_fired


class Matcher:
    """Accepts orders as a venue does, and fills them at the prices a test sets.

    Args:
        on_change: told of an order that something happened to without a request.

    Attributes:
        orders: every order there ever was, oldest first.
        next_firings: what becomes of the next triggers that are reached; `FIRE` when empty.
        next_parts: how much of the next orders that cross is executed at once; the rest waits.
        refuses_conditionals: no conditional order is taken at all.
    """

    def __init__(
        self,
        market: FakeMarketData,
        instruments: Mapping[str, Instrument],
        on_change: Callable[[Resting], None],
    ) -> None:
        self._market = market
        self._instruments = instruments
        self._on_change = on_change
        self.orders: list[Resting] = []
        self.next_firings: deque[Firing] = deque()
        self.next_parts: deque[Decimal] = deque()
        self.refuses_conditionals = False

    def work_on(self, ledger: Ledger) -> None:
        """The money that the orders move; the ledger in turn asks what they lock."""
        self._ledger = ledger

    def accept(self, requests: tuple[OrderRequest, ...], pair_id: str = "") -> list[OrderReport]:
        """Take an order, or both legs of a pair: all of it or nothing.

        Raises:
            OrderRefused: it breaks a rule; nothing was taken.
            InsufficientFunds: it cannot be paid; nothing was taken.
            OutcomeUnknown: its client id is in use.
        """
        for request in requests:
            self._check(request)
        # The legs of a pair lock their coins once.
        self._check_funds(requests[0])
        if requests[0].is_conditional:
            return [self._rest(request, pair_id).report for request in requests]
        return [self._trade(requests[0])]

    def _check(self, request: OrderRequest) -> None:
        instrument = self._instruments.get(request.symbol)
        if instrument is None:
            raise OrderRefused(f"no such symbol: {request.symbol}")
        known = self.known(
            request.symbol, request.client_order_id, is_conditional=request.is_conditional
        )
        if known is not None and known.is_open:
            raise OutcomeUnknown("duplicate order sent", code="duplicate_client_order_id")
        if request.quantity < instrument.min_quantity:
            raise OrderRefused("below the smallest quantity")
        if instrument.floor_quantity(request.quantity) != request.quantity:
            raise OrderRefused("not on the lot")
        trigger_price = request.trigger.price if request.trigger else None
        for price in (request.limit_price, trigger_price):
            if price is not None and instrument.floor_price(price) != price:
                raise OrderRefused("not on the tick")
        self._check_trigger(request)

    def _check_trigger(self, request: OrderRequest) -> None:
        if request.trigger is None:
            return
        if self.refuses_conditionals:
            raise OrderRefused("order type not supported", code="conditional_not_taken")
        if self._is_reached(request, request.trigger):
            raise OrderRefused("would immediately trigger", code="would_trigger_at_once")

    def _check_funds(self, request: OrderRequest) -> None:
        instrument, ledger = self._instruments[request.symbol], self._ledger
        if request.reduce_only and not ledger.is_spot:
            # Whether a conditional one still has something to reduce is seen when it fires.
            if not request.is_conditional and self._reducible(request) < request.quantity:
                raise OrderRefused("reduce-only is rejected", code="reduce_only_rejected")
            return
        price = self._price_to_pay(request)
        worth = request.quantity * price
        if worth < instrument.min_notional:
            raise OrderRefused(f"notional below {instrument.min_notional}")
        if ledger.is_spot and request.side is Side.SELL:
            if ledger.free(instrument.base) < request.quantity:
                raise InsufficientFunds(f"not enough {instrument.base}")
        elif ledger.free(instrument.quote) < worth / ledger.leverage(request.symbol):
            raise InsufficientFunds(f"not enough {instrument.quote}")

    def _price_to_pay(self, request: OrderRequest) -> Decimal:
        if request.trigger is not None:
            return request.limit_price or request.trigger.price
        return self._crossing_price(request) or request.limit_price or ZERO

    def _reducible(self, request: OrderRequest) -> Decimal:
        """How much of the position an order on that side can take away."""
        held = self._ledger.held(request.symbol)
        is_reducing = (held > 0) == (request.side is Side.SELL)
        return abs(held) if is_reducing else ZERO

    def _crossing_price(self, request: OrderRequest) -> Decimal | None:
        """What it would fill at now; None when it would rest."""
        price = self._market.at_hand(request.symbol).executable(request.side)
        limit = request.limit_price
        if request.order_type is OrderType.MARKET or limit is None:
            return price
        is_crossing = limit >= price if request.side is Side.BUY else limit <= price
        return price if is_crossing else None

    def own_price(self, request: OrderRequest) -> Decimal:
        """Its limit; the market's price when it has none."""
        price = request.limit_price or self._crossing_price(request)
        assert price is not None
        return price

    def _is_reached(self, request: OrderRequest, trigger: Trigger) -> bool:
        quote = self._market.at_hand(request.symbol)
        price = quote.fair if trigger.by is TriggerBy.MARK else quote.last
        is_falling = (request.side is Side.SELL) == (trigger.kind is TriggerKind.STOP)
        return price <= trigger.price if is_falling else price >= trigger.price

    def _rest(self, request: OrderRequest, pair_id: str = "") -> Resting:
        report = OrderReport(
            client_order_id=request.client_order_id,
            exchange_order_id=self._ledger.next_id(),
            symbol=request.symbol,
            status=VenueStatus.OPEN,
            quantity=request.quantity,
            filled_quantity=ZERO,
            average_price=None,
            side=request.side,
            trigger_price=request.trigger.price if request.trigger else None,
        )
        order = Resting(request, report, pair_id)
        self.orders.append(order)
        return order

    def _trade(self, request: OrderRequest) -> OrderReport:
        price, kind = self._crossing_price(request), request.time_in_force
        if price is not None and kind is TimeInForce.POST_ONLY:
            raise OrderRefused("would immediately match and take")
        order = self._rest(request)
        if price is not None:
            self.fill(order, price, self.next_parts.popleft() if self.next_parts else None)
        if order.is_open and kind in {TimeInForce.IOC, TimeInForce.FOK}:
            self._end(order, VenueStatus.EXPIRED)
        return order.report

    def fill(self, order: Resting, price: Decimal, part: Decimal | None = None) -> None:
        """Execute some of an order at a price, or all that is left of it."""
        request, report = order.request, order.report
        instrument = self._instruments[request.symbol]
        is_maker = price == request.limit_price
        quantity = report.quantity - report.filled_quantity if part is None else part
        fill = self._ledger.execute(
            request.symbol,
            request.side,
            quantity,
            price,
            order_id=report.executing_order_id,
            rate=instrument.maker_fee_rate if is_maker else instrument.taker_fee_rate,
        )
        filled = report.filled_quantity + quantity
        is_whole = filled == report.quantity
        order.report = replace(
            report,
            status=VenueStatus.FILLED if is_whole else VenueStatus.PARTIALLY_FILLED,
            filled_quantity=filled,
            average_price=price,
            fills=(fill,) if self._ledger.is_spot and part is None else (),
        )
        self._end_twin(order, VenueStatus.EXPIRED)

    def _end(self, order: Resting, status: VenueStatus) -> None:
        order.report = replace(order.report, status=status)

    def _end_twin(self, order: Resting, status: VenueStatus) -> None:
        for other in self.orders if order.pair_id else ():
            if other.pair_id == order.pair_id and other is not order and other.is_open:
                self._end(other, status)
                self._on_change(other)

    def match(self) -> None:
        """Fire the triggers that the price has reached, then fill what it has reached.

        A limit order fills at its own price, a market order that was fired at the market's.
        """
        for order in list(self.orders):
            trigger = order.request.trigger
            if order.is_waiting and trigger and self._is_reached(order.request, trigger):
                self._fire(order)
                self._on_change(order)
        for order in list(self.orders):
            limit = order.request.limit_price
            is_live = order.is_open and not order.is_waiting and not order.is_stuck
            if is_live and limit is not None and self._crossing_price(order.request):
                self.fill(order, limit)
                self._on_change(order)

    def _fire(self, order: Resting) -> None:
        order.is_fired = True
        match self.next_firings.popleft() if self.next_firings else Firing.FIRE:
            case Firing.REJECT:
                return self._end(order, VenueStatus.REJECTED)
            case Firing.STICK:
                order.is_stuck = True
                return None
            case Firing.FIRE:
                pass
        if not self._ledger.is_spot and not self._become_new(order):
            return self._end(order, VenueStatus.EXPIRED)
        price = self._crossing_price(order.request)
        return None if price is None else self.fill(order, price)

    def _become_new(self, order: Resting) -> bool:
        """It becomes an order with a number of its own; False when nothing is left to reduce."""
        quantity = order.request.quantity
        if order.request.reduce_only:
            quantity = min(quantity, self._reducible(order.request))
        if not quantity:
            return False
        new_id = self._ledger.next_id()
        order.report = replace(order.report, triggered_order_id=new_id, quantity=quantity)
        return True

    def cancel(self, order: Resting) -> None:
        """End an open order, and with it the other leg of its pair."""
        self._end(order, VenueStatus.CANCELED)
        self._end_twin(order, VenueStatus.CANCELED)

    def is_apart(self, request: OrderRequest) -> bool:
        """Whether it lives among the conditional orders; on spot there is one place for all."""
        return request.is_conditional and not self._ledger.is_spot

    def known(self, symbol: str, client_order_id: str, *, is_conditional: bool) -> Resting | None:
        """The newest order with that id, looked for in the right place or not at all."""
        wanted = (client_order_id, symbol, is_conditional and not self._ledger.is_spot)
        for order in reversed(self.orders):
            request = order.request
            if (request.client_order_id, request.symbol, self.is_apart(request)) == wanted:
                return order
        return None

    def locked(self, asset: str) -> Decimal:
        """What the open orders lock of a coin; a pair locks once."""
        singles = [row for row in self.orders if row.is_open and not row.pair_id]
        pairs = {row.pair_id: row for row in self.orders if row.is_open and row.pair_id}
        held = (self._locked_by(row, asset) for row in [*singles, *pairs.values()])
        return sum(held, ZERO)

    def _locked_by(self, order: Resting, asset: str) -> Decimal:
        request, instrument = order.request, self._instruments[order.request.symbol]
        left = order.report.quantity - order.report.filled_quantity
        if request.side is Side.SELL:
            return left if asset == instrument.base else ZERO
        trigger_price = request.trigger.price if request.trigger else ZERO
        worth = left * (request.limit_price or trigger_price)
        return worth if asset == instrument.quote else ZERO
