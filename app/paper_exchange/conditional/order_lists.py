"""Spot order lists: OCO pairs placed, looked up and canceled as one."""

from decimal import Decimal

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import ZERO, Order, OrderType, Ticket, TimeInForce
from app.paper_exchange.engine.refusals import missing, refuse
from app.paper_exchange.engine.stops import OrderList
from app.paper_exchange.protocol import shapes
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.routes import Handler, Routes, signed
from app.paper_exchange.protocol.shapes import Json
from app.paper_exchange.protocol.tickets import read_client_id, read_side
from app.paper_exchange.storage import history
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

SPOT = MarketType.SPOT
_LEGS = {"STOP_LOSS", "STOP_LOSS_LIMIT", "LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
_WITH_TIME = {OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}


def place(venue: Venue, call: Call) -> object:
    """POST orderList/oco."""
    listing = call.listing(SPOT)
    name = read_client_id(call, SPOT, "listClientOrderId")
    tickets = _leg(call, "above"), _leg(call, "below")
    if tickets[0].client_order_id == tickets[1].client_order_id:
        raise refuse(refusals.DUPLICATE_SPOT)
    legs = venue.floor.place_pair(call.customer, listing, tickets)
    number = legs[0].order_list_id
    pair = OrderList(number, call.customer.id, listing.symbol, name, call.at)
    venue.journal.lists.append(pair)
    venue.journal.event(
        "order_list",
        account_id=call.customer.id,
        symbol=listing.symbol,
        order_list_id=number,
        list_client_order_id=name,
        order_ids=[leg.id for leg in legs],
    )
    reports = [shapes.spot_placed(leg, [], "RESULT") for leg in legs]
    return shape(pair, list(legs)) | {"orderReports": reports}


def find(venue: Venue, call: Call) -> object:
    """GET orderList: by either id."""
    pair = _lookup(venue, call, "origClientOrderId")
    if pair is None or not call.can_see(pair.created_at):
        raise refuse(refusals.NO_ORDER)
    return shape(pair, history.orders_of_list(venue.database, pair.id))


def cancel(venue: Venue, call: Call) -> object:
    """DELETE orderList: both legs."""
    call.listing(SPOT)
    pair = _lookup(venue, call, "listClientOrderId")
    open_legs = [
        order
        for order in call.customer.orders.values()
        if pair is not None and order.order_list_id == pair.id
    ]
    if pair is None or not open_legs:
        raise refuse(refusals.UNKNOWN_ORDER)
    venue.floor.cancel(call.customer, open_legs[0])
    legs = [
        venue.journal.orders.get(leg.id, leg)
        for leg in history.orders_of_list(venue.database, pair.id)
    ]
    reports = [shapes.spot_canceled(leg, f"cancel-{leg.id}") for leg in legs]
    return shape(pair, legs) | {"orderReports": reports}


def list_open(venue: Venue, call: Call) -> object:
    """GET openOrderList."""
    numbers = sorted({o.order_list_id for o in call.customer.orders.values()} - {-1})
    return _shown(venue, call, numbers)


def list_all(venue: Venue, call: Call) -> object:
    """GET allOrderList: the newest, oldest first."""
    limit = call.limit(500, 1000)
    pairs = history.list_pairs(venue.database, call.customer, limit)
    return [shape(pair, history.orders_of_list(venue.database, pair.id)) for pair in pairs]


def shape(pair: OrderList, legs: list[Order]) -> Json:
    """A pair as every order list endpoint shows it."""
    is_open = any(leg.is_open for leg in legs)
    return {
        "orderListId": pair.id,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if is_open else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if is_open else "ALL_DONE",
        "listClientOrderId": pair.list_client_order_id,
        "transactionTime": max((leg.updated_at for leg in legs), default=pair.created_at),
        "symbol": pair.symbol,
        "orders": [
            {"symbol": leg.symbol, "orderId": leg.id, "clientOrderId": leg.client_order_id}
            for leg in legs
        ],
    }


def routes() -> Routes:
    """The order list routes, by method and path."""
    handlers: dict[tuple[str, str], Handler] = {
        ("POST", "orderList/oco"): place,
        ("GET", "orderList"): find,
        ("DELETE", "orderList"): cancel,
        ("GET", "openOrderList"): list_open,
        ("GET", "allOrderList"): list_all,
    }
    return {(verb, f"/api/v3/{path}"): signed(do) for (verb, path), do in handlers.items()}


def _leg(call: Call, prefix: str) -> Ticket:
    def names(name: str) -> str:
        return f"{prefix}{name}"

    kind = call.text(names("Type")).upper()
    if kind not in _LEGS:
        raise refuse(refusals.INVALID_TYPE)
    order_type = OrderType(kind)
    waits = order_type is not OrderType.LIMIT_MAKER
    return Ticket(
        side=read_side(call),
        order_type=order_type,
        time_in_force=_time_in_force(call, names("TimeInForce"), order_type),
        quantity=call.number("quantity"),
        quote_quantity=ZERO,
        limit_price=ZERO if order_type.is_market else call.number(names("Price")),
        client_order_id=read_client_id(call, SPOT, names("ClientOrderId")),
        stop_price=_positive(call, names("StopPrice")) if waits else ZERO,
    )


def _positive(call: Call, name: str) -> Decimal:
    price = call.number(name)
    if price <= 0:
        raise missing(name)
    return price


def _time_in_force(call: Call, name: str, order_type: OrderType) -> TimeInForce:
    if order_type not in _WITH_TIME:
        return TimeInForce.GTC
    wanted = call.text(name).upper()
    if wanted not in {"GTC", "IOC", "FOK"}:
        raise refuse(refusals.INVALID_TIME_IN_FORCE)
    return TimeInForce(wanted)


def _lookup(venue: Venue, call: Call, name_parameter: str) -> OrderList | None:
    number, name = call.integer("orderListId"), call.params.get(name_parameter) or None
    if number is None and name is None:
        raise missing("orderListId")
    return history.find_pair(venue.database, call.customer, number=number, name=name)


def _shown(venue: Venue, call: Call, numbers: list[int]) -> list[Json]:
    shown = []
    for number in numbers:
        pair = history.find_pair(venue.database, call.customer, number=number, name=None)
        if pair is not None:
            shown.append(shape(pair, history.orders_of_list(venue.database, number)))
    return shown
