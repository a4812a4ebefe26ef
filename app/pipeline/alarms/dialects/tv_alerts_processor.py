"""tradingview-alerts-processor's JSON: one object or a list, sizes in dollars or percent."""

from dataclasses import replace
from typing import Any, Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.dialects.words import signed_size
from app.pipeline.alarms.meaning import Intent, Meaning, Problem, Size, SizeKind

NAME: Final = "tv_alerts_processor"
FIELDS: Final = (
    Field(("stub",), "text", "their account, not used"),
    Field(("symbol",), "venue's spelling", "the market"),
    Field(("direction",), "long, short, close", "what to do"),
    Field(("size",), "quote; 5% of equity, 50% of the position on close", "size", "no base units"),
    Field(("max",), "quote", "cap of the position", "not used: the risk profile has one"),
    Field(("mode",), "reverse, overflow", "an opposite order turns the position"),
)
MAX_ITEMS: Final = 20


class _Direction(Word):
    LONG = "long"
    SHORT = "short"
    CLOSE = "close"


class _Mode(Word):
    REVERSE = "reverse"
    OVERFLOW = "overflow"


def matches(message: Message) -> bool:
    """An object or a list of objects with `symbol`, `direction` and no action."""
    items = message.value if isinstance(message.value, list) else [message.value]
    return bool(items) and all(_is_ours(item) for item in items)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    items = message.value if isinstance(message.value, list) else [message.value]
    refuse_many(items, MAX_ITEMS)
    every = [Fields(item, text=message.text) for item in items]
    capped = [Problem("not_supported", _NO_CAP)] if any("max" in one for one in every) else []
    intents = tuple(_intent(fields) for fields in every)
    return Meaning(dialect=NAME, intents=intents, problems=(*message.problems, *capped))


_NO_CAP: Final = "max is not used; max_notional_per_symbol of the risk profile caps a position"


def _is_ours(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    names = {name.strip().lower() for name in item}
    return {"symbol", "direction"} <= names and names.isdisjoint({"action", "side"})


def _intent(fields: Fields) -> Intent:
    direction = fields.word(_Direction, "direction", code="unknown_action")
    if direction is None:
        fields.refuse("no_action", "direction", "the alert has no direction")
    draft = Draft(verb=Verb(direction.value), ticker=fields.ticker("symbol"))
    if direction is _Direction.CLOSE:
        share = SizeKind.POSITION_PERCENT
        return decide(replace(draft, size=_size(fields, share)))
    if fields.word(_Mode, "mode") is not None:
        side = decide(draft).position_side
        draft = replace(draft, verb=Verb.FLIP, position_side=side)
    elif "max" in fields:
        draft = replace(draft, verb=Verb.ADD, position_side=decide(draft).position_side)
    return decide(replace(draft, size=_size(fields, SizeKind.EQUITY_PERCENT)))


def _size(fields: Fields, percent: SizeKind) -> Size:
    return signed_size(fields, "size", plain=SizeKind.NOTIONAL, percent=percent)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
