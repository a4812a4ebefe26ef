"""What a fault can be addressed by: routes with names, and the facts of one request."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from app.trading.words import MarketType

_TABLE = """
spot   POST   /api/v3/order                     order.create
spot   GET    /api/v3/order                     order.find
spot   DELETE /api/v3/order                     order.cancel
spot   GET    /api/v3/openOrders                orders.open
spot   DELETE /api/v3/openOrders                orders.cancel
spot   GET    /api/v3/allOrders                 orders.all
spot   POST   /api/v3/orderList/oco             oco.create
spot   GET    /api/v3/orderList                 oco.find
spot   DELETE /api/v3/orderList                 oco.cancel
spot   GET    /api/v3/openOrderList             oco.open
spot   GET    /api/v3/allOrderList              oco.all
spot   GET    /api/v3/myTrades                  trades
spot   GET    /api/v3/account                   balances
spot   GET    /api/v3/exchangeInfo              exchange_info
spot   GET    /api/v3/time                      time
spot   GET    /api/v3/ticker/24hr               prices
spot   GET    /api/v3/ticker/price              prices
spot   GET    /api/v3/ticker/bookTicker         prices
spot   GET    /api/v3/klines                    candles
spot   GET    /sapi/v1/account/apiRestrictions  key
spot   GET    /sapi/v1/system/status            status
linear POST   /fapi/v1/order                    order.create
linear GET    /fapi/v1/order                    order.find
linear GET    /fapi/v1/openOrder                order.find
linear DELETE /fapi/v1/order                    order.cancel
linear GET    /fapi/v1/openOrders               orders.open
linear DELETE /fapi/v1/allOpenOrders            orders.cancel
linear GET    /fapi/v1/allOrders                orders.all
linear POST   /fapi/v1/algoOrder                algo.create
linear GET    /fapi/v1/algoOrder                algo.find
linear DELETE /fapi/v1/algoOrder                algo.cancel
linear GET    /fapi/v1/openAlgoOrders           algo.open
linear DELETE /fapi/v1/algoOpenOrders           algo.cancel_all
linear GET    /fapi/v1/allAlgoOrders            algo.all
linear GET    /fapi/v1/userTrades               trades
linear GET    /fapi/v1/income                   income
linear GET    /fapi/v2/account                  balances
linear GET    /fapi/v3/account                  balances
linear GET    /fapi/v2/balance                  balances
linear GET    /fapi/v3/balance                  balances
linear GET    /fapi/v1/positionRisk             positions
linear GET    /fapi/v2/positionRisk             positions
linear GET    /fapi/v3/positionRisk             positions
linear POST   /fapi/v1/leverage                 leverage
linear POST   /fapi/v1/marginType               margin_mode
linear GET    /fapi/v1/positionSide/dual        position_mode
linear GET    /fapi/v1/symbolConfig             symbol_config
linear GET    /fapi/v1/accountConfig            account_config
linear POST   /fapi/v1/listenKey                listen_key
linear PUT    /fapi/v1/listenKey                listen_key
linear GET    /fapi/v1/exchangeInfo             exchange_info
linear GET    /fapi/v1/time                     time
linear GET    /fapi/v1/ticker/24hr              prices
linear GET    /fapi/v1/ticker/price             prices
linear GET    /fapi/v2/ticker/price             prices
linear GET    /fapi/v1/ticker/bookTicker        prices
linear GET    /fapi/v1/premiumIndex             prices
linear GET    /fapi/v1/klines                   candles
"""
_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
ROUTES: dict[tuple[str, str], tuple[MarketType, str]] = {
    (method, path): (MarketType(market), name) for market, method, path, name in _ROWS
}
_CREATE = {"order.create", "algo.create", "oco.create"}
_CANCEL = {"order.cancel", "orders.cancel", "algo.cancel", "algo.cancel_all", "oco.cancel"}
GROUPS: dict[str, set[str]] = {
    "create": _CREATE,
    "cancel": _CANCEL,
    "trade": _CREATE | _CANCEL,
    "find": {"order.find", "algo.find", "oco.find"},
    "private": {name for _, _, _, name in _ROWS}
    - {"exchange_info", "time", "prices", "candles", "status"},
}
# No request: an order that is about to be filled, a user event, a market frame.
OTHERS = {"fill", "trigger", "event", "stream.market", "stream.user"}
CLIENT_IDS = (
    "newClientOrderId",
    "origClientOrderId",
    "clientAlgoId",
    "listClientOrderId",
    "aboveClientOrderId",
    "belowClientOrderId",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """One occasion on which a fault may bite.

    Attributes:
        route: its logical name; empty for a path that has none.
        client_ids: every id of the client's own that it carries.
        account_id: None while nobody is known.
        events: names of a user event, empty for anything else.
    """

    method: str
    path: str
    route: str
    market: MarketType | None
    symbol: str
    client_ids: tuple[str, ...]
    account_id: int | None
    events: tuple[str, ...] = ()

    def is_on(self, pattern: str | None) -> bool:
        """Whether a route pattern names this: a name, a group, `trades*`, `GET /fapi/*`, `any`."""
        if pattern in {None, "any", self.route}:
            return True
        if pattern in GROUPS:
            return self.route in GROUPS[pattern]
        text = f"{self.method} {self.path}" if "/" in str(pattern) else self.route
        return fnmatchcase(text, str(pattern))


def facts_of(method: str, path: str, params: Mapping[str, str], account_id: int | None) -> Facts:
    """What a request can be recognised by."""
    market, route = ROUTES.get((method, path), (None, ""))
    if market is None and path.startswith(("/api/", "/sapi/")):
        market = MarketType.SPOT
    elif market is None:
        market = MarketType.LINEAR
    ids = tuple(params[name] for name in CLIENT_IDS if params.get(name))
    return Facts(method, path, route, market, params.get("symbol", "").upper(), ids, account_id)


def is_known(pattern: str) -> bool:
    """Whether a pattern can ever match."""
    if "/" in pattern or pattern in GROUPS or pattern == "any":
        return True
    names = {name for _, _, _, name in _ROWS} | OTHERS
    return any(fnmatchcase(name, pattern) for name in names)
