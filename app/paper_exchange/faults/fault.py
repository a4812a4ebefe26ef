"""One armed fault: what it does, to whom, when, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from random import Random

from app.paper_exchange.faults.routes import Facts, is_known
from app.paper_exchange.faults.verbs import VERBS, Stage, Verb
from app.paper_exchange.symbols import LISTINGS, MARKETS
from app.trading.words import MarketType

_OWN = {
    "verb",
    "route",
    "market",
    "symbol",
    "client_id_prefix",
    "api_key",
    "account_id",
    "nth",
    "count",
    "seconds",
    "chance",
    "seed",
}


class BadFault(ValueError):
    """A fault that cannot be armed; the text says why."""


@dataclass(slots=True)
class Fault:
    """A fault as it stands.

    Attributes:
        route: a name, a group or a pattern of routes; None for all.
        skip: matches that still pass unharmed.
        left: bites that are left, None until it is cleared.
        seconds: what the verb says they mean.
        ends_at: on the monotonic clock, None when only `left` ends it.
        chance: how likely a match bites, drawn from `dice`.
        options: what only some verbs read.
    """

    id: int
    verb: str
    route: str | None
    market: MarketType | None
    symbol: str
    client_id_prefix: str
    account_id: int | None
    skip: int
    left: int | None
    seconds: Decimal
    ends_at: float | None
    chance: Decimal
    dice: Random
    options: Mapping[str, object] = field(default_factory=dict)
    bites: int = 0

    def matches(self, facts: Facts) -> bool:
        """Whether it is addressed to this."""
        if self.market not in {None, facts.market} or not facts.is_on(self.route):
            return False
        if self.symbol and facts.symbol not in {"", self.symbol}:
            return False
        if self.account_id is not None and facts.account_id != self.account_id:
            return False
        wanted = self.options.get("event")
        if wanted is not None and facts.events and wanted not in facts.events:
            return False
        prefix = self.client_id_prefix
        return not prefix or any(name.startswith(prefix) for name in facts.client_ids)

    def bite(self) -> bool:
        """Count a match; true when this one is harmed."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.chance < 1 and Decimal(self.dice.random()) >= self.chance:
            return False
        self.bites += 1
        if self.left is not None:
            self.left -= 1
        return True

    def option(self, name: str, default: str) -> str:
        """A text option."""
        return str(self.options.get(name, default))

    def number(self, name: str, default: str) -> Decimal:
        """A numeric option."""
        return _decimal(self.options.get(name, default), name)

    def shown(self) -> dict[str, object]:
        """As the control API lists it."""
        return {
            "id": self.id,
            "verb": self.verb,
            "route": self.route,
            "market": None if self.market is None else self.market.value,
            "symbol": self.symbol or None,
            "client_id_prefix": self.client_id_prefix or None,
            "account_id": self.account_id,
            "skip": self.skip,
            "left": self.left,
            "seconds": str(self.seconds),
            "bites": self.bites,
            "options": {name: str(value) for name, value in self.options.items()},
        }


def read_fault(
    number: int, body: Mapping[str, object], *, account_id: int | None, now: float
) -> Fault:
    """A fault from its JSON; `now` is on the monotonic clock, in seconds.

    Raises:
        BadFault: a field is unknown to the verb, missing or malformed.
    """
    verb = _verb(body)
    seconds = _decimal(body.get("seconds", verb.seconds or "0"), "seconds")
    has_end = verb.lasts and (verb.seconds is not None or body.get("seconds") is not None)
    return Fault(
        id=number,
        verb=str(body["verb"]),
        route=_route(body, verb),
        market=_market(body),
        symbol=_symbol(body),
        client_id_prefix=str(body.get("client_id_prefix") or ""),
        account_id=account_id,
        skip=_whole(body.get("nth", 1), "nth") - 1,
        left=_count(body, verb),
        seconds=seconds,
        ends_at=now + float(seconds) if has_end else None,
        chance=_decimal(body.get("chance", "1"), "chance"),
        dice=Random(str(body.get("seed", number))),  # noqa: S311 (a fault, not a secret)
        options={name: value for name, value in body.items() if name not in _OWN},
    )


def _verb(body: Mapping[str, object]) -> Verb:
    verb = VERBS.get(str(body.get("verb", "")))
    if verb is None:
        raise BadFault(f"unknown verb {body.get('verb')!r}; known: {', '.join(VERBS)}")
    unknown = set(body) - _OWN - set(verb.options)
    if unknown:
        raise BadFault(f"{body['verb']} has no field {', '.join(sorted(unknown))}")
    absent = [name for name in verb.needs if not body.get(name)]
    if absent:
        raise BadFault(f"{body['verb']} needs {', '.join(absent)}")
    return verb


def _route(body: Mapping[str, object], verb: Verb) -> str | None:
    # What happens to an order has no request to be aimed at.
    route = verb.route if verb.stage is Stage.ORDER else body.get("route", verb.route)
    if route is not None and not is_known(str(route)):
        raise BadFault(f"route {route!r} matches nothing")
    return None if route is None else str(route)


def _symbol(body: Mapping[str, object]) -> str:
    symbol = str(body.get("symbol") or "").upper()
    if symbol and not any(symbol == listed for _, listed in LISTINGS):
        raise BadFault(f"symbol {symbol!r} is not listed; Binance writes BTCUSDT")
    return symbol


def _market(body: Mapping[str, object]) -> MarketType | None:
    name = body.get("market")
    if name is None:
        return None
    if name not in {market.value for market in MARKETS}:
        raise BadFault("market is spot or linear")
    return MarketType(str(name))


def _count(body: Mapping[str, object], verb: Verb) -> int | None:
    count = body.get("count", verb.count)
    return None if count is None else _whole(count, "count")


def _whole(raw: object, name: str) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise BadFault(f"{name} is a whole number of 1 or more")
    return raw


def _decimal(raw: object, name: str) -> Decimal:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise BadFault(f"{name} is not a number") from None
    if not number.is_finite():
        raise BadFault(f"{name} is not a finite number")
    return number
