"""Orders and own trades on both markets: the same handlers, each market's own shapes."""

from collections.abc import Callable
from dataclasses import dataclass

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import Order, Trade
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.protocol import shapes
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.shapes import Json
from app.paper_exchange.protocol.tickets import read_ticket, which_order
from app.paper_exchange.storage import history
from app.paper_exchange.storage.history import Window
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """The order endpoints of one market."""

    market: MarketType
    shape: Callable[[Order], Json]
    shape_trade: Callable[[Trade], Json]

    def place(self, venue: Venue, call: Call) -> object:
        """POST order."""
        listing = call.listing(self.market)
        ticket = read_ticket(call, self.market)
        before = len(venue.journal.trades)
        order = venue.floor.place(call.customer, listing, ticket)
        fills = venue.journal.trades[before:]
        return self._placed(order, fills, call)

    def test(self, venue: Venue, call: Call) -> object:
        """POST order/test: every check, and nothing is placed."""
        listing = call.listing(self.market)
        venue.floor.check(call.customer, listing, read_ticket(call, self.market))
        return {}

    def find(self, venue: Venue, call: Call) -> object:
        """GET order: open or past, by either id."""
        order = self._lookup(venue, call)
        if order is None:
            raise refuse(refusals.NO_ORDER)
        return self.shape(order)

    def find_open(self, venue: Venue, call: Call) -> object:
        """GET openOrder."""
        order = self._lookup(venue, call)
        if order is None or not order.is_open:
            raise refuse(refusals.NO_ORDER)
        return self.shape(order)

    def cancel(self, venue: Venue, call: Call) -> object:
        """DELETE order: only an open one."""
        found = self._lookup(venue, call)
        order = None if found is None else call.customer.orders.get(found.id)
        if order is None:
            raise refuse(refusals.UNKNOWN_ORDER)
        venue.floor.cancel(call.customer, order)
        return self._canceled(order, call)

    def cancel_all(self, venue: Venue, call: Call) -> object:
        """DELETE openOrders (spot), DELETE allOpenOrders (futures)."""
        symbol = call.listing(self.market).symbol
        orders = call.customer.open_orders(self.market, symbol)
        if self.market is MarketType.SPOT and not orders:
            raise refuse(refusals.UNKNOWN_ORDER)
        for order in orders:
            venue.floor.cancel(call.customer, order)
        if self.market is MarketType.LINEAR:
            return {"code": 200, "msg": "The operation of cancel all open order is done."}
        return [self._canceled(order, call) for order in orders]

    def list_open(self, _venue: Venue, call: Call) -> object:
        """GET openOrders."""
        listing = call.optional_listing(self.market)
        symbol = None if listing is None else listing.symbol
        return [self.shape(order) for order in call.customer.open_orders(self.market, symbol)]

    def list_all(self, venue: Venue, call: Call) -> object:
        """GET allOrders: from an order number on, by time, or the newest."""
        symbol = call.listing(self.market).symbol
        window = _window(call, from_id="orderId")
        orders = history.list_orders(venue.database, call.customer, self.market, symbol, window)
        return [self.shape(order) for order in orders]

    def list_trades(self, venue: Venue, call: Call) -> object:
        """GET myTrades (spot), GET userTrades (futures)."""
        symbol = call.listing(self.market).symbol
        window = _window(call, from_id="fromId", order_id=call.integer("orderId"))
        trades = history.list_trades(venue.database, call.customer, self.market, symbol, window)
        return [self.shape_trade(trade) for trade in trades]

    def _lookup(self, venue: Venue, call: Call) -> Order | None:
        symbol = call.listing(self.market).symbol
        order_id, client_order_id = which_order(call)
        order = history.find_order(
            venue.database,
            call.customer,
            self.market,
            order_id=order_id,
            client_order_id=client_order_id,
        )
        if order is None or order.symbol != symbol or not call.can_see(order.created_at):
            return None
        return order

    def _placed(self, order: Order, fills: list[Trade], call: Call) -> Json:
        kind = call.params.get("newOrderRespType", "")
        if self.market is MarketType.SPOT:
            default = "FULL"
            return shapes.spot_placed(order, fills, kind or default)
        if kind == "RESULT":
            return shapes.linear_order(order)
        return shapes.linear_acknowledged(order)

    def _canceled(self, order: Order, call: Call) -> Json:
        if self.market is MarketType.SPOT:
            cancel_id = call.params.get("newClientOrderId", f"cancel-{order.id}")
            return shapes.spot_canceled(order, cancel_id)
        return self.shape(order)


def _window(call: Call, *, from_id: str, order_id: int | None = None) -> Window:
    return Window(
        limit=call.limit(500, 1000),
        from_id=call.integer(from_id),
        start_at=call.integer("startTime"),
        end_at=call.until(call.integer("endTime")),
        order_id=order_id,
    )
