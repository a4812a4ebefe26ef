"""PineConnector's `licence,command,symbol,key=value…`; sizes in lots are refused."""

import re
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.words import pairs_of, verb_of
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Level,
    LevelKind,
    Meaning,
    Size,
    SizeKind,
    TakeProfit,
)

NAME: Final = "pineconnector"
FIELDS: Final = (
    Field(("licence",), "digits", "theirs, not used"),
    Field(("command",), "buy, sell, closelong, closeshort …", "what to do"),
    Field(("symbol",), "broker's spelling", "the market"),
    Field(("risk",), "as their terminal is set", "size", "lots or percent: refused"),
    Field(("vol_lots",), "lots", "size", "a lot is not ours to know: refused"),
    Field(("vol_dollar",), "quote", "money lost at the stop"),
    Field(("sl", "tp"), "price or pips, as their terminal is set", "levels", "refused"),
    Field(("sl_pips", "tp_pips"), "pips", "distance from entry", "a pip of what? refused"),
    Field(("sl_price", "tp_price"), "quote", "stop and target"),
    Field(("sl_pct", "tp_pct"), "2 = 2 %", "stop and target"),
)
_LINE: Final = re.compile(
    r"^\d{4,20}\s{0,3},\s{0,3}([a-z]{2,20})\s{0,3},\s{0,3}([A-Z0-9._/#-]{2,30})(,.{0,500})?$",
    re.IGNORECASE,
)
_NO_UNIT: Final = ("risk", "vol_lots", "lots", "sl", "tp", "sl_pips", "tp_pips")


def matches(message: Message) -> bool:
    """A line of licence, command and symbol, parted by commas."""
    return not message.is_json and _LINE.match(message.text) is not None


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: an unknown command, or a size or level in lots or pips.
    """
    found = _LINE.match(message.text)
    command, symbol, rest = ("", "", "") if found is None else found.groups(default="")
    fields = Fields({**pairs_of(rest), "symbol": symbol})
    verb = verb_of(command)
    if verb is None or verb[0] is Verb.REDUCE:
        fields.refuse("unknown_action", "command", f"the command {command!r} is not supported")
    for name in _NO_UNIT:
        if name in fields:
            detail = f"{name} counts in lots, pips or what their terminal is set to; use our format"
            fields.refuse("unit_unknown", name, detail)
    target = _level(fields, "tp")
    money = fields.positive("vol_dollar", code="invalid_size")
    draft = Draft(
        verb=verb[0],
        position_side=verb[1],
        ticker=fields.ticker("symbol"),
        size=DEFAULT_SIZE if money is None else Size(SizeKind.RISK_QUOTE, money),
        stop_loss=_level(fields, "sl"),
        take_profits=() if target is None else (TakeProfit(target),),
    )
    return Meaning(dialect=NAME, intents=(decide(draft),), problems=message.problems)


def _level(fields: Fields, name: str) -> Level | None:
    price = fields.positive(f"{name}_price", code="invalid_level")
    percent = fields.positive(f"{name}_pct", code="invalid_level")
    if price is not None:
        return Level(LevelKind.PRICE, price)
    return None if percent is None else Level(LevelKind.PERCENT, percent)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
