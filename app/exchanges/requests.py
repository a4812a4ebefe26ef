"""Our orders as ccxt's arguments: refused here, before anything is sent, when off the steps."""

from typing import Any

from app.core.errors import OrderRefused
from app.exchanges.mapping import Raw, number, to_amount
from app.exchanges.quirks import MarginScope, Params, Quirks
from app.exchanges.venue import OrderRequest, Trigger
from app.trading.words import OrderType, Side, TimeInForce, TriggerKind


def arguments_of(
    client: Any, request: OrderRequest, market: Raw, quirks: Quirks
) -> tuple[str, str, str, str, str | None, Params]:
    """What `create_order` takes: symbol, type, side, amount, price, parameters.

    Raises:
        OrderRefused: a number is not on the venue's step, or a limit order has no price.
    """
    # A market order never carries a price: Binance spot would take it as money to spend.
    price = None
    if request.order_type is OrderType.LIMIT:
        price = _price_on_tick(client, request.symbol, request.limit_price)
    amount = _amount_on_lot(client, request, market)
    params = _params(client, request, quirks, is_contract=bool(market["contract"]))
    kind, side = request.order_type.value, request.side.value
    return (request.symbol, kind, side, amount, price, params)


def _amount_on_lot(client: Any, request: OrderRequest, market: Raw) -> str:
    amount = to_amount(request.quantity, market)
    # Whole contracts are exact by themselves, and BingX says nothing of their step.
    if market["precision"].get("amount") is None:
        return amount
    return _on_step(client, "amount_to_precision", request.symbol, amount)


def _price_on_tick(client: Any, symbol: str, price: Any) -> str:
    if price is None:
        raise OrderRefused("a limit order needs a price")
    return _on_step(client, "price_to_precision", symbol, price)


def _on_step(client: Any, rounding: str, symbol: str, value: Any) -> str:
    asked = number(value)
    try:
        rounded = str(getattr(client, rounding)(symbol, value))
    # What ccxt raises here, it raises before anything is sent: the number rounds to zero.
    except Exception as error:  # noqa: BLE001 ccxt raises InvalidOrder or AssertionError
        raise OrderRefused(f"{value} is below the venue's step: {error}") from None
    if number(rounded) != asked:
        raise OrderRefused(f"{value} is not on the venue's step: it would become {rounded}")
    return rounded


def _params(client: Any, request: OrderRequest, quirks: Quirks, *, is_contract: bool) -> Params:
    params: Params = {"clientOrderId": request.client_order_id}
    if is_contract and request.reduce_only:
        params["reduceOnly"] = True
    if is_contract and request.margin_mode and quirks.margin_scope is MarginScope.ORDER:
        params["marginMode"] = request.margin_mode.value
    if request.order_type is OrderType.LIMIT:
        params |= _time_in_force(request.time_in_force)
    if request.trigger is not None:
        trigger = request.trigger
        # One of the two, never both: given both, ccxt drops one of them on most venues.
        name = "stopLossPrice" if trigger.kind is TriggerKind.STOP else "takeProfitPrice"
        params[name] = _price_on_tick(client, request.symbol, trigger.price)
        params |= quirks.trigger_params(trigger, request.client_order_id, is_contract=is_contract)
    return params


def _time_in_force(wanted: TimeInForce | None) -> Params:
    match wanted:
        case None | TimeInForce.GTC:
            return {}
        case TimeInForce.POST_ONLY:
            return {"postOnly": True}
        case TimeInForce.IOC | TimeInForce.FOK:
            return {"timeInForce": wanted.value.upper()}


def list_of(
    client: Any, pair_id: str, stop: OrderRequest, target: OrderRequest, market: Raw
) -> Params:
    """What Binance's `orderList/oco` takes: two market orders of one quantity.

    Raises:
        OrderRefused: the legs are not a pair, or a number is not on the venue's step.
    """
    if stop.trigger is None or target.trigger is None:
        raise OrderRefused("both legs of a pair need a trigger")
    if (stop.symbol, stop.side, stop.quantity) != (target.symbol, target.side, target.quantity):
        raise OrderRefused("the legs of a pair differ in symbol, side or quantity")
    is_sell = stop.side is Side.SELL
    if (stop.trigger.price < target.trigger.price) is not is_sell:
        raise OrderRefused("the stop of a pair is on the wrong side of its target")
    legs = [(target, target.trigger), (stop, stop.trigger)]
    above, below = legs if is_sell else reversed(legs)
    params: Params = {
        "symbol": market["id"],
        "side": stop.side.value.upper(),
        "quantity": _amount_on_lot(client, stop, market),
        "listClientOrderId": pair_id,
        "newOrderRespType": "RESULT",
    }
    return params | _leg(client, "above", *above) | _leg(client, "below", *below)


def _leg(client: Any, place: str, leg: OrderRequest, trigger: Trigger) -> Params:
    kind = "STOP_LOSS" if trigger.kind is TriggerKind.STOP else "TAKE_PROFIT"
    return {
        f"{place}Type": kind,
        f"{place}StopPrice": _price_on_tick(client, leg.symbol, trigger.price),
        f"{place}ClientOrderId": leg.client_order_id,
    }
