"""The algo endpoints of USDT-M: the only place that takes conditional orders."""

from app.paper_exchange.conditional.algo_requests import read_algo, which_algo
from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.algo import AlgoOrder, AlgoStatus
from app.paper_exchange.engine.models import Order
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.routes import Handler, Routes, signed
from app.paper_exchange.protocol.shapes import Json, short
from app.paper_exchange.storage import history
from app.paper_exchange.storage.history import Window
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

LINEAR = MarketType.LINEAR


def place(venue: Venue, call: Call) -> object:
    """POST algoOrder."""
    listing = call.listing(LINEAR)
    algo = venue.floor.place_algo(call.customer, listing, read_algo(call))
    return shape(algo, None)


def find(venue: Venue, call: Call) -> object:
    """GET algoOrder: open or past, by either id."""
    algo = _lookup(venue, call)
    if algo is None:
        raise refuse(refusals.NO_ORDER)
    return shape(algo, _child(venue, call, algo))


def cancel(venue: Venue, call: Call) -> object:
    """DELETE algoOrder: only one that has not become a normal order."""
    found = _lookup(venue, call)
    algo = None if found is None else call.customer.algos.get(found.id)
    if algo is None or algo.status is AlgoStatus.TRIGGERED:
        raise refuse(refusals.UNKNOWN_ORDER)
    venue.floor.cancel_algo(call.customer, algo)
    answer: Json = {"algoId": algo.id, "clientAlgoId": algo.client_algo_id}
    return answer | {"code": "200", "msg": "success"}


def cancel_all(venue: Venue, call: Call) -> object:
    """DELETE algoOpenOrders: those of a symbol."""
    symbol = call.listing(LINEAR).symbol
    for algo in list(call.customer.algos.values()):
        if algo.symbol == symbol and algo.status is not AlgoStatus.TRIGGERED:
            venue.floor.cancel_algo(call.customer, algo)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def list_open(_venue: Venue, call: Call) -> object:
    """GET openAlgoOrders: those that have not become a normal order."""
    listing = call.optional_listing(LINEAR)
    return [
        shape(algo, None)
        for algo in call.customer.algos.values()
        if algo.status is not AlgoStatus.TRIGGERED
        and (listing is None or algo.symbol == listing.symbol)
    ]


def list_all(venue: Venue, call: Call) -> object:
    """GET allAlgoOrders: of a symbol, from a number on, by time, or the newest."""
    symbol = call.listing(LINEAR).symbol
    window = Window(
        limit=call.limit(500, 1000),
        from_id=call.integer("algoId"),
        start_at=call.integer("startTime"),
        end_at=call.until(call.integer("endTime")),
    )
    algos = history.list_algos(venue.database, call.customer, symbol, window)
    return [shape(algo, _child(venue, call, algo)) for algo in algos]


def shape(algo: AlgoOrder, child: Order | None) -> Json:
    """A conditional order as every algo endpoint shows it, and the order that came out of it."""
    return {
        "algoId": algo.id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.algo_type.value,
        "symbol": algo.symbol,
        "side": algo.side.value.upper(),
        "positionSide": "BOTH",
        "timeInForce": algo.time_in_force,
        "quantity": short(algo.quantity),
        "algoStatus": algo.status.value,
        "actualOrderId": str(algo.actual_order_id) if algo.actual_order_id else "",
        "actualPrice": short(child.average_price) if child else "0.00000",
        "actualQty": short(child.executed_quantity) if child else "0",
        "actualType": child.order_type.value if child else "",
        "triggerPrice": short(algo.trigger_price),
        "price": short(algo.limit_price),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": algo.working_type.value,
        "priceMatch": "NONE",
        "closePosition": algo.close_position,
        "priceProtect": False,
        "reduceOnly": algo.reduce_only,
        "activatePrice": short(algo.activate_price),
        "callbackRate": short(algo.callback_percent),
        "createTime": algo.created_at,
        "updateTime": algo.updated_at,
        "triggerTime": algo.triggered_at,
        "goodTillDate": 0,
        "failedReason": algo.reason,
    }


def routes() -> Routes:
    """The algo routes, by method and path."""
    handlers: dict[tuple[str, str], Handler] = {
        ("POST", "algoOrder"): place,
        ("GET", "algoOrder"): find,
        ("DELETE", "algoOrder"): cancel,
        ("DELETE", "algoOpenOrders"): cancel_all,
        ("GET", "openAlgoOrders"): list_open,
        ("GET", "allAlgoOrders"): list_all,
    }
    return {(verb, f"/fapi/v1/{path}"): signed(do) for (verb, path), do in handlers.items()}


def _lookup(venue: Venue, call: Call) -> AlgoOrder | None:
    number, client_algo_id = which_algo(call)
    algo = history.find_algo(
        venue.database, call.customer, number=number, client_algo_id=client_algo_id
    )
    is_hidden = algo is not None and not call.can_see(algo.created_at)
    return None if is_hidden else algo


def _child(venue: Venue, call: Call, algo: AlgoOrder) -> Order | None:
    if not algo.actual_order_id:
        return None
    return history.find_order(
        venue.database, call.customer, LINEAR, order_id=algo.actual_order_id, client_order_id=None
    )
