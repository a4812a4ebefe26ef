"""3Commas' JSON: `enter_long`, `exit_short` …, or a side with its strategy_info."""

from dataclasses import replace
from typing import Final

from app.core.words import Word
from app.pipeline.alarms.deciding import Draft, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.native import placeholders_of
from app.pipeline.alarms.dialects.words import percent_or_none, verb_of
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Level,
    Meaning,
    Size,
    SizeKind,
    TakeProfit,
)
from app.trading.words import OrderType

NAME: Final = "3commas"
FIELDS: Final = (
    Field(("tv_instrument",), "TradingView spelling", "the market", "tv_exchange is not used"),
    Field(("action",), "buy, sell, enter_long, exit_short …", "what to do"),
    Field(("strategy_info",), "the four position placeholders", "decides what buy and sell mean"),
    Field(("order.amount",), "by order.currency_type", "size"),
    Field(
        ("order.currency_type",),
        "base, quote, position_percent, margin_percent …",
        "unit of the amount",
        "percent of a bot's margin is refused: we know no bot",
    ),
    Field(("take_profit.steps",), "price_change_percent, volume_percent", "targets, 2 = 2 %"),
    Field(("stop_loss",), "price_change_percent", "stop, 1 = 1 %"),
    Field(("timestamp",), "ISO 8601", "when the alert was made"),
    Field(("max_lag",), "seconds, as text", "how old it may get"),
    Field(("trigger_price",), "quote", "the price the alert saw"),
)
_PERCENT: Final = ("price_change_percent", "trigger_price_percent", "percent")


class _Currency(Word):
    BASE = "base"
    QUOTE = "quote"
    POSITION_PERCENT = "position_percent"


_UNITS: Final = {
    _Currency.BASE: SizeKind.QUANTITY,
    _Currency.QUOTE: SizeKind.NOTIONAL,
    _Currency.POSITION_PERCENT: SizeKind.POSITION_PERCENT,
}


def matches(message: Message) -> bool:
    """An object with 3Commas' own names."""
    if not isinstance(message.value, dict):
        return False
    return not {"bot_uuid", "tv_instrument"}.isdisjoint(message.value)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    fields = Fields(message.value, text=message.text)
    action = fields.text("action") or ""
    verb = verb_of(action)
    if verb is None:
        fields.refuse("unknown_action", "action", f"action is {action!r}; enter_long, exit_long …")
    order = fields.inner("order") or Fields({})
    draft = Draft(
        verb=verb[0],
        position_side=verb[1],
        ticker=fields.ticker("tv_instrument"),
        size=_size(order),
        stop_loss=_level(fields.inner("stop_loss")),
        take_profits=_targets(fields),
    )
    contracts = draft.size.value if draft.size.kind is SizeKind.QUANTITY else None
    info = fields.inner("strategy_info") or Fields({})
    placeholders = placeholders_of(info, verb=draft.verb, contracts=contracts)
    price = fields.positive("trigger_price", code="invalid_price")
    if order.word(OrderType, "order_type", code="unsupported_order_type") is OrderType.LIMIT:
        limit = order.positive("price", "limit_price", code="invalid_price") or price
        if limit is None:
            fields.refuse("no_limit_price", "order_type", "a limit order needs its price")
        draft = replace(draft, order_type=OrderType.LIMIT, limit_price=limit)
    max_lag = fields.positive("max_lag")
    return Meaning(
        dialect=NAME,
        intents=(decide(replace(draft, placeholders=placeholders)),),
        alert_at=fields.time("timestamp"),
        reference_price=price,
        max_age_seconds=None if max_lag is None else int(max_lag),
        problems=message.problems,
    )


def _size(order: Fields) -> Size:
    amount = order.positive("amount", code="invalid_size")
    if amount is None:
        return DEFAULT_SIZE
    currency = order.word(_Currency, "currency_type", code="unit_unknown")
    if currency is None:
        order.refuse("unit_unknown", "currency_type", "the order has an amount but no unit")
    return Size(_UNITS[currency], amount)


def _level(stop: Fields | None) -> Level | None:
    if stop is None or ("enabled" in stop and not stop.flag("enabled")):
        return None
    level = percent_or_none(stop, *_PERCENT)
    if level is None:
        stop.refuse("invalid_level", "stop_loss", "stop_loss is on, but its percentage is missing")
    return level


def _targets(fields: Fields) -> tuple[TakeProfit, ...]:
    inner = fields.inner("take_profit")
    if inner is None or ("enabled" in inner and not inner.flag("enabled")):
        return ()
    _, steps = inner.first("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        inner.refuse("invalid_level", "steps", "take_profit needs its list of steps")
    found = []
    for step in map(Fields, steps):
        level = percent_or_none(step, *_PERCENT)
        if level is None:
            inner.refuse("invalid_level", "steps", "a step needs price_change_percent")
        portion = step.positive("volume_percent", code="invalid_level")
        found.append(TakeProfit(level, portion))
    return tuple(found)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
