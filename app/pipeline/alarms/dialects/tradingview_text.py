"""The sentence TradingView writes for a strategy when the trader leaves its message as it is."""

import re
from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide, position_before, side_of
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields, refuse_many
from app.pipeline.alarms.meaning import Intent, Meaning, Placeholders, Size, SizeKind
from app.trading.words import Side

NAME: Final = "tradingview_text"
FIELDS: Final = (
    Field(("order",), "buy, sell", "TradingView's order", "never decides alone"),
    Field(("@",), "base units", "its size", "of a flip: the old and the new position together"),
    Field(("filled on",), "ticker", "the market"),
    Field(("New strategy position is",), "base units, with sign", "the position after", "decides"),
)
# A minus sign of typography, as some relays write it, is one too.
_SENTENCE: Final = re.compile(
    r"\border\s+(buy|sell)\s+@\s+(\S{1,60})\s+filled\s+on\s+(\S{1,64}?)\.?"
    r"\s+New\s+strategy\s+position\s+is\s+(\S{1,60})",
    re.IGNORECASE,
)


def matches(message: Message) -> bool:
    """Text that holds the sentence, whatever the script's name in front of it."""
    return not message.is_json and _SENTENCE.search(message.text) is not None


def read(message: Message) -> Meaning:
    """What it means, by the new position and the size of the order.

    Raises:
        Unreadable: one of its numbers is none.
    """
    sentences = list(_SENTENCE.finditer(message.text))
    refuse_many(sentences)
    intents = tuple(map(_intent, sentences))
    return Meaning(dialect=NAME, intents=intents, problems=message.problems)


def _intent(found: re.Match[str]) -> Intent:
    words = {"side": found[1], "contracts": found[2], "ticker": found[3]}
    fields = Fields({**words, "position": found[4].rstrip(".").replace("\u2212", "-")})
    contracts = fields.positive("contracts", code="invalid_size") or Decimal(0)
    position = fields.number("position", code="invalid_size") or Decimal(0)
    placeholders = Placeholders(
        market_position=side_of(position),
        market_position_size=abs(position),
        contracts=contracts,
        is_known=True,
    )
    side = Side(found[1].lower())
    draft = Draft(
        verb=Verb(side.value),
        ticker=fields.ticker("ticker"),
        size=Size(SizeKind.QUANTITY, contracts),
        placeholders=position_before(placeholders, side),
    )
    return decide(draft)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
