"""WunderTrading's JSON: a code such as `Enter-Long`; levels are fractions, 0.01 is 1 %."""

import re
from decimal import Decimal
from typing import Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.words import verb_of
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

NAME: Final = "wundertrading"
FIELDS: Final = (
    Field(("code",), "Enter-Long, Exit-Short, Exit-All, ENTER-LONG_…", "what to do"),
    Field(("pair", "symbol"), "any spelling", "the market", "often missing: their bot knows it"),
    Field(("amountPerTradeType",), "quote, base, percents", "unit of the amount"),
    Field(("amountPerTrade",), "by its type; 0.1 percents = 10 %", "size", "a fraction"),
    Field(("takeProfits",), "priceDeviation, portfolio; 0.01 = 1 %", "targets", "fractions"),
    Field(("stopLoss",), "priceDeviation, 0.01 = 1 %", "stop", "a fraction"),
    Field(("reduceOnly",), "true, false", "of their exit orders; not used"),
)
_CODE: Final = re.compile(r"(ENTER|EXIT)-(LONG|SHORT|ALL)(?![A-Z])", re.IGNORECASE)
_TEXT: Final = re.compile(r"^(ENTER|EXIT)-(LONG|SHORT|ALL)(?:_\S{0,200})?$", re.IGNORECASE)


class _Amount(Word):
    QUOTE = "quote"
    BASE = "base"
    PERCENTS = "percents"


_UNITS: Final = {
    _Amount.QUOTE: (SizeKind.NOTIONAL, 1),
    _Amount.BASE: (SizeKind.QUANTITY, 1),
    _Amount.PERCENTS: (SizeKind.EQUITY_PERCENT, 100),
}


def matches(message: Message) -> bool:
    """An object with such a code, or the code alone."""
    if isinstance(message.value, dict):
        return _CODE.match(str(message.value.get("code", ""))) is not None
    return not message.is_json and _TEXT.match(message.text) is not None


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    values = message.value if message.is_json else {"code": message.text}
    fields = Fields(values, text=message.text)
    found = _CODE.match(fields.text("code") or "")
    side = "" if found is None or found[2].lower() == "all" else found[2]
    verb = verb_of(f"{'' if found is None else found[1]}{side}")
    if verb is None:
        fields.refuse("unknown_action", "code", "the code says neither Enter-… nor Exit-…")
    draft = Draft(
        verb=verb[0],
        position_side=verb[1],
        ticker=fields.ticker("pair", "symbol", "ticker"),
        size=_size(fields),
        stop_loss=_level(fields.inner("stopLoss")),
        take_profits=_targets(fields),
        needs_ticker=False,
    )
    problems = list(message.problems)
    if fields.flag("reduceOnly") and verb[0] is not Verb.CLOSE:
        problems.append(Problem("reduce_only_not_used", "reduceOnly on an entry; it was not used"))
    return Meaning(dialect=NAME, intents=(decide(draft),), problems=tuple(problems))


def _size(fields: Fields) -> Size:
    amount = fields.positive("amountPerTrade", code="invalid_size")
    if amount is None:
        return DEFAULT_SIZE
    unit = fields.word(_Amount, "amountPerTradeType", code="unit_unknown")
    if unit is None:
        fields.refuse("unit_unknown", "amountPerTrade", "the amount has no amountPerTradeType")
    kind, factor = _UNITS[unit]
    return Size(kind, amount * factor)


def _level(inner: Fields | None) -> Level | None:
    if inner is None:
        return None
    fraction = inner.positive("priceDeviation", code="invalid_level")
    if fraction is None:
        inner.refuse("invalid_level", "priceDeviation", "a stop or target needs priceDeviation")
    return Level(LevelKind.PERCENT, fraction * 100)


def _targets(fields: Fields) -> tuple[TakeProfit, ...]:
    name, several = fields.first("takeProfits")
    if several is None:
        return ()
    if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
        fields.refuse("invalid_field", name, "takeProfits must be a list of objects")
    return tuple(_target(fields, Fields(one)) for one in several)


def _target(fields: Fields, one: Fields) -> TakeProfit:
    level = _level(one)
    if level is None:
        fields.refuse("invalid_level", "takeProfits", "a target needs priceDeviation")
    share: Decimal | None = one.positive("portfolio", code="invalid_level")
    return TakeProfit(level, None if share is None else share * 100)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
