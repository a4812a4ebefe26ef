"""What each venue wants said differently; everything else is common to all of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.errors import OrderNotFound
from app.exchanges.mapping import Raw, number
from app.trading.words import MarginMode

Params = dict[str, Any]


class MarginScope(StrEnum):
    """What a venue's margin mode belongs to."""

    SYMBOL = "symbol"
    ORDER = "order"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class MarginState:
    """Leverage and margin mode as the venue has them; None where it has another or does not say."""

    leverage: int | None
    margin_mode: MarginMode | None


async def _find_by_client_id(client: Any, symbol: str, client_order_id: str) -> Raw:
    found: Raw = await client.fetch_order(None, symbol, {"clientOrderId": client_order_id})
    return found


async def _find_at_bingx(client: Any, symbol: str, client_order_id: str) -> Raw:
    # ccxt's fetch_order sends `orderId=None` beside the client id.
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


async def _find_at_bybit(client: Any, symbol: str, client_order_id: str) -> Raw:
    # ccxt's fetch_order sends `orderId=None` beside the client id.
    for fetch in (client.fetch_open_orders, client.fetch_canceled_and_closed_orders):
        for order in await fetch(symbol, None, None, {"orderLinkId": client_order_id}):
            if order.get("clientOrderId") == client_order_id:
                found: Raw = order
                return found
    raise OrderNotFound("neither among the open orders nor in the history")


async def _margin_by_leverage(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    return _margin_state(await client.fetch_leverage(symbol))


async def _margin_at_binance(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    market = client.market(symbol)
    if not market["linear"]:
        return await _margin_by_leverage(client, symbol, _wanted)
    # One small request instead of the settings and brackets of every symbol.
    answer = await client.fapiPrivateGetSymbolConfig({"symbol": market["id"]})
    rows = answer if isinstance(answer, list) else [answer]
    row = next(row for row in rows if row["symbol"] == market["id"])
    return _margin_state(client.parse_leverage(row, market))


async def _margin_by_two_questions(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    # BingX and Bybit say the leverage in one answer and the margin mode in another.
    leverage = _margin_state(await client.fetch_leverage(symbol)).leverage
    mode = await client.fetch_margin_mode(symbol)
    return MarginState(leverage, _margin_mode(mode))


async def _margin_at_okx(client: Any, symbol: str, wanted: MarginMode) -> MarginState:
    return _margin_state(await client.fetch_leverage(symbol, {"marginMode": wanted.value}))


def _margin_state(raw: Raw) -> MarginState:
    sides = {number(raw.get(key)) for key in ("longLeverage", "shortLeverage")}
    leverage = sides.pop() if len(sides) == 1 else None
    return MarginState(None if leverage is None else int(leverage), _margin_mode(raw))


def _margin_mode(raw: Raw) -> MarginMode | None:
    # Bybit knows a third one, `portfolio`, that is neither of ours.
    name = str(raw.get("marginMode"))
    return MarginMode(name) if name in set(MarginMode) else None


def _since(since: datetime) -> int:
    return int(since.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Quirks:
    """One venue's differences.

    Attributes:
        find: the order under a client id.
        margin: leverage and margin mode of a symbol.
        margin_scope: what the margin mode belongs to.
        order_id_param: the name under which the list of our trades takes an order id.
        trades_since: whether that list takes a start time together with an order id.
        client_id_param: the name under which a cancel takes a client id.
    """

    find: Callable[[Any, str, str], Awaitable[Raw]] = _find_by_client_id
    margin: Callable[[Any, str, MarginMode], Awaitable[MarginState]] = _margin_by_leverage
    margin_scope: MarginScope = MarginScope.SYMBOL
    order_id_param: str = "orderId"
    trades_since: bool = True
    client_id_param: str = "clientOrderId"

    def cancel_params(self, client_order_id: str) -> Params:
        """Parameters of a cancel by client id."""
        return {self.client_id_param: client_order_id}

    def trades_query(
        self, exchange_order_id: str, since: datetime
    ) -> tuple[int | None, Mapping[str, str]]:
        """Start time and parameters that ask for the trades of one order."""
        start = _since(since) if self.trades_since else None
        return start, {self.order_id_param: exchange_order_id}


# Binance takes no time together with an order id.
BINANCE = Quirks(margin=_margin_at_binance, trades_since=False)
BINGX = Quirks(find=_find_at_bingx, margin=_margin_by_two_questions)
BYBIT = Quirks(
    find=_find_at_bybit,
    margin=_margin_by_two_questions,
    margin_scope=MarginScope.ACCOUNT,
    client_id_param="orderLinkId",
)
OKX = Quirks(margin=_margin_at_okx, margin_scope=MarginScope.ORDER, order_id_param="ordId")
