"""Formats nobody named: JSON or `key=value` with the usual words, where they are clear."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.native import SIZES, placeholders_of
from app.pipeline.alarms.dialects.words import (
    is_nothing,
    level_or_none,
    percent_or_none,
    signed_size,
    verb_of,
)
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Level,
    LevelKind,
    Meaning,
    Problem,
    Size,
    SizeKind,
    TakeProfit,
)
from app.trading.words import OrderType, PositionSide

NAME: Final = "generic"
TICKERS: Final = ("symbol", "ticker", "pair", "instrument", "market", "coin")
ACTIONS: Final = ("action", "cmd", "command", "signal", "side", "direction", "order", "type")
QUANTITIES: Final = ("quantity", "qty", "contracts", "amount", "amt", "unit", "units", "q")
UNCLEAR: Final = ("size", "volume", "lots", "lot")
PERCENTS: Final = ("percent", "order_perc", "risk_pct_equity")
PRICES: Final = ("price", "entry", "entry_price", "order_price", "rate", "rat", "close")
STOPS: Final = ("stop_loss", "stoploss", "sl", "stop", "sl_price", "stop_price")
STOP_PERCENTS: Final = ("stop_loss_percent", "sl_percent", "sl_pct")
TARGETS: Final = ("take_profit", "takeprofit", "tp", "tp1", "tp_price", "tp2", "tp3", "tp4")
TARGET_PERCENTS: Final = ("take_profit_percent", "tp_percent")
FIELDS: Final = (
    Field(TICKERS, "any spelling", "the market"),
    Field(ACTIONS, "buy, enter_long, LONG_OPEN, CloseShort …", "what to do"),
    Field(QUANTITIES, "base units; 5% of equity; 300$", "size"),
    Field(UNCLEAR, "unknown", "size", "refused without a unit: products disagree on it"),
    Field(PERCENTS, "10 = 10 %", "share of equity"),
    Field(PRICES, "quote", "limit price of a limit order, else the price the alert saw"),
    Field(STOPS, "price, or 2%", "stop", "0 and NaN mean none; far from the price it is refused"),
    Field(STOP_PERCENTS, "2 = 2 %", "stop"),
    Field(TARGETS, "price, or 4%", "targets", "0 and NaN mean none"),
    Field(TARGET_PERCENTS, "4 = 4 %", "target"),
    Field(("leverage", "lever", "lev"), "3 = three times", "leverage"),
    Field(("type", "order_type", "typ"), "market, limit, stop-loss", "how to send it"),
)
_STOP_TYPES: Final = frozenset({"stop", "stop-loss", "stop_loss", "stop_market", "stoploss"})
_SECRETS_OF_OTHERS: Final = frozenset({"api_key", "api_secret", "api_secret_key", "apisecret"})
_ORDER: Final = re.compile(
    r"\s{0,9}([A-Za-z]{1,20})\s{1,9}([A-Z0-9.:/_-]{5,40})(?=\s|$)(?:\s{1,9}(?:at|@)\s{0,9}([\d.]{1,40}))?"
)
_KEY: Final = re.compile(r"([A-Za-z_]{1,40})\s{0,5}[=:]\s{0,5}([^\s,;|]{1,120})")
_MAX_TEXT: Final = 2_000
_NEAR: Final = (Decimal("0.2"), Decimal(5))


def matches(message: Message) -> bool:
    """An object with a market, or a short text with a verb and a market."""
    if isinstance(message.value, dict):
        return True
    return not message.is_json and _fields_of_text(message.text) is not None


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: it names no market or no verb, or a size has no unit.
    """
    values = message.value if isinstance(message.value, dict) else _fields_of_text(message.text)
    inner = _flat(values or {})
    fields = Fields(inner, text=message.text)
    verb, side = _verb(fields)
    price = _price(fields)
    draft = Draft(
        verb=verb,
        position_side=side,
        ticker=fields.ticker(*TICKERS),
        size=_size(fields, verb),
        stop_loss=_near(fields, level_or_none(fields, *STOPS), price)
        or percent_or_none(fields, *STOP_PERCENTS)
        or _trail(fields),
        take_profits=_targets(fields, price),
        leverage=_leverage(fields),
        comment=fields.text("comment"),
    )
    contracts = draft.size.value if draft.size.kind is SizeKind.QUANTITY else None
    placeholders = placeholders_of(fields, verb=verb, contracts=contracts)
    draft = _ordered(replace(draft, placeholders=placeholders), fields, price)
    return Meaning(
        dialect=NAME,
        intents=(decide(draft),),
        alert_at=fields.time("timenow", "time", "timestamp"),
        alert_id=fields.identity("alert_id", "id"),
        order_id=placeholders.order_id,
        reference_price=price,
        problems=(*message.problems, *_warnings(fields)),
    )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields one level down count too, where the top has none of that name."""
    found: dict[str, Any] = dict(values)
    for key, value in values.items():
        if isinstance(value, dict):
            del found[key]
            for name, each in value.items():
                if isinstance(each, dict):
                    _refuse_deep_levels(name, each)
                found.setdefault(name, each)
    return found


def _refuse_deep_levels(name: str, inner: Mapping[str, Any]) -> None:
    """A stop this deep has its own rules; to leave it unread would open a naked position."""
    if Fields(inner).has(*STOPS, *STOP_PERCENTS, *TARGETS, *TARGET_PERCENTS):
        detail = f"the stop or target inside {name[:40]!r} is nested too deep to know what it means"
        Fields({}).refuse("invalid_level", name, detail)


def _verb(fields: Fields) -> tuple[Verb, PositionSide | None]:
    """The first word that is a verb; a second one may add the side."""
    found = [
        (name, each)
        for name in ("strategy_action", *ACTIONS)
        if isinstance(value := fields.first(name)[1], str) and (each := verb_of(value)) is not None
    ]
    if not found:
        name, value = next(
            (fields.first(each) for each in ACTIONS if each in fields), ("action", 0)
        )
        shown = "there is no action" if value == 0 else f"{str(value)[:40]!r} is no action we know"
        fields.refuse("unknown_action", name, f"{shown}; use buy, sell, close …")
    verbs = dict(found)
    if "direction" in verbs and len(verbs) > 1:
        return _directed(fields, verbs)
    word = (fields.text("strategy_action") or fields.text("type") or "").lower()
    verb, side = found[0][1]
    if word in {"entry", "open", "enter"} and verb in {Verb.BUY, Verb.SELL}:
        return (Verb.LONG if verb is Verb.BUY else Verb.SHORT), None
    sided = verbs.get("side", (verb, None))[0]
    if verb is Verb.CLOSE and side is None and sided in {Verb.LONG, Verb.SHORT}:
        side = PositionSide(sided.value)
    return verb, side


def _directed(
    fields: Fields, verbs: dict[str, tuple[Verb, PositionSide | None]]
) -> tuple[Verb, PositionSide | None]:
    direction = verbs.pop("direction")[0]
    verb, side = next(iter(verbs.values()))
    if direction not in {Verb.LONG, Verb.SHORT}:
        return verb, side
    wanted = PositionSide(direction.value)
    if verb in {Verb.LONG, Verb.SHORT} and verb is not direction:
        fields.refuse("contradictory_position", "direction", f"{verb}, but direction {direction}")
    return verb, wanted


def _size(fields: Fields, verb: Verb) -> Size:
    percent = SizeKind.POSITION_PERCENT if verb is Verb.CLOSE else SizeKind.EQUITY_PERCENT
    for names, plain in ((QUANTITIES, SizeKind.QUANTITY), (UNCLEAR, None)):
        name, value = fields.first(*names)
        if value is not None:
            unit = None if name.startswith("lot") else plain
            return signed_size(fields, name, plain=unit, percent=percent)
    for kind in SIZES:
        if kind.value in fields:
            return Size(kind, fields.positive(kind.value, code="invalid_size"))
    name, value = fields.first(*PERCENTS)
    if value is None:
        return DEFAULT_SIZE
    number = fields.positive(name, code="invalid_size")
    return Size(percent, number)


def _price(fields: Fields) -> Decimal | None:
    name, value = fields.first(*PRICES)
    if value is None or is_nothing(value):
        return None
    return fields.positive(name, code="invalid_price")


def _near(fields: Fields, level: Level | None, price: Decimal | None) -> Level | None:
    """A level that could be a price; `sl 150` beside 60000 may as well be points or percent."""
    if level is None or level.kind is not LevelKind.PRICE:
        return level
    low, high = _NEAR
    is_far = price is not None and not low * price <= level.value <= high * price
    if level.value < 1 and (price is None or price >= 1):
        is_far = True
    if is_far:
        shown = f"a level of {level.value} may be a price, points or percent; write 2% or a price"
        fields.refuse("unit_unknown", "sl", shown)
    return level


def _trail(fields: Fields) -> Level | None:
    level = percent_or_none(fields, "trailing_percent")
    if level is None:
        return None
    return Level(LevelKind.TRAILING_PERCENT, level.value, is_trailing=True)


def _targets(fields: Fields, price: Decimal | None) -> tuple[TakeProfit, ...]:
    found = []
    for name in TARGETS:
        level = _near(fields, level_or_none(fields, name), price)
        if level is not None:
            portion = fields.positive(f"{name}_pct", code="invalid_level")
            found.append(TakeProfit(level, portion))
    percent = percent_or_none(fields, *TARGET_PERCENTS)
    if percent is not None:
        found.append(TakeProfit(percent))
    return tuple(found)


def _leverage(fields: Fields) -> Decimal | None:
    name, value = fields.first("leverage", "lever", "lev")
    if value is None or is_nothing(value):
        return None
    number = value.strip("xX ") if isinstance(value, str) else value
    return Fields({name: number}).positive(name)


def _ordered(draft: Draft, fields: Fields, price: Decimal | None) -> Draft:
    shown = next(
        (fields.text(each) for each in ("order_type", "typ", "type") if each in fields), ""
    )
    order_type = (shown or "").lower()
    if order_type == OrderType.LIMIT:
        if price is None:
            fields.refuse("no_limit_price", "type", "a limit order needs its price")
        return replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    if order_type in _STOP_TYPES:
        if price is None:
            fields.refuse("no_stop_price", "type", "a stop order needs its price")
        return replace(draft, trigger=Level(LevelKind.PRICE, price))
    return draft


def _warnings(fields: Fields) -> list[Problem]:
    if any(name in fields for name in _SECRETS_OF_OTHERS):
        detail = "exchange keys do not belong into an alert; delete them here and at the exchange"
        return [Problem("keys_in_alert", detail)]
    if fields.has("risk_usd") and fields.has(*QUANTITIES):
        detail = "risk_usd is given beside a quantity; the quantity counts"
        return [Problem("risk_not_used", detail)]
    return []


def _fields_of_text(text: str) -> dict[str, str] | None:
    """Every `key=value` or `key: value`, and a line that starts with a verb and a market."""
    if len(text) > _MAX_TEXT:
        return None
    found: dict[str, str] = {}
    for key, value in _KEY.findall(text):
        found.setdefault(key.lower(), value)
    if any(name in found for name in ACTIONS) and any(name in found for name in TICKERS):
        return found
    for line in text.split("\n"):
        order = _ORDER.match(line)
        if order is not None and verb_of(order[1]) is not None:
            said = {"action": order[1], "symbol": order[2], "price": order[3]}
            return {name: each for name, each in said.items() if each} | found
    return None


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
