"""The hand on the market: prices, accounts and the ledger, for tests and demos."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation, localcontext

from app.core.decimals import EXACT, plain
from app.paper_exchange.faults.fault import BadFault
from app.paper_exchange.prices.board import Key
from app.paper_exchange.protocol.call import Answer, Call
from app.paper_exchange.server.fault_control import FaultControl
from app.paper_exchange.server.limits import Limits
from app.paper_exchange.symbols import ASSETS, LISTINGS, MARKETS
from app.paper_exchange.venue import Balances, Venue, both_markets
from app.trading.words import MarketType

_EVERYTHING = -1


class BadControl(Exception):
    """A control request that cannot be carried out; the text says why."""


class Control:
    """The routes under /control."""

    def __init__(self, venue: Venue, faults: FaultControl, limits: Limits) -> None:
        self._venue = venue
        self._limits = limits
        self._faults = faults
        self._routes = {
            ("POST", "/control/price"): self._price,
            ("POST", "/control/walk"): self._walk,
            ("POST", "/control/accounts"): self._accounts,
            ("GET", "/control/ledger"): self._ledger,
            ("POST", "/control/funding"): self._funding,
            ("POST", "/control/limits"): self._set_limits,
            ("POST", "/control/key"): self._key,
            ("POST", "/control/faults"): lambda call: faults.arm(_body(call)),
            ("GET", "/control/faults"): lambda _call: faults.list_armed(),
            ("DELETE", "/control/faults"): self._clear_faults,
        }

    def answer(self, call: Call) -> Answer:
        """Carry out one control request."""
        handler = self._routes.get((call.method, call.path))
        if handler is None:
            return Answer(404, {"code": "not_found", "detail": f"no {call.method} {call.path}"})
        try:
            with localcontext(EXACT):
                return Answer(200, {"simulated": True, **handler(call)})
        except (BadControl, BadFault) as error:
            return Answer(400, {"code": "invalid", "detail": str(error)})

    def _price(self, call: Call) -> dict[str, object]:
        body = _body(call)
        keys = _keys(body)
        price = _amount(body.get("price"), "price")
        if price <= 0:
            raise BadControl("price must be above 0")
        mark = None if body.get("mark") is None else _amount(body["mark"], "mark")
        if mark == 0:
            raise BadControl("mark must be above 0")
        self._venue.hold(keys, price, mark)
        return {"symbol": keys[0][1], "price": plain(price), "markets": _names(keys), "held": True}

    def _walk(self, call: Call) -> dict[str, object]:
        body = _body(call)
        keys = _keys(body) if body.get("symbol") else list(LISTINGS)
        self._venue.release(keys)
        return {"symbols": sorted({symbol for _, symbol in keys}), "held": False}

    def _accounts(self, call: Call) -> dict[str, object]:
        account = self._venue.open_account(_balances(_body(call).get("balances")))
        return {"api_key": account.api_key, "api_secret": account.api_secret}

    def _funding(self, call: Call) -> dict[str, object]:
        body = _body(call)
        symbol = str(body.get("symbol", "")).upper()
        if (MarketType.LINEAR, symbol) not in LISTINGS:
            raise BadControl(f"symbol {symbol!r} is not listed on futures")
        rate = _number(body.get("rate"), "rate")
        seconds = _amount(body.get("interval_seconds", "0"), "interval_seconds")
        interval, now = int(seconds * 1000), self._venue.now()
        self._venue.funding.set_rate(symbol, rate, interval=interval, now=now)
        paid = 0 if interval else self._venue.floor.pay_funding(self._venue.customers(), symbol)
        self._venue.commit()
        return {"symbol": symbol, "rate": plain(rate), "accounts_paid": paid}

    def _set_limits(self, call: Call) -> dict[str, object]:
        body = _body(call)
        enforce = body.get("enforce")
        if not isinstance(enforce, bool):
            raise BadControl("enforce is true or false")
        for market in MARKETS:
            for name, limits in (("weight", self._limits.weight), ("orders", self._limits.orders)):
                limits[market] = int(_amount(body.get(name, limits[market]), name))
        self._limits.is_enforced = enforce
        self._limits.lift()
        return {"enforce": enforce}

    def _key(self, call: Call) -> dict[str, object]:
        body = _body(call)
        account = self._venue.account(str(body.get("api_key", "")))
        permissions = body.get("permissions")
        if account is None or not isinstance(permissions, dict):
            raise BadControl('send {"api_key": …, "permissions": {"enableFutures": false, …}}')
        self._venue.give_rights(account, permissions)
        return {"account_id": account.id, "permissions": permissions}

    def _clear_faults(self, call: Call) -> dict[str, object]:
        number = call.params.get("id")
        if number is not None and not number.isdigit():
            raise BadControl("id is a whole number")
        return self._faults.clear(None if number is None else int(number))

    def _ledger(self, call: Call) -> dict[str, object]:
        try:
            after = int(call.params.get("after") or 0)
            limit = int(call.params.get("limit") or _EVERYTHING)
        except ValueError:
            raise BadControl("after and limit are whole numbers") from None
        return {"items": self._venue.database.read_ledger(after, limit)}


def _body(call: Call) -> dict[str, object]:
    try:
        body = json.loads(call.body or "{}", parse_float=Decimal)
    except ValueError:
        raise BadControl("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadControl("the body is not a JSON object")
    return body


def _keys(body: Mapping[str, object]) -> list[Key]:
    symbol = str(body.get("symbol", "")).upper()
    market = body.get("market")
    markets = [m for m in MARKETS if market is None or m.value == str(market).lower()]
    keys = [(m, symbol) for m in markets if (m, symbol) in LISTINGS]
    if not markets:
        raise BadControl("market is spot or linear")
    if not keys:
        raise BadControl(f"symbol {symbol!r} is not listed; Binance writes BTCUSDT")
    return keys


def _balances(raw: object) -> Balances:
    if not isinstance(raw, dict):
        raise BadControl('balances is an object such as {"USDT": "10000"}')
    if not set(raw) & {market.value for market in MARKETS}:
        return both_markets(_purse(raw))
    unknown = set(raw) - {market.value for market in MARKETS}
    if unknown:
        raise BadControl(f"unknown market {min(map(str, unknown))!r}: spot or linear")
    return {MarketType(str(name)): _purse(purse) for name, purse in raw.items()}


def _purse(raw: object) -> dict[str, Decimal]:
    if not isinstance(raw, dict):
        raise BadControl('a purse is an object such as {"USDT": "10000"}')
    for asset in raw:
        if asset not in ASSETS:
            raise BadControl(f"coin {asset!r} is not known here")
    return {str(asset): _amount(amount, str(asset)) for asset, amount in raw.items()}


def _amount(raw: object, name: str) -> Decimal:
    amount = _number(raw, name)
    if amount < 0:
        raise BadControl(f"{name} is not a number of 0 or more")
    return amount


def _number(raw: object, name: str) -> Decimal:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise BadControl(f"{name} is not a number") from None
    if isinstance(raw, bool) or not number.is_finite():
        raise BadControl(f"{name} is not a number of 0 or more")
    return number


def _names(keys: list[Key]) -> list[str]:
    return [market.value for market, _ in keys]
