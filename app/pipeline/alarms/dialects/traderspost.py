"""TradersPost's JSON: `ticker` and `action`, camel case, percentages where 10 is 10 %."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.native import FOREIGN
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Action,
    Intent,
    Level,
    LevelKind,
    Meaning,
    Placeholders,
    Problem,
    Size,
    SizeKind,
    TakeProfit,
)
from app.trading.words import OrderType, PositionSide

NAME: Final = "traderspost"
FIELDS: Final = (
    Field(("ticker",), "TradingView spelling", "the market"),
    Field(("action",), "buy, sell, exit, cancel, add", "what to do"),
    Field(
        ("sentiment",),
        "bullish, bearish, flat; also long, short",
        "the position after the order",
        "buy or sell with flat closes and opens nothing",
    ),
    Field(("quantity",), "by quantityType", "size"),
    Field(("quantityType",), "see QUANTITY_TYPES", "unit of quantity", "base units when absent"),
    Field(("orderType",), "market, limit, stop, stop_limit, trailing_stop", "how to send it"),
    Field(("limitPrice",), "quote", "limit price"),
    Field(("stopPrice",), "quote", "price that a stop order waits for"),
    Field(("trailAmount",), "quote", "distance of a trailing stop", "may come as text"),
    Field(("trailPercent",), "10 = 10 %", "distance of a trailing stop"),
    Field(("signalPrice", "price"), "quote", "the price the alert saw, never a limit"),
    Field(("takeProfit",), "limitPrice, percent or amount", "target", "amount counts from entry"),
    Field(("stopLoss",), "stopPrice, percent, amount or trail…", "stop", "a stop_limit is a stop"),
    Field(("delay",), "seconds", "wait before the order", "not supported, the alert counts now"),
    Field(("time",), "ISO 8601 or epoch", "when the alert was made"),
    Field(("test",), "true, false", "a rehearsal: nothing is traded"),
)


class _Action(Word):
    BUY = "buy"
    SELL = "sell"
    EXIT = "exit"
    CANCEL = "cancel"
    ADD = "add"


class _OrderType(Word):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class _StopType(Word):
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class _Sentiment(Word):
    BULLISH = "bullish"
    BEARISH = "bearish"
    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class _QuantityType(Word):
    FIXED_QUANTITY = "fixed_quantity"
    DOLLAR_AMOUNT = "dollar_amount"
    RISK_DOLLAR_AMOUNT = "risk_dollar_amount"
    RISK_PERCENT = "risk_percent"
    PERCENT_OF_EQUITY = "percent_of_equity"
    PERCENT_OF_POSITION = "percent_of_position"


QUANTITY_TYPES: Final[Mapping[_QuantityType, SizeKind]] = {
    _QuantityType.FIXED_QUANTITY: SizeKind.QUANTITY,
    _QuantityType.DOLLAR_AMOUNT: SizeKind.NOTIONAL,
    _QuantityType.RISK_DOLLAR_AMOUNT: SizeKind.RISK_QUOTE,
    _QuantityType.RISK_PERCENT: SizeKind.RISK_PERCENT,
    _QuantityType.PERCENT_OF_EQUITY: SizeKind.EQUITY_PERCENT,
    _QuantityType.PERCENT_OF_POSITION: SizeKind.POSITION_PERCENT,
}
_SIDES: Final[Mapping[_Sentiment, PositionSide | None]] = {
    _Sentiment.BULLISH: PositionSide.LONG,
    _Sentiment.LONG: PositionSide.LONG,
    _Sentiment.BEARISH: PositionSide.SHORT,
    _Sentiment.SHORT: PositionSide.SHORT,
    _Sentiment.FLAT: None,
}
_VERBS: Final[Mapping[_Action, Verb]] = {
    _Action.BUY: Verb.BUY,
    _Action.SELL: Verb.SELL,
    _Action.EXIT: Verb.CLOSE,
    _Action.CANCEL: Verb.CANCEL,
    _Action.ADD: Verb.ADD,
}
_DISTANCES: Final[Mapping[str, LevelKind]] = {
    "percent": LevelKind.PERCENT,
    "amount": LevelKind.DISTANCE,
}
_TRAILS: Final[Mapping[str, LevelKind]] = {
    "trailPercent": LevelKind.TRAILING_PERCENT,
    "trailAmount": LevelKind.DISTANCE,
    "trailPrice": LevelKind.DISTANCE,
}
_OURS: Final = frozenset(
    name.lower() for field in FIELDS for name in field.names if name not in {"ticker", "action"}
) - {"price", "time", "test"}
_NOT_OURS: Final = FOREIGN - _OURS
_LIMITED: Final = frozenset({_OrderType.LIMIT, _OrderType.STOP_LIMIT})


def matches(message: Message) -> bool:
    """An object with `ticker` and `action`, in this spelling."""
    if not isinstance(message.value, dict):
        return False
    names = {name.strip().lower() for name in message.value}
    is_another = names.isdisjoint(_OURS) and not names.isdisjoint(FOREIGN)
    return {"ticker", "action"} <= names and not is_another


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing, out of range, or contradicts another.
    """
    fields = Fields(message.value, text=message.text)
    for name in sorted(_NOT_OURS.intersection(fields.names)):
        detail = f"{name} is no TradersPost field; write quantity, stopLoss or takeProfit"
        fields.refuse("invalid_field", name, detail)
    action = fields.word(_Action, "action", code="unknown_action")
    if action is None:
        fields.refuse("no_action", "action", "the alert has no action; add buy, sell or exit")
    draft = Draft(
        verb=_VERBS[action],
        ticker=fields.ticker("ticker"),
        size=_size(fields),
        stop_loss=_stop(fields),
        take_profits=_target(fields),
        placeholders=_sentiment(fields, action),
    )
    intent = decide(_ordered(draft, fields))
    if fields.flag("test"):
        intent = replace(intent, action=Action.IGNORE, reason=_REHEARSAL)
    return Meaning(
        dialect=NAME,
        intents=(intent,),
        alert_at=fields.time("time"),
        reference_price=fields.positive("signalPrice", "price", code="invalid_price"),
        problems=(*message.problems, *_warnings(fields, intent)),
    )


