"""Words and spellings that several formats share: verbs, sizes with a unit sign, `key=value`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from app.pipeline.alarms.deciding import Verb
from app.pipeline.alarms.decoding import number_of
from app.pipeline.alarms.dialects.fields import Fields
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Action,
    Intent,
    Level,
    LevelKind,
    Size,
    SizeKind,
)
from app.trading.words import PositionSide

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT

_PLAIN: Final[Mapping[str, tuple[Verb, PositionSide | None]]] = {
    **dict.fromkeys(("buy", "b", "bid"), (Verb.BUY, None)),
    **dict.fromkeys(("sell", "s", "ask"), (Verb.SELL, None)),
    **dict.fromkeys(("long", "l"), (Verb.LONG, None)),
    **dict.fromkeys(("short",), (Verb.SHORT, None)),
    **dict.fromkeys(("close", "exit", "flat", "flatten", "closeposition"), (Verb.CLOSE, None)),
    **dict.fromkeys(("cancel", "cancelall", "cancelorders"), (Verb.CANCEL, None)),
    **dict.fromkeys(("flip", "reverse", "reversal"), (Verb.FLIP, None)),
    **dict.fromkeys(("reduce", "partialclose"), (Verb.REDUCE, None)),
    **dict.fromkeys(("add", "scalein"), (Verb.ADD, None)),
}
_SIDES: Final[Mapping[str, PositionSide]] = {"long": LONG, "short": SHORT}
_ENTRY_WORDS: Final = ("open", "enter", "entry", "buy", "sell")
_EXIT_WORDS: Final = ("close", "exit")


def _compound() -> dict[str, tuple[Verb, PositionSide | None]]:
    """`enter_long`, `LONG_OPEN`, `CloseShort` and the like."""
    found: dict[str, tuple[Verb, PositionSide | None]] = {}
    for name, side in _SIDES.items():
        entry = Verb.LONG if side is LONG else Verb.SHORT
        for word in _ENTRY_WORDS:
            found |= {word + name: (entry, None), name + word: (entry, None)}
        for word in _EXIT_WORDS:
            found |= {word + name: (Verb.CLOSE, side), name + word: (Verb.CLOSE, side)}
    found |= {"entrybuy": (Verb.LONG, None), "entrysell": (Verb.SHORT, None)}
    # Of the order, not of the position: closing by a sell ends a long.
    return found | {"closesell": (Verb.CLOSE, LONG), "closebuy": (Verb.CLOSE, SHORT)}


VERBS: Final[Mapping[str, tuple[Verb, PositionSide | None]]] = {**_compound(), **_PLAIN}
_SIGNS: Final = re.compile(r"[\s_\-/]+")
_PAIR: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,40})[ \t]*=[ \t]*([^\s;,|]{1,120})")


def verb_of(word: str) -> tuple[Verb, PositionSide | None] | None:
    """What a word asks for and of which side; None when it is no verb."""
    return VERBS.get(_SIGNS.sub("", word.lower()))


def pairs_of(text: str) -> dict[str, str]:
    """Every `key=value` of a text; the first of a repeated key counts."""
    found: dict[str, str] = {}
    for key, value in _PAIR.findall(text):
        found.setdefault(key.lower(), value)
    return found


def joined(intents: Iterable[Intent]) -> tuple[Intent, ...]:
    """The intents, with a close and the entry behind it in the same market made one flip."""
    done: list[Intent] = []
    for intent in intents:
        before = done[-1] if done else None
        is_entry = intent.action in {Action.OPEN, Action.TARGET} and intent.position_side
        if before is not None and is_entry and _closes(before, intent):
            done[-1] = replace(intent, action=Action.FLIP, is_bare=False)
        else:
            done.append(intent)
    return tuple(done)


def _closes(before: Intent, entry: Intent) -> bool:
    is_close = before.action is Action.CLOSE and before.position_side is not entry.position_side
    return is_close and before.ticker == entry.ticker


def signed_size(
    fields: Fields,
    name: str,
    *,
    plain: SizeKind | None,
    percent: SizeKind = SizeKind.EQUITY_PERCENT,
) -> Size:
    """A size with its unit as a sign: `300$`, `5%`, `%100`, `3x`, `45q`.

    Args:
        fields: of the alert.
        name: of the field.
        plain: the unit of a bare number; None when it cannot be known, which is refused.
        percent: what a percentage counts of.
    """
    _, value = fields.first(name)
    if value is None:
        return DEFAULT_SIZE
    shown = str(value).strip().lower()
    kind, digits = _unit(shown, plain, percent)
    if kind is None:
        fields.refuse("unit_unknown", name, f"{name} is {shown[:40]}, but of what? add its unit")
    number = Fields({name: digits if isinstance(value, str) else value})
    amount = number.positive(name, code="invalid_size") or Decimal(0)
    if shown.endswith("x"):
        amount *= 100
    if kind is SizeKind.POSITION_PERCENT and amount > 100:
        fields.refuse("invalid_size", name, f"{name}: {amount} % is more than the whole position")
    return Size(kind, amount)


def _unit(shown: str, plain: SizeKind | None, percent: SizeKind) -> tuple[SizeKind | None, str]:
    if "%" in shown:
        return percent, shown.strip("%")
    if "$" in shown:
        return SizeKind.NOTIONAL, shown.strip("$")
    if shown.endswith("q"):
        return SizeKind.NOTIONAL, shown[:-1]
    if shown.endswith("x"):
        return SizeKind.EQUITY_PERCENT, shown[:-1]
    return plain, shown


def level_or_none(fields: Fields, *names: str) -> Level | None:
    """A stop or target where 0 and NaN mean none."""
    name, value = fields.first(*names)
    if value is None or is_nothing(value):
        return None
    if isinstance(value, str) and value.strip().startswith("+"):
        value = value.strip()[1:]
    return Fields({name: value}).level(name)


def percent_or_none(fields: Fields, *names: str) -> Level | None:
    """A stop or target in percent of the entry price, 2 = 2 %; 0 and NaN mean none."""
    name, value = fields.first(*names)
    if value is None or is_nothing(value):
        return None
    number = fields.positive(name, code="invalid_level")
    return None if number is None else Level(LevelKind.PERCENT, number)


def is_nothing(value: Any) -> bool:
    """Whether a value is how a script says that there is none: empty, 0, NaN, null."""
    if isinstance(value, str) and value.strip().lower() in {"", "nan", "na", "null", "none"}:
        return True
    try:
        return number_of(value) == 0
    except ValueError:
        return False
