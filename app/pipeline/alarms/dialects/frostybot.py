"""Frostybot's commands: `trade:account:command key=value …`, one per line."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.dialects.words import joined, level_or_none, pairs_of, signed_size
from app.pipeline.alarms.meaning import Action, Intent, Meaning, Problem, Size, SizeKind, Unreadable
from app.trading.words import OrderType, PositionSide

NAME: Final = "frostybot"
FIELDS: Final = (
    Field(("trade:account:",), "command", "long short buy sell close cancel cancelall flip …"),
    Field(("symbol",), "venue's spelling", "the market"),
    Field(
        ("size",), "quote; 3x = 300 % of equity", "target position", "long size=1000 is a target"
    ),
    Field(("base",), "base units", "size"),
    Field(("quote",), "quote", "size"),
    Field(("usd",), "dollars", "size", "refused where the quote is another coin"),
    Field(("price",), "quote", "limit price"),
    Field(("stoptrigger", "stopprice"), "quote", "stop of the order before it"),
    Field(("profittrigger",), "quote", "target of the order before it"),
    Field(("leverage",), "3 = three times", "leverage of the order after it"),
)
_COMMAND: Final = re.compile(r"^trade:([^:\s]{1,60}):([a-z]{1,20})\b(.*)$", re.IGNORECASE)
_VERBS: Final = {
    "long": Verb.LONG,
    "short": Verb.SHORT,
    "buy": Verb.BUY,
    "sell": Verb.SELL,
    "close": Verb.CLOSE,
    "cancel": Verb.CANCEL,
    "cancelall": Verb.CANCEL,
}
_DOLLARS: Final = ("USD", "USDT", "USDC", "PERP")


def matches(message: Message) -> bool:
    """Text whose first line is such a command."""
    return not message.is_json and _COMMAND.match(message.text.split("\n", 1)[0]) is not None


def read(message: Message) -> Meaning:
    """What it means; a stop line belongs to the order before it.

    Raises:
        Unreadable: a line is no command we know, or a field is out of range.
    """
    lines = [line.strip() for line in message.text.split("\n") if line.strip()]
    refuse_many(lines)
    intents: list[Intent] = []
    leverage: Decimal | None = None
    for line in lines:
        found = _COMMAND.match(line)
        if found is None:
            raise Unreadable(Problem("unknown_action", f"{line[:60]!r} is no frostybot command"))
        command, fields = found[2].lower(), Fields(pairs_of(found[3]))
        if command == "leverage":
            leverage = fields.positive("leverage")
        elif command in {"stoploss", "takeprofit"}:
            _attach(intents, fields)
        else:
            intents.append(replace(_intent(command, fields), leverage=leverage))
    return Meaning(
        dialect=NAME, intents=joined(intents) or (_SETTINGS_ONLY,), problems=message.problems
    )


def _intent(command: str, fields: Fields) -> Intent:
    if command not in _VERBS:
        fields.refuse("unknown_action", "command", f"the command {command!r} is not supported")
    verb = _VERBS[command]
    size = _size(fields)
    draft = Draft(verb=verb, ticker=fields.ticker("symbol"), size=size)
    price = fields.positive("price", code="invalid_price")
    if price is not None and verb is not Verb.CLOSE:
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    draft = replace(draft, stop_loss=level_or_none(fields, "stoptrigger", "stopprice"))
    if verb in {Verb.LONG, Verb.SHORT} and "size" in fields:
        side = PositionSide(verb.value)
        return decide(replace(draft, verb=Verb.TARGET, position_side=side))
    return decide(draft)


def _size(fields: Fields) -> Size:
    if "base" in fields:
        return signed_size(fields, "base", plain=SizeKind.QUANTITY)
    if "usd" in fields:
        ticker = fields.ticker("symbol") or ""
        plain = SizeKind.NOTIONAL if ticker.endswith(_DOLLARS) else None
        return signed_size(fields, "usd", plain=plain)
    name = "quote" if "quote" in fields else "size"
    return signed_size(fields, name, plain=SizeKind.NOTIONAL)


def _attach(intents: list[Intent], fields: Fields) -> None:
    stop = level_or_none(fields, "stoptrigger", "stopprice")
    if not intents or stop is None:
        fields.refuse("no_stop_price", "stoptrigger", "a stoploss needs an order and stoptrigger")
    intents[-1] = replace(intents[-1], stop_loss=stop)


_SETTINGS_ONLY: Final = Intent(
    action=Action.IGNORE, reason=Problem("notice", "the commands change settings only")
)
DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
