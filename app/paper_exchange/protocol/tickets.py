"""An order request read into a ticket, with Binance's words about what is missing or wrong."""

import re
import secrets
import string
from decimal import Decimal

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import ZERO, OrderType, Ticket, TimeInForce
from app.paper_exchange.engine.refusals import Refusal, missing, refuse
from app.paper_exchange.protocol.call import Call
from app.trading.words import MarketType, Side

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_WITH_TIME = {OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
_LINEAR_CONDITIONAL = {
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
}
_TYPES = {
    MarketType.SPOT: {kind.value for kind in OrderType},
    MarketType.LINEAR: {OrderType.MARKET.value, OrderType.LIMIT.value},
}
_TIMES = {
    MarketType.SPOT: {"GTC", "IOC", "FOK"},
    MarketType.LINEAR: {kind.value for kind in TimeInForce},
}
_ALPHABET = string.ascii_letters + string.digits


def read_ticket(call: Call, market: MarketType) -> Ticket:
    """The order a request asks for.

    Raises:
        Refusal: a parameter is missing or malformed, or the type is not executed here.
    """
    side = read_side(call)
    order_type = _order_type(call, market)
    quote_quantity = _quote_quantity(call, market, order_type)
    waits = order_type.value.startswith(("STOP_", "TAKE_"))
    return Ticket(
        side=side,
        order_type=order_type,
        time_in_force=_time_in_force(call, order_type, market),
        quantity=ZERO if quote_quantity > 0 else call.number("quantity"),
        quote_quantity=quote_quantity,
        limit_price=ZERO if order_type.is_market else call.number("price"),
        client_order_id=read_client_id(call, market, "newClientOrderId"),
        reduce_only=market is MarketType.LINEAR and call.flag("reduceOnly"),
        stop_price=_stop_price(call) if waits else ZERO,
    )


def read_side(call: Call) -> Side:
    """BUY or SELL.

    Raises:
        Refusal: -1117 for anything else.
    """
    match call.text("side").upper():
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise refuse(refusals.INVALID_SIDE)


def _order_type(call: Call, market: MarketType) -> OrderType:
    name = call.text("type").upper()
    if market is MarketType.LINEAR:
        if name in _LINEAR_CONDITIONAL:
            raise refuse(refusals.USE_ALGO)
        if call.params.get("positionSide", "BOTH") != "BOTH":
            raise refuse(refusals.WRONG_POSITION_SIDE)
    if name not in _TYPES[market]:
        raise refuse(refusals.INVALID_TYPE)
    return OrderType(name)


def _stop_price(call: Call) -> Decimal:
    if call.params.get("trailingDelta"):
        raise Refusal(-1106, "Parameter 'trailingDelta' sent when not required.")
    price = call.number("stopPrice")
    if price <= 0:
        raise missing("stopPrice")
    return price


def _quote_quantity(call: Call, market: MarketType, order_type: OrderType) -> Decimal:
    if market is not MarketType.SPOT or not call.params.get("quoteOrderQty"):
        return ZERO
    if order_type is not OrderType.MARKET or call.params.get("quantity"):
        raise Refusal(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    return call.number("quoteOrderQty")


def _time_in_force(call: Call, order_type: OrderType, market: MarketType) -> TimeInForce:
    if order_type not in _WITH_TIME:
        return TimeInForce.GTC
    name = call.text("timeInForce").upper()
    if name not in _TIMES[market]:
        raise refuse(refusals.INVALID_TIME_IN_FORCE)
    return TimeInForce(name)


def read_client_id(call: Call, market: MarketType, parameter: str) -> str:
    """The client's own id, made up when none was sent.

    Raises:
        Refusal: -4015 or -1100 when it is not one Binance takes.
    """
    name = call.params.get(parameter, "")
    if not name:
        return "".join(secrets.choice(_ALPHABET) for _ in range(22))
    if not _CLIENT_ID.fullmatch(name):
        if market is MarketType.LINEAR:
            raise refuse(refusals.BAD_CLIENT_ID)
        raise refusals.illegal(parameter)
    return name


def which_order(call: Call) -> tuple[int | None, str | None]:
    """The order a look-up or a cancel is about, by their number or by ours.

    Raises:
        Refusal: -1102 when neither was sent.
    """
    order_id = call.integer("orderId")
    client_order_id = call.params.get("origClientOrderId") or None
    if order_id is None and client_order_id is None:
        raise missing("orderId")
    return order_id, client_order_id
