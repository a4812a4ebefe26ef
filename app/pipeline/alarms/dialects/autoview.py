"""Autoview's `k=v` commands: `e` exchange, `s` symbol, `b` side, `q` size; `|` parts commands."""

import re
from dataclasses import replace
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.dialects.words import joined, pairs_of, signed_size, verb_of
from app.pipeline.alarms.meaning import Action, Intent, Meaning, Problem, SizeKind
from app.trading.words import OrderType, PositionSide

NAME: Final = "autoview"
FIELDS: Final = (
    Field(("s",), "any spelling", "the market", "missing: their default, which we do not know"),
    Field(("b",), "long, short, buy, sell", "side of the entry, or of what c closes"),
    Field(("c",), "order, position", "cancel orders, close the position"),
    Field(("q",), "units; 10% of equity, of the position with c", "size"),
    Field(("p",), "quote", "limit price"),
    Field(("t",), "market, limit …", "how to send it"),
    Field(("sl", "tp"), "quote", "not used here: refused, not guessed"),
    Field(("d",), "1", "switched off: nothing is traded"),
    Field(("e", "a"), "text", "exchange and account, not used"),
)
_KEYS: Final = frozenset(
    [
        "e",
        "a",
        "s",
        "b",
        "c",
        "q",
        "p",
        "t",
        "d",
        "l",
        "u",
        "fp",
        "ps",
        "sl",
        "tp",
        "ts",
        "cm",
        "delay",
    ]
)
_SHAPE: Final = re.compile(r"[a-z]{1,5}=\S+")
_MAX: Final = 20


def matches(message: Message) -> bool:
    """Text of its short keys only, with `b` or `c` among them."""
    if message.is_json or len(message.text) > 2_000:
        return False
    words = message.text.lower().replace("|", " ").replace("&", " ").split()
    keys = {word.partition("=")[0] for word in words if _SHAPE.fullmatch(word)}
    return len(keys) > 0 and keys <= _KEYS and not keys.isdisjoint({"b", "c"})


def read(message: Message) -> Meaning:
    """What it means; each command by itself, a close and an entry behind it as a flip.

    Raises:
        Unreadable: a field is out of range, or a stop is given in a unit we cannot know.
    """
    commands = [part for part in re.split(r"[|&\n]", message.text.lower()) if part.strip()]
    refuse_many(commands, _MAX)
    intents = joined(_intent(Fields(pairs_of(part), text=part)) for part in commands)
    return Meaning(dialect=NAME, intents=intents, problems=message.problems)


def _intent(fields: Fields) -> Intent:
    if fields.has("sl", "tp", "ts"):
        fields.refuse("unit_unknown", "sl", "stops of Autoview are not read; use our own format")
    close = (fields.text("c") or "").lower()
    word = fields.text("b") or ""
    verb = (Verb.CANCEL, None) if close == "order" else verb_of(word)
    if close == "position":
        side = {"long": PositionSide.LONG, "short": PositionSide.SHORT}.get(word)
        verb = (Verb.CLOSE, side)
    if verb is None:
        fields.refuse("unknown_action", "b", "neither b=long, b=short nor c=order, c=position")
    percent = SizeKind.POSITION_PERCENT if close else SizeKind.EQUITY_PERCENT
    draft = Draft(
        verb=verb[0],
        position_side=verb[1],
        ticker=fields.ticker("s"),
        size=signed_size(fields, "q", plain=SizeKind.QUANTITY, percent=percent),
        needs_ticker=not close,
    )
    price = fields.positive("p", code="invalid_price")
    if price is not None and not close:
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    intent = decide(draft)
    if fields.flag("d"):
        reason = Problem("notice", "d=1 switches this command off")
        return replace(intent, action=Action.IGNORE, reason=reason)
    return intent


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
