"""Finding orders at each venue: under our id, under its own, and all that are open."""

from collections.abc import Mapping
from typing import Any, Final

from app.core.errors import OrderNotFound, Retryable
from app.exchanges.mapping import Raw

OKX_CONDITIONAL_TYPES: Final = ("conditional", "oco", "trigger", "move_order_stop")
BYBIT_OPEN_LIMIT: Final = 50
NO_ID: Final = {"", "0", "None"}


async def find_by_client_id(
    client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
) -> Raw:
    """One place for all orders, conditional ones included."""
    del is_conditional
    found: Raw = await client.fetch_order(None, symbol, {"clientOrderId": client_order_id})
    return found


async def find_at_binance(
    client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
) -> Raw:
    """Conditional orders of contracts have endpoints of their own, and become a new order."""
    if not is_conditional or client.market(symbol)["spot"]:
        return await find_by_client_id(client, symbol, client_order_id, is_conditional=False)
    query = {"clientOrderId": client_order_id, "trigger": True}
    found: Raw = await client.fetch_order(None, symbol, query)
    return await _with_child(client, symbol, found, found["info"].get("actualOrderId"))


async def find_at_okx(
    client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
) -> Raw:
    """Conditional orders have endpoints of their own, and become a new order."""
    if not is_conditional:
        return await find_by_client_id(client, symbol, client_order_id, is_conditional=False)
    query = {"clientOrderId": client_order_id, "trigger": True}
    found = _okx_conditional(await client.fetch_order(None, symbol, query))
    return await _with_child(client, symbol, found, found["info"].get("ordId"))


async def _with_child(client: Any, symbol: str, found: Raw, child_id: Any) -> Raw:
    """A conditional order as the order that it became, once it became one.

    Raises:
        Retryable: it was triggered, and what it became is not shown yet: nobody knows its fate.
    """
    if str(child_id) in NO_ID:
        if found["status"] == "closed":
            raise Retryable("triggered, and the order that it became is not named yet")
        return found
    try:
        child: Raw = await client.fetch_order(str(child_id), symbol)
    except Exception as error:
        if type(error).__name__ != "OrderNotFound":
            raise
        raise Retryable("triggered, and the order that it became is not shown yet") from None
    own = {key: found[key] for key in ("id", "clientOrderId", "triggerPrice")}
    return {**child, **own, "triggeredOrderId": child["id"]}


def _okx_conditional(order: Raw) -> Raw:
    # ccxt reads the normal client id, files the trigger under two names, and calls a stop that
    # failed at its trigger cancelled.
    info: Mapping[str, Any] = order["info"]
    trigger_price = order.get("stopLossPrice") or order.get("takeProfitPrice")
    return {
        **order,
        "clientOrderId": info.get("algoClOrdId") or order.get("clientOrderId"),
        "triggerPrice": order.get("triggerPrice") or trigger_price,
        "status": "rejected" if info.get("state") == "order_failed" else order.get("status"),
    }


async def find_at_bingx(
    client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
) -> Raw:
    """Our own question: ccxt's `fetch_order` sends `orderId=None` beside the client id."""
    del is_conditional
    market = client.market(symbol)
    if market["spot"]:
        query = {"symbol": market["id"], "clientOrderID": client_order_id}
        answer = await client.spotV1PrivateGetTradeQuery(query)
    else:
        query = {"symbol": market["id"], "clientOrderId": client_order_id}
        answer = await (
            client.cswapV1PrivateGetTradeOrderDetail(query)
            if market["inverse"]
            else client.swapV2PrivateGetTradeOrder(query)
        )
    data = answer.get("data") or {}
    order = data.get("order", data)
    if not order:
        raise OrderNotFound("the venue's answer holds no order")
    found: Raw = client.parse_order(order, market)
    return found


async def find_at_bybit(
    client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
) -> Raw:
    """Our own question: ccxt's `fetch_order` sends `orderId=None` beside the client id."""
    del is_conditional
    query = {"orderLinkId": client_order_id}
    return await _search_bybit(client, symbol, query, "clientOrderId")


async def foreign_at_bybit(client: Any, symbol: str, exchange_order_id: str) -> Raw:
    """Our own search: ccxt's `fetch_order` sees only the last five hundred orders."""
    return await _search_bybit(client, symbol, {"orderId": exchange_order_id}, "id")


async def _search_bybit(client: Any, symbol: str, query: Mapping[str, str], key: str) -> Raw:
    (wanted,) = query.values()
    for fetch in (client.fetch_open_orders, client.fetch_canceled_and_closed_orders):
        for order in await fetch(symbol, None, None, dict(query)):
            if order.get(key) == wanted:
                found: Raw = order
                return found
    raise OrderNotFound("neither among the open orders nor in the history")


async def foreign_by_id(client: Any, symbol: str, exchange_order_id: str) -> Raw:
    """An order under the venue's own id."""
    found: Raw = await client.fetch_order(exchange_order_id, symbol)
    return found


async def open_orders(client: Any, symbol: str) -> list[Raw]:
    """One list for all orders, conditional ones included."""
    orders: list[Raw] = await client.fetch_open_orders(symbol)
    return orders


async def open_at_bybit(client: Any, symbol: str) -> list[Raw]:
    """One list for all orders, in pages."""
    orders: list[Raw] = await client.fetch_open_orders(
        symbol, None, BYBIT_OPEN_LIMIT, {"paginate": True}
    )
    return orders


async def open_at_binance(client: Any, symbol: str) -> list[Raw]:
    """Two lists on contracts.

    The conditional ones come first: what is triggered between the two answers is then in the
    second, and what was triggered before is nobody's twice.
    """
    if client.market(symbol)["spot"]:
        return await open_orders(client, symbol)
    waiting = await client.fetch_open_orders(symbol, None, None, {"trigger": True})
    untouched = [row for row in waiting if str(row["info"].get("actualOrderId")) in NO_ID]
    return [*untouched, *await open_orders(client, symbol)]


async def open_at_okx(client: Any, symbol: str) -> list[Raw]:
    """One list for each type of conditional order, then the normal ones."""
    found: list[Raw] = []
    for kind in OKX_CONDITIONAL_TYPES:
        query = {"trigger": True, "ordType": kind}
        waiting = await client.fetch_open_orders(symbol, None, None, query)
        found += [_okx_conditional(row) for row in waiting]
    return [*found, *await open_orders(client, symbol)]
