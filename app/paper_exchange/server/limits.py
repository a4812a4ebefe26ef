"""How much of Binance's request limits is used, and what happens to who goes beyond."""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from app.paper_exchange.protocol.call import Answer, Call
from app.trading.words import MarketType

SPOT, LINEAR = MarketType.SPOT, MarketType.LINEAR
_MINUTE, _TEN_SECONDS = 60, 10
_BAN_SECONDS = 120
_PATIENCE = 20
# The rest weighs 1; weights that depend on parameters are the ones a poller has.
_WEIGHTS = {
    "/api/v3/exchangeInfo": 20,
    "/api/v3/account": 20,
    "/api/v3/myTrades": 20,
    "/api/v3/allOrders": 20,
    "/api/v3/openOrders": 6,
    "/api/v3/order": 4,
    "/api/v3/ticker/24hr": 2,
    "/fapi/v2/account": 5,
    "/fapi/v3/account": 5,
    "/fapi/v2/balance": 5,
    "/fapi/v3/balance": 5,
    "/fapi/v2/positionRisk": 5,
    "/fapi/v3/positionRisk": 5,
    "/fapi/v1/allOrders": 5,
    "/fapi/v1/userTrades": 5,
    "/fapi/v1/allAlgoOrders": 5,
    "/fapi/v1/income": 30,
}
_ALL_SYMBOLS = {
    "/api/v3/openOrders": 80,
    "/api/v3/ticker/24hr": 80,
    "/fapi/v1/openOrders": 40,
    "/fapi/v1/openAlgoOrders": 40,
    "/fapi/v1/ticker/24hr": 40,
}
_ORDERS = {"/api/v3/order", "/api/v3/orderList/oco", "/fapi/v1/order", "/fapi/v1/algoOrder"}


@dataclass(slots=True)
class _Window:
    """What was used of one limit in the window that runs."""

    number: int = 0
    used: int = 0

    def add(self, amount: int, seconds: int, now: float) -> int:
        """Count, beginning anew when a new window has begun; what is used in it."""
        number = int(now // seconds)
        if number != self.number:
            self.number, self.used = number, 0
        self.used += amount
        return self.used


@dataclass(slots=True)
class Limits:
    """Accounting by address and by account.

    Attributes:
        is_enforced: whether going beyond is answered with 429 and 418; counting never stops.
        weight: a minute's weight of an address, by market.
        orders: ten seconds' orders of an account, by market.
    """

    is_enforced: bool = False
    weight: dict[MarketType, int] = field(default_factory=lambda: {SPOT: 6000, LINEAR: 2400})
    orders: dict[MarketType, int] = field(default_factory=lambda: {SPOT: 100, LINEAR: 300})
    _weights: defaultdict[tuple[MarketType, str], _Window] = field(
        default_factory=lambda: defaultdict(_Window)
    )
    _orders: defaultdict[tuple[MarketType, str], _Window] = field(
        default_factory=lambda: defaultdict(_Window)
    )
    _wallet: defaultdict[str, _Window] = field(default_factory=lambda: defaultdict(_Window))
    _banned_until: float = 0

    def count(self, call: Call, address: str) -> tuple[Answer | None, tuple[tuple[str, str], ...]]:
        """Count a request of a client's address.

        Returns:
            The answer instead of carrying it out, None while it is within the limits; and the
            headers that tell what is used.
        """
        now = time.monotonic()
        if call.path.startswith("/sapi/"):
            # The wallet counts apart, and so widely that only a ban from elsewhere is felt there.
            used = self._wallet[address].add(1, _MINUTE, now)
            banned = self._over_weight(SPOT, 0, now) if self.is_enforced else None
            return banned, (("x-sapi-used-ip-weight-1m", str(used)),)
        market = LINEAR if call.path.startswith("/fapi/") else SPOT
        used = self._weights[market, address].add(_weight(call), _MINUTE, now)
        headers: tuple[tuple[str, str], ...] = (("x-mbx-used-weight-1m", str(used)),)
        is_order = call.method == "POST" and call.path in _ORDERS
        if is_order:
            key = call.headers.get("x-mbx-apikey", "")
            orders = self._orders[market, key].add(1, _TEN_SECONDS, now)
            headers += (("x-mbx-order-count-10s", str(orders)),)
            if self.is_enforced and orders > self.orders[market]:
                return _too_many_orders(self.orders[market], now), headers
        if not self.is_enforced:
            return None, headers
        return self._over_weight(market, used, now), headers

    def _over_weight(self, market: MarketType, used: int, now: float) -> Answer | None:
        """429 beyond the limit; 418 for who goes on all the same."""
        if now < self._banned_until:
            return _refused(
                418, "Way too much request weight used; IP banned.", self._banned_until - now
            )
        limit = self.weight[market]
        if used <= limit:
            return None
        if used > limit + limit // _PATIENCE + _PATIENCE:
            self._banned_until = now + _BAN_SECONDS
            return _refused(418, "Way too much request weight used; IP banned.", _BAN_SECONDS)
        text = f"Too much request weight used; current limit is {limit} per 1 MINUTE."
        return _refused(429, text, _MINUTE - now % _MINUTE)

    def lift(self) -> None:
        """End a ban and begin to count anew."""
        self._banned_until = 0
        self._weights.clear()
        self._orders.clear()
        self._wallet.clear()


def _weight(call: Call) -> int:
    if call.method == "POST" and call.path in _ORDERS:
        return 1
    if not call.params.get("symbol") and call.path in _ALL_SYMBOLS:
        return _ALL_SYMBOLS[call.path]
    return _WEIGHTS.get(call.path, 1)


def _too_many_orders(limit: int, now: float) -> Answer:
    text = f"Too many new orders; current limit is {limit} orders per 10 SECOND."
    wait = str(int(_TEN_SECONDS - now % _TEN_SECONDS) + 1)
    return Answer(429, {"code": -1015, "msg": text}, -1015, (("retry-after", wait),))


def _refused(status: int, text: str, seconds: float) -> Answer:
    return Answer(
        status, {"code": -1003, "msg": text}, -1003, (("retry-after", str(int(seconds) + 1)),)
    )
