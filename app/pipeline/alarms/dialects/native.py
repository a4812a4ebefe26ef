"""Signalbox's own JSON; a symbol and an action are enough."""

from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import (
    Draft,
    Verb,
    decide,
    position_before,
    side_of,
    target_size,
)
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    WHOLE,
    Level,
    LevelKind,
    Meaning,
    Placeholders,
    Problem,
    Size,
    SizeKind,
    TakeProfit,
)
from app.trading.words import OrderType, PositionSide, Side

NAME: Final = "native"
FIELDS: Final = (
    Field(("symbol", "ticker"), "TradingView or ccxt spelling", "the market"),
    Field(("action",), ", ".join(Verb), "what to do", "buy and sell alone depend on the book"),
    Field(("position_side",), "long, short", "which side is meant"),
    Field(("quantity",), "base units, contracts on inverse", "size", "for a target with sign"),
    Field(("notional",), "quote", "size: quantity times price"),
    Field(("equity_percent",), "10 = 10 %", "size: share of the strategy's equity"),
    Field(("risk_percent",), "1 = 1 %", "size: equity lost at the stop", "needs a stop"),
    Field(("risk_quote",), "quote", "size: money lost at the stop", "needs a stop"),
    Field(("position_percent",), "50 = 50 %", "size of a close or reduce"),
    Field(("order_type",), "market, limit", "how to send it", "limit needs a price"),
    Field(("price", "limit_price"), "quote", "limit price; else the price the alert saw"),
    Field(("stop_loss",), 'price, or "2%" of entry', "stop of the position"),
    Field(("trailing_percent",), "2 = 2 %", "trailing stop"),
    Field(("take_profit",), 'price, or "4%" of entry', "target of the position"),
    Field(("take_profits",), "list of {price or percent, portion_percent}", "several targets"),
    Field(("leverage",), "3 = three times", "may lower the strategy's, never raise it"),
    Field(("market_position", "sentiment"), "long, short, flat", "TradingView's side after"),
    Field(("market_position_size",), "TradingView's units, no sign", "its size after"),
    Field(("prev_market_position",), "long, short, flat", "its side before the order"),
    Field(("prev_market_position_size",), "TradingView's units, no sign", "its size before"),
    Field(("order_id",), "text", "name of the order in the script"),
    Field(("time", "timenow"), "ISO 8601 or epoch", "when the alert was made"),
    Field(("bar_time",), "ISO 8601 or epoch", "opening time of its bar"),
    Field(("id", "alert_id"), "text", "the sender's id", "a constant one never blocks"),
    Field(("comment", "message"), "text", "shown, never acted on"),
    Field(("secret", "passphrase", "token"), "text", "for the address without a token"),
)
_FEELINGS: Final = {"bullish": PositionSide.LONG, "bearish": PositionSide.SHORT}
ONLY_OURS: Final = frozenset(
    name for field in FIELDS for name in field.names if "_" in name and name != "order_id"
) | {"symbol", "notional"}
# Other products' names for sizes and levels: to leave one unread would open a naked position.
_FOREIGN: Final = """sl stoploss stop tp tp1 tp2 takeprofit qty amount amt size contracts lots
lot units q stop_loss_percent take_profit_percent sl_percent tp_percent sl_price tp_price
stop_price"""
FOREIGN: Final = frozenset(_FOREIGN.split())
KNOWN: Final = frozenset(name for field in FIELDS for name in field.names)
VERBS: Final = frozenset(verb.value for verb in Verb)
_MAX_WARNINGS: Final = 20
SIZES: Final = (
    SizeKind.QUANTITY,
    SizeKind.NOTIONAL,
    SizeKind.EQUITY_PERCENT,
    SizeKind.RISK_PERCENT,
    SizeKind.RISK_QUOTE,
    SizeKind.POSITION_PERCENT,
)


