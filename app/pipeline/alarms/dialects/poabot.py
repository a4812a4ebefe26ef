"""POABOT's JSON: base and quote apart, sides like `entry/buy` and `close/sell`."""

from typing import Any, Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.words import is_nothing, level_or_none, verb_of
from app.pipeline.alarms.meaning import DEFAULT_SIZE, WHOLE, Meaning, Size, SizeKind
from app.trading.words import PositionSide

NAME: Final = "poabot"
FIELDS: Final = (
    Field(("base", "quote"), "coins; USDT.P and USDTPERP are perpetuals", "the market"),
    Field(("side",), "buy, sell, entry/buy, close/sell …", "what to do"),
    Field(("amount",), "base units", "size", "Pine's NaN comes as text and means none"),
    Field(("percent",), "10 = 10 %", "of equity to buy, of the position to sell or close"),
    Field(("leverage",), "3 = three times", "leverage"),
    Field(("stop_price", "profit_price"), "quote", "stop and target"),
    Field(("password", "exchange"), "text", "not used"),
)


def matches(message: Message) -> bool:
    """An object with base, quote and side."""
    return isinstance(message.value, dict) and {"base", "quote", "side"} <= set(message.value)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    given: dict[str, Any] = {
        name: value for name, value in message.value.items() if not _is_nan(value)
    }
    fields = Fields(given, text=message.text)
    word = fields.text("side") or ""
    verb = verb_of(word)
    if verb is None:
        fields.refuse("unknown_action", "side", f"side is {word!r}; entry/buy, close/sell …")
    base, quote = fields.text("base"), fields.text("quote") or ""
    if base is None:
        fields.refuse("no_symbol", "base", "the alert names no coin in base; add one, such as BTC")
    is_spot_sell = verb == (Verb.SELL, None) and not quote.upper().endswith((".P", "PERP"))
    draft = Draft(
        # Spot knows no shorts, so a spot sell with a share closes that share of what is held.
        verb=Verb.CLOSE if is_spot_sell and "percent" in fields else verb[0],
        position_side=PositionSide.LONG if is_spot_sell else verb[1],
        ticker=Fields({"base": f"{base}{quote}"}).ticker("base"),
        size=_size(fields, is_exit=is_spot_sell or verb[0] is Verb.CLOSE),
        leverage=fields.positive("leverage"),
        stop_loss=level_or_none(fields, "stop_price", "sl_price"),
    )
    return Meaning(dialect=NAME, intents=(decide(draft),), problems=message.problems)


def _is_nan(value: object) -> bool:
    return isinstance(value, str) and is_nothing(value)


def _size(fields: Fields, *, is_exit: bool) -> Size:
    amount = fields.positive("amount", code="invalid_size")
    if amount is not None:
        return Size(SizeKind.QUANTITY, amount)
    percent = fields.positive("percent", code="invalid_size")
    if percent is None:
        return DEFAULT_SIZE
    if is_exit and percent == 100:
        return WHOLE
    return Size(SizeKind.POSITION_PERCENT if is_exit else SizeKind.EQUITY_PERCENT, percent)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
