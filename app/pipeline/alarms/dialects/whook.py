"""Whook's words in any order: `account ETH/USDT buy 300$ x3 limit:id:price`, one order per line."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide, target_size
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.dialects.words import joined, signed_size
from app.pipeline.alarms.meaning import Intent, Meaning, Problem, SizeKind, Unreadable
from app.trading.words import OrderType

NAME: Final = "whook"
FIELDS: Final = (
    Field(("first word",), "text", "their account, not used"),
    Field(("symbol",), "any spelling", "the market"),
    Field(("verb",), "buy, sell, close, pos, cancel:all", "what to do", "pos is a target"),
    Field(("number",), "base units; 300$ quote; 50% of equity", "size", "pos takes a sign"),
    Field(("x3",), "three times", "leverage"),
    Field(("limit:id:price",), "quote", "limit price"),
)
_LINE: Final = re.compile(
    r"^\S{1,40}[ \t]+(?=[^\n]*\b(?:buy|sell|close|pos|cancel:\S{1,40})(?:\s|$))"
    r"[A-Za-z0-9/:._-]{5,40}[ \t]",
    re.IGNORECASE,
)
_VERBS: Final = {"buy": Verb.BUY, "sell": Verb.SELL, "close": Verb.CLOSE, "pos": Verb.TARGET}
_SIZE: Final = re.compile(r"-?[\d.]{1,40}(?:e-?\d{1,4})?[$%]?", re.IGNORECASE)
_LEVERAGE: Final = re.compile(r"(?:x(\d{1,4})|(\d{1,4})x)", re.IGNORECASE)
_MAX_LINE: Final = 400


def matches(message: Message) -> bool:
    """Text whose first line is an account, a market and one of its verbs."""
    first = message.text.split("\n", 1)[0]
    return not message.is_json and len(first) <= _MAX_LINE and _LINE.match(first) is not None


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a line is no order, or a number is out of range.
    """
    lines = [line for line in message.text.split("\n") if line.strip()]
    refuse_many(lines)
    return Meaning(dialect=NAME, intents=joined(map(_intent, lines)), problems=message.problems)


def _intent(line: str) -> Intent:
    words = line.split()[1:]
    if not words or len(line) > _MAX_LINE:
        raise Unreadable(Problem("unknown_action", f"{line[:60]!r} is no order"))
    fields = Fields({"symbol": words[0]})
    draft = Draft(verb=Verb.CANCEL, ticker=fields.ticker("symbol"))
    for word in words[1:]:
        draft = _with(draft, word)
    return decide(draft)


def _with(draft: Draft, word: str) -> Draft:
    low = word.lower()
    if low in _VERBS:
        return replace(draft, verb=_VERBS[low])
    if low.startswith("cancel:"):
        return draft
    if low.startswith("limit:"):
        price = Fields({"limit": low.rpartition(":")[2]}).positive("limit", code="invalid_price")
        return replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    leverage = _LEVERAGE.fullmatch(low)
    if leverage is not None:
        multiple = leverage[1] or leverage[2]
        return replace(draft, leverage=Fields({"leverage": multiple}).positive("leverage"))
    if _SIZE.fullmatch(low):
        return _sized(draft, low)
    raise Unreadable(Problem("invalid_field", f"{word[:40]!r} is no part of an order we know"))


def _sized(draft: Draft, word: str) -> Draft:
    fields = Fields({"size": word})
    if draft.verb is Verb.TARGET and not word.endswith(("$", "%")):
        side, size = target_size(fields.number("size", code="invalid_size") or Decimal(0))
        return replace(draft, position_side=side, size=size)
    percent = SizeKind.EQUITY_PERCENT
    if draft.verb is Verb.CLOSE:
        percent = SizeKind.POSITION_PERCENT
    return replace(
        draft, size=signed_size(fields, "size", plain=SizeKind.QUANTITY, percent=percent)
    )


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