def matches(message: Message) -> bool:
    """An object with an action and one field that only this format has."""
    if not isinstance(message.value, dict):
        return False
    names = {name.strip().lower(): value for name, value in message.value.items()}
    action = names.get("action")
    is_verb = action is None or str(action).strip().lower() in VERBS
    is_ours = not ONLY_OURS.isdisjoint(names) and FOREIGN.isdisjoint(names)
    return "action" in names and is_verb and is_ours


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing, out of range, or contradicts another.
    """
    fields = Fields(message.value, text=message.text)
    verb = fields.word(Verb, "action", code="unknown_action")
    if verb is None:
        fields.refuse("no_action", "action", "the alert has no action; add buy, sell or close")
    order_type = fields.word(OrderType, "order_type") or OrderType.MARKET
    price = fields.positive("price", "limit_price", code="invalid_price")
    is_limit = order_type is OrderType.LIMIT
    if is_limit and price is None:
        fields.refuse("no_limit_price", "order_type", "a limit order needs its price")
    ticker = fields.ticker("symbol", "ticker")
    position_side = fields.word(PositionSide, "position_side")
    stop_loss, take_profits = _stop(fields), _targets(fields)
    leverage, comment = fields.positive("leverage"), fields.text("comment", "message")
    position_side, size = _sized(fields, verb, position_side)
    placeholders = placeholders_of(fields, verb=verb, contracts=_contracts(size))
    draft = Draft(
        verb=verb,
        ticker=ticker,
        position_side=position_side,
        size=size,
        order_type=order_type,
        limit_price=price if is_limit else None,
        stop_loss=stop_loss,
        take_profits=take_profits,
        leverage=leverage,
        comment=comment,
        placeholders=placeholders,
    )
    return Meaning(
        dialect=NAME,
        intents=(decide(draft),),
        alert_at=fields.time("timenow", "time"),
        bar_time=fields.time("bar_time"),
        alert_id=fields.identity("id", "alert_id"),
        order_id=placeholders.order_id,
        reference_price=price,
        problems=(*message.problems, *_unknown(fields)),
    )


def _unknown(fields: Fields) -> list[Problem]:
    """A warning for each field that is not in the table, up to a few; most are misspelt."""
    unknown = [name for name in fields.names if name not in KNOWN]
    return [
        Problem("unknown_field", f"{name[:40]!r} is no field of this format and is not used")
        for name in unknown[:_MAX_WARNINGS]
    ]


def placeholders_of(fields: Fields, *, verb: Verb, contracts: Decimal | None) -> Placeholders:
    """TradingView's four position placeholders under their own names.

    Args:
        fields: of the alert.
        verb: what it says; buy and sell let the position before be worked out.
        contracts: the size of TradingView's order, where the alert gives it.
    """
    after, is_known = _position(fields, "market_position", "sentiment")
    before, is_previous_known = _position(fields, "prev_market_position")
    placeholders = Placeholders(
        market_position=after,
        market_position_size=_magnitude(fields, "market_position_size"),
        prev_market_position=before,
        prev_market_position_size=_magnitude(fields, "prev_market_position_size"),
        contracts=contracts,
        order_id=fields.identity("order_id"),
        is_known=is_known,
        is_previous_known=is_previous_known,
    )
    if verb in {Verb.BUY, Verb.SELL}:
        return position_before(placeholders, Side(verb.value))
    return placeholders


def _position(fields: Fields, *names: str) -> tuple[PositionSide | None, bool]:
    value = fields.text(*names)
    if value is None:
        return None, False
    if value.lower() == "flat":
        return None, True
    feeling = _FEELINGS.get(value.lower())
    return feeling or fields.word(PositionSide, *names), True


def _magnitude(fields: Fields, name: str) -> Decimal | None:
    number = fields.number(name)
    return None if number is None else abs(number)


def _contracts(size: Size) -> Decimal | None:
    return size.value if size.kind is SizeKind.QUANTITY else None


def _sized(
    fields: Fields, verb: Verb, side: PositionSide | None
) -> tuple[PositionSide | None, Size]:
    """The one size that the alert gives; a target's sign is a side, too."""
    given = [kind for kind in SIZES if kind.value in fields]
    if len(given) > 1:
        names = " and ".join(given)
        fields.refuse("two_sizes", given[1].value, f"{names} are both given; keep one")
    if not given:
        return side, DEFAULT_SIZE
    kind = given[0]
    if verb is Verb.TARGET and kind is SizeKind.QUANTITY:
        return _targeted(fields, side)
    value = fields.positive(kind.value, code="invalid_size")
    if kind is SizeKind.POSITION_PERCENT and value is not None and value > 100:
        fields.refuse("invalid_size", kind.value, f"{value} % is more than the whole position")
    whole = verb is Verb.CLOSE and kind is SizeKind.POSITION_PERCENT and value == 100
    return side, WHOLE if whole else Size(kind, value)


def _targeted(fields: Fields, side: PositionSide | None) -> tuple[PositionSide | None, Size]:
    """A target is a signed position; `position_side` may stand in for the sign."""
    signed = fields.number("quantity", code="invalid_size") or Decimal(0)
    if side is not None and signed != 0:
        if signed < 0 and side is PositionSide.LONG:
            fields.refuse("contradictory_position", "quantity", "a long target below zero")
        signed = abs(signed) * side.sign
    _, size = target_size(signed)
    return side_of(signed), size


def _stop(fields: Fields) -> Level | None:
    stop = fields.level("stop_loss")
    trail = fields.positive("trailing_percent", code="invalid_level")
    if trail is None:
        return stop
    if stop is not None:
        fields.refuse("two_stops", "trailing_percent", "give stop_loss or trailing_percent")
    return Level(LevelKind.TRAILING_PERCENT, trail, is_trailing=True)


def _targets(fields: Fields) -> tuple[TakeProfit, ...]:
    single = fields.level("take_profit")
    name, several = fields.first("take_profits")
    if several is None:
        return () if single is None else (TakeProfit(single),)
    if single is not None or not isinstance(several, list):
        fields.refuse("invalid_field", name, "give take_profit, or a list in take_profits")
    return tuple(_target(fields, item) for item in several)


def _target(fields: Fields, item: object) -> TakeProfit:
    if not isinstance(item, dict):
        fields.refuse("invalid_field", "take_profits", "each target is an object with its price")
    one = Fields(item, text="")
    level = one.level("price")
    percent = one.positive("percent", code="invalid_level")
    if (level is None) is (percent is None):
        fields.refuse("invalid_level", "take_profits", "each target needs a price or a percent")
    if level is None and percent is not None:
        level = Level(LevelKind.PERCENT, percent)
    assert level is not None  # noqa: S101 one of the two is there, as just checked
    return TakeProfit(level, one.positive("portion_percent", code="invalid_level"))


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