_REHEARSAL: Final = Problem("test_alert", "the alert says test: true, so nothing is traded")


def _size(fields: Fields) -> Size:
    quantity_type = fields.word(_QuantityType, "quantityType", code="unit_unknown")
    quantity = fields.positive("quantity", code="invalid_size")
    if quantity is None:
        return DEFAULT_SIZE
    kind = QUANTITY_TYPES[quantity_type or _QuantityType.FIXED_QUANTITY]
    if kind is SizeKind.POSITION_PERCENT and quantity > 100:
        fields.refuse("invalid_size", "quantity", f"{quantity} % is more than the whole position")
    return Size(kind, quantity)


def _sentiment(fields: Fields, action: _Action) -> Placeholders:
    sentiment = fields.word(_Sentiment, "sentiment")
    # The vendor calls exit with a sentiment invalid; an exit is an exit, whatever comes with it.
    if sentiment is None or action is _Action.EXIT:
        return Placeholders()
    return Placeholders(market_position=_SIDES[sentiment], is_known=True)


def _ordered(draft: Draft, fields: Fields) -> Draft:
    """The draft with the way its order is sent."""
    order_type = fields.word(_OrderType, "orderType", code="unsupported_order_type")
    limit_price = fields.positive("limitPrice", code="invalid_price")
    if order_type in _LIMITED:
        if limit_price is None:
            fields.refuse("no_limit_price", "orderType", "a limit order needs limitPrice")
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=limit_price)
    if order_type in {_OrderType.STOP, _OrderType.STOP_LIMIT}:
        price = fields.positive("stopPrice", code="invalid_price")
        if price is None:
            fields.refuse("no_stop_price", "orderType", "a stop order needs stopPrice")
        return replace(draft, trigger=Level(LevelKind.PRICE, price))
    if order_type is _OrderType.TRAILING_STOP:
        return _trailed(draft, fields)
    return draft


def _trailed(draft: Draft, fields: Fields) -> Draft:
    trail = _trail(fields)
    if trail is None:
        fields.refuse("no_stop_price", "orderType", "a trailing_stop needs trailAmount or Percent")
    stop = trail if draft.verb is Verb.CLOSE else draft.stop_loss
    return replace(draft, trigger=trail, stop_loss=stop)


def _trail(fields: Fields) -> Level | None:
    given = [name for name in _TRAILS if name in fields]
    if not given:
        return None
    value = fields.positive(given[0], code="invalid_level")
    if len(given) > 1 or value is None:
        fields.refuse("two_stops", given[0], f"{' and '.join(given)} are given; keep one")
    return Level(_TRAILS[given[0]], value, is_trailing=True)


def _stop(fields: Fields) -> Level | None:
    inner = fields.inner("stopLoss")
    if inner is None:
        return None
    kind = inner.word(_StopType, "type")
    trail = _trail(inner)
    if trail is not None:
        return trail
    level = _one_level(inner, "stopLoss", price_name="stopPrice")
    if kind is _StopType.TRAILING_STOP:
        if level.kind is LevelKind.PRICE:
            inner.refuse("no_stop_price", "stopLoss", "a trailing stop needs trailPercent")
        is_percent = level.kind is LevelKind.PERCENT
        trailing = LevelKind.TRAILING_PERCENT if is_percent else LevelKind.DISTANCE
        return Level(trailing, level.value, is_trailing=True)
    return replace(level, limit_price=inner.positive("limitPrice", code="invalid_level"))


def _target(fields: Fields) -> tuple[TakeProfit, ...]:
    inner = fields.inner("takeProfit")
    if inner is None:
        return ()
    return (TakeProfit(_one_level(inner, "takeProfit", price_name="limitPrice")),)


def _one_level(inner: Fields, outer: str, *, price_name: str) -> Level:
    """The one place a bracket names: a price, a percentage or a distance from entry."""
    kinds = {price_name: LevelKind.PRICE, **_DISTANCES}
    given = [name for name in kinds if name in inner]
    if len(given) != 1:
        choices = ", ".join(kinds)
        inner.refuse("invalid_level", outer, f"{outer} needs exactly one of {choices}")
    value = inner.positive(given[0], code="invalid_level") or Decimal(0)
    return Level(kinds[given[0]], value)


def _warnings(fields: Fields, intent: Intent) -> tuple[Problem, ...]:
    found = []
    if "delay" in fields:
        found.append(Problem("not_supported", "delay is not supported; the alert counts at once"))
    if (
        fields.has("sentiment")
        and intent.action is Action.CLOSE
        and not intent.placeholders.is_flat
    ):
        detail = "exit says it all; the sentiment beside it is not used"
        found.append(Problem("sentiment_not_used", detail))
    if intent.stop_loss is not None and intent.stop_loss.limit_price is not None:
        detail = "the stop is sent as a stop-market order, so that it fills; its limit is not used"
        found.append(Problem("stop_limit_not_used", detail))
    return tuple(found)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
