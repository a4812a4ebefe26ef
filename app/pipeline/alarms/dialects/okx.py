"""OKX's signal JSON: TradingView's positions in camel case, `maxLag` in seconds."""

from dataclasses import replace
from typing import Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.native import placeholders_of
from app.pipeline.alarms.dialects.words import verb_of
from app.pipeline.alarms.meaning import DEFAULT_SIZE, Meaning, Size, SizeKind

NAME: Final = "okx"
FIELDS: Final = (
    Field(("instrument",), "TradingView spelling", "the market"),
    Field(("action",), "buy, sell, ENTER_LONG, EXIT_SHORT …", "what to do"),
    Field(("marketPosition", "prevMarketPosition"), "long, short, flat", "decide the meaning"),
    Field(("amount",), "by investmentType", "size"),
    Field(
        ("investmentType",),
        "base, margin, contract, percentage_balance, percentage_position",
        "unit of the amount",
        "margin depends on leverage and is refused",
    ),
    Field(("timestamp",), "ISO 8601", "when the alert was made"),
    Field(("maxLag",), "seconds, as text", "how old it may get"),
    Field(("id", "signalToken"), "text", "the sender's id; the token is theirs"),
)


class _Investment(Word):
    BASE = "base"
    QUOTE = "quote"
    CONTRACT = "contract"
    PERCENTAGE_BALANCE = "percentage_balance"
    PERCENTAGE_INVESTMENT = "percentage_investment"
    PERCENTAGE_POSITION = "percentage_position"


_UNITS: Final = {
    _Investment.BASE: SizeKind.QUANTITY,
    _Investment.QUOTE: SizeKind.NOTIONAL,
    _Investment.PERCENTAGE_BALANCE: SizeKind.EQUITY_PERCENT,
    _Investment.PERCENTAGE_INVESTMENT: SizeKind.EQUITY_PERCENT,
    _Investment.PERCENTAGE_POSITION: SizeKind.POSITION_PERCENT,
}


def matches(message: Message) -> bool:
    """An object with `instrument` and OKX's own names."""
    if not isinstance(message.value, dict):
        return False
    return "instrument" in message.value and not {"signalToken", "maxLag"}.isdisjoint(message.value)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    fields = Fields(message.value, text=message.text)
    action = fields.text("action") or ""
    verb = verb_of(action)
    if verb is None:
        fields.refuse("unknown_action", "action", f"action is {action!r}; buy, ENTER_LONG …")
    size = _size(fields)
    positions = Fields(
        {
            "market_position": fields.text("marketPosition"),
            "prev_market_position": fields.text("prevMarketPosition"),
        }
    )
    contracts = size.value if size.kind is SizeKind.QUANTITY else None
    placeholders = placeholders_of(positions, verb=verb[0], contracts=contracts)
    draft = Draft(
        verb=verb[0],
        position_side=verb[1],
        ticker=fields.ticker("instrument"),
        size=DEFAULT_SIZE if verb[0] is Verb.CLOSE and contracts is not None else size,
    )
    max_lag = fields.positive("maxLag")
    return Meaning(
        dialect=NAME,
        intents=(decide(replace(draft, placeholders=placeholders)),),
        alert_at=fields.time("timestamp"),
        alert_id=fields.identity("id"),
        max_age_seconds=None if max_lag is None else int(max_lag),
        problems=message.problems,
    )


def _size(fields: Fields) -> Size:
    amount = fields.positive("amount", code="invalid_size")
    if amount is None:
        return DEFAULT_SIZE
    unit = fields.word(_Investment, "investmentType", code="unit_unknown")
    if unit is None or unit not in _UNITS:
        fields.refuse("unit_unknown", "investmentType", "the amount has no unit we can use")
    return Size(_UNITS[unit], amount)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
