"""Alertatron: the Lite JSON, and market, limit, cancel and trailingStop of its script."""

import re
from dataclasses import replace
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.dialects.words import pairs_of, signed_size
from app.pipeline.alarms.meaning import (
    Intent,
    Level,
    LevelKind,
    Meaning,
    Problem,
    SizeKind,
    TakeProfit,
    Unreadable,
)
from app.trading.words import OrderType

NAME: Final = "alertatron"
FIELDS: Final = (
    Field(("side",), "long, short, close; buy, sell in the script", "what to do"),
    Field(("amount",), "units; 25% of equity, on close of the position", "size"),
    Field(("entry", "price"), "market, limit; quote", "how the Lite JSON enters"),
    Field(("takeProfit", "takeProfitAmount"), "true, false; 2% of entry", "target"),
    Field(("stopLoss", "stopLossAmount"), "true, false; 1% of entry", "stop"),
    Field(("closeExisting",), "true, false", "an opposite position is closed first"),
    Field(("market()",), "side, amount, position", "script order", "position=0 closes all"),
    Field(("limit()",), "side, amount, position, price", "script order", "an offset is not sent"),
    Field(("trailingStop()",), "offset, 1 = quote, 1% = percent", "stop of the order before it"),
)
_SCRIPT: Final = re.compile(
    r"^[A-Za-z0-9_]{1,40}\(\s{0,5}([A-Za-z0-9:./_-]{2,40})\s{0,5}\)\s{0,5}\{"
)
_COMMAND: Final = re.compile(r"([A-Za-z]{1,40})\(([^()]{0,400})\)\s{0,9};")
_VERBS: Final = {
    "long": Verb.LONG,
    "short": Verb.SHORT,
    "close": Verb.CLOSE,
    "buy": Verb.BUY,
    "sell": Verb.SELL,
}
_SUPPORTED: Final = frozenset({"market", "limit", "cancel", "trailingstop"})


def matches(message: Message) -> bool:
    """Its script, or an object of side and amount with none that names a market."""
    if isinstance(message.value, dict):
        names = {name.strip().lower() for name in message.value}
        return {"side", "amount"} <= names and names.isdisjoint({"symbol", "ticker", "pair"})
    return not message.is_json and _SCRIPT.match(message.text) is not None


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a command that is not supported, or a field out of range.
    """
    if message.is_json:
        intent = decide(_lite(Fields(message.value, text=message.text)))
        return Meaning(dialect=NAME, intents=(intent,), problems=message.problems)
    return _script(message)


def _lite(fields: Fields) -> Draft:
    verb = _verb(fields)
    percent = SizeKind.POSITION_PERCENT if verb is Verb.CLOSE else SizeKind.EQUITY_PERCENT
    target = _bracket(fields, "takeProfit")
    draft = Draft(
        verb=verb,
        size=signed_size(fields, "amount", plain=SizeKind.QUANTITY, percent=percent),
        stop_loss=_bracket(fields, "stopLoss"),
        take_profits=() if target is None else (TakeProfit(target),),
        needs_ticker=False,
    )
    if (fields.text("entry") or "market").lower() != "limit":
        return draft
    price = fields.positive("price", code="invalid_price")
    if price is None:
        fields.refuse("no_limit_price", "entry", "a limit entry needs its price")
    return replace(draft, order_type=OrderType.LIMIT, limit_price=price)


def _bracket(fields: Fields, name: str) -> Level | None:
    if not fields.flag(name):
        return None
    level = fields.level(f"{name}Amount")
    if level is None:
        fields.refuse("invalid_level", name, f"{name} is on, but {name}Amount is missing")
    return level


def _verb(fields: Fields) -> Verb:
    side = (fields.text("side") or "").lower()
    if side not in _VERBS:
        fields.refuse("unknown_action", "side", f"side is {side!r}; long, short, close, buy, sell")
    return _VERBS[side]


def _script(message: Message) -> Meaning:
    found = _SCRIPT.match(message.text)
    symbol = "" if found is None else found[1]
    intents: list[Intent] = []
    commands = _COMMAND.findall(message.text)
    refuse_many(commands)
    for command, inside in commands:
        if command.lower() not in _SUPPORTED:
            detail = f"{command}() is not supported; use market, limit, cancel or trailingStop"
            raise Unreadable(Problem("not_supported", detail))
        fields = Fields({**pairs_of(inside), "symbol": symbol})
        if command.lower() == "trailingstop":
            _trail(intents, fields)
        else:
            intents.append(_order(command.lower(), fields))
    if not intents:
        raise Unreadable(Problem("no_action", "the script holds no order we know"))
    return Meaning(dialect=NAME, intents=tuple(intents), problems=message.problems)


def _order(command: str, fields: Fields) -> Intent:
    draft = Draft(verb=Verb.CANCEL, ticker=fields.ticker("symbol"))
    if command == "cancel":
        return decide(draft)
    if fields.text("position") == "0":
        return decide(replace(draft, verb=Verb.CLOSE))
    draft = replace(
        draft,
        verb=_verb(fields),
        size=signed_size(fields, "amount", plain=SizeKind.QUANTITY),
    )
    if command == "limit":
        price = fields.positive("price", code="invalid_price")
        if price is None:
            fields.refuse("no_limit_price", "offset", "an offset is not supported; give price=")
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    return decide(draft)


def _trail(intents: list[Intent], fields: Fields) -> None:
    offset = fields.level("offset")
    if not intents or offset is None:
        fields.refuse("no_stop_price", "offset", "a trailingStop needs an order and an offset")
    kind = LevelKind.DISTANCE
    if offset.kind is LevelKind.PERCENT:
        kind = LevelKind.TRAILING_PERCENT
    stop = Level(kind, offset.value, is_trailing=True)
    intents[-1] = replace(intents[-1], stop_loss=stop)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
