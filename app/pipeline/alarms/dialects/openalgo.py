"""OpenAlgo's JSON: a broker's order, where `position_size` is the position to reach."""

from dataclasses import replace
from typing import Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, Verb, decide, side_of, target_size
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.words import signed_size
from app.pipeline.alarms.meaning import Meaning, SizeKind
from app.trading.words import OrderType

NAME: Final = "openalgo"
FIELDS: Final = (
    Field(("symbol",), "broker's spelling", "the market"),
    Field(("action",), "BUY, SELL", "side of the order", "says nothing beside position_size"),
    Field(("quantity",), "units", "size", "numbers come as text"),
    Field(("position_size",), "units, with sign", "the position to reach", "not the order's size"),
    Field(("pricetype",), "MARKET, LIMIT", "how to send it"),
    Field(("price",), "quote", "limit price, else the price the alert saw"),
    Field(("exchange", "product", "strategy", "apikey"), "text", "not used: the account decides"),
)


class _Action(Word):
    BUY = "buy"
    SELL = "sell"


def matches(message: Message) -> bool:
    """An object with `symbol`, `action` and a field that only OpenAlgo has."""
    if not isinstance(message.value, dict):
        return False
    names = {name.strip().lower() for name in message.value}
    ours = {"pricetype", "product", "position_size", "apikey"}
    return {"symbol", "action"} <= names and not names.isdisjoint(ours)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    fields = Fields(message.value, text=message.text)
    action = fields.word(_Action, "action", code="unknown_action")
    if action is None:
        fields.refuse("no_action", "action", "the alert has no action; add BUY or SELL")
    order_type = fields.word(OrderType, "pricetype", code="unsupported_order_type")
    price = fields.positive("price", code="invalid_price")
    draft = Draft(
        verb=Verb(action.value),
        ticker=fields.ticker("symbol"),
        size=signed_size(fields, "quantity", plain=SizeKind.QUANTITY),
    )
    if order_type is OrderType.LIMIT:
        if price is None:
            fields.refuse("no_limit_price", "pricetype", "a LIMIT order needs its price")
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=price)
    target = fields.number("position_size", code="invalid_size")
    if target is not None:
        _, size = target_size(target)
        draft = replace(draft, verb=Verb.TARGET, position_side=side_of(target), size=size)
    return Meaning(
        dialect=NAME, intents=(decide(draft),), reference_price=price, problems=message.problems
    )


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
