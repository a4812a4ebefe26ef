"""A conditional futures order read from a request."""

from decimal import Decimal

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.algo import AlgoOrder, AlgoType, WorkingType
from app.paper_exchange.engine.models import ZERO
from app.paper_exchange.engine.refusals import missing, refuse
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.tickets import read_client_id, read_side
from app.trading.words import MarketType

_TIMES = {"GTC", "IOC", "FOK", "GTX", "GTE_GTC"}
_SMALLEST_CALLBACK, _LARGEST_CALLBACK = Decimal("0.1"), Decimal(10)


def read_algo(call: Call) -> AlgoOrder:
    """The order a request asks for; its number is still 0.

    Raises:
        Refusal: a parameter is missing, malformed or does not go with the type.
    """
    listing = call.listing(MarketType.LINEAR)
    if call.text("algoType").upper() != "CONDITIONAL":
        raise refusals.illegal("algoType")
    side = read_side(call)
    algo_type = _algo_type(call)
    if call.params.get("positionSide", "BOTH") != "BOTH":
        raise refuse(refusals.WRONG_POSITION_SIDE)
    is_trailing = algo_type is AlgoType.TRAILING_STOP_MARKET
    closes = _closes_position(call, algo_type)
    return AlgoOrder(
        id=0,
        account_id=call.customer.id,
        symbol=listing.symbol,
        client_algo_id=read_client_id(call, MarketType.LINEAR, "clientAlgoId"),
        side=side,
        algo_type=algo_type,
        time_in_force=_time_in_force(call),
        quantity=ZERO if closes else call.number("quantity"),
        limit_price=call.number("price") if algo_type.is_limit else ZERO,
        trigger_price=ZERO if is_trailing else _trigger(call),
        working_type=_working_type(call),
        reduce_only=call.flag("reduceOnly"),
        close_position=closes,
        activate_price=call.number("activatePrice", ZERO) if is_trailing else ZERO,
        callback_percent=_callback(call) if is_trailing else ZERO,
        created_at=call.at,
        updated_at=call.at,
    )


def which_algo(call: Call) -> tuple[int | None, str | None]:
    """The order a look-up or a cancel is about, by their number or by ours.

    Raises:
        Refusal: -1102 when neither was sent.
    """
    number = call.integer("algoId")
    client_algo_id = call.params.get("clientAlgoId") or None
    if number is None and client_algo_id is None:
        raise missing("algoId")
    return number, client_algo_id


def _algo_type(call: Call) -> AlgoType:
    try:
        return AlgoType(call.text("type").upper())
    except ValueError:
        raise refuse(refusals.INVALID_TYPE) from None


def _trigger(call: Call) -> Decimal:
    price = call.number("triggerPrice")
    if price <= 0:
        raise refuse(refusals.NO_TRIGGER)
    return price


def _closes_position(call: Call, algo_type: AlgoType) -> bool:
    if not call.flag("closePosition"):
        return False
    has_own_size = call.params.get("quantity") or call.flag("reduceOnly")
    if algo_type.is_limit or algo_type is AlgoType.TRAILING_STOP_MARKET or has_own_size:
        raise refuse(refusals.CLOSE_AND_QUANTITY)
    return True


def _time_in_force(call: Call) -> str:
    name = call.params.get("timeInForce", "GTC").upper()
    if name not in _TIMES:
        raise refuse(refusals.INVALID_TIME_IN_FORCE)
    return "GTC" if name == "GTE_GTC" else name


def _working_type(call: Call) -> WorkingType:
    name = call.params.get("workingType", WorkingType.CONTRACT_PRICE.value)
    try:
        return WorkingType(name.upper())
    except ValueError:
        raise refusals.illegal("workingType") from None


def _callback(call: Call) -> Decimal:
    percent = call.number("callbackRate")
    if not _SMALLEST_CALLBACK <= percent <= _LARGEST_CALLBACK:
        raise refuse(refusals.BAD_CALLBACK)
    return percent
