"""OctoBot's `KEY=VALUE`, by line or by semicolon; units are signs behind the number."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message, amount_of
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.dialects.words import signed_size
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    Level,
    LevelKind,
    Meaning,
    Problem,
    Size,
    SizeKind,
    TakeProfit,
)
from app.trading.words import OrderType, PositionSide

NAME: Final = "octobot"
FIELDS: Final = (
    Field(("SYMBOL",), "TradingView spelling", "the market"),
    Field(("SIGNAL",), "BUY, SELL, CANCEL", "what to do"),
    Field(("ORDER_TYPE",), "MARKET, LIMIT, STOP", "how to send it"),
    Field(("VOLUME",), "base; q quote; % or a% of equity", "size", "100a% is of what is available"),
    Field(("PRICE",), "quote; % or d from now", "limit price", "-3% is below the price now"),
    Field(("STOP_PRICE",), "quote; % or d from now", "stop, or trigger of a STOP order"),
    Field(("TAKE_PROFIT_PRICE", "TAKE_PROFIT_PRICE_n"), "quote; % or d from entry", "targets"),
    Field(("TAKE_PROFIT_VOLUME_RATIO", "…_n"), "parts", "share of each target", "not percent"),
    Field(("REDUCE_ONLY",), "true, false", "only ever reduces a position"),
    Field(("LEVERAGE",), "3 = three times", "leverage"),
    Field(
        ("TAG", "TOKEN", "BOT_ID", "EXCHANGE"), "text", "TOKEN is the secret; the rest is unused"
    ),
)
_VERBS: Final = {"buy": Verb.BUY, "sell": Verb.SELL, "cancel": Verb.CANCEL}
_TYPES: Final = {None: OrderType.MARKET, "market": OrderType.MARKET, "limit": OrderType.LIMIT}


def matches(message: Message) -> bool:
    """Text with SYMBOL and SIGNAL as keys."""
    return not message.is_json and {"symbol", "signal"} <= set(_pairs(message.text))


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: a field is missing or out of range.
    """
    fields = Fields(_pairs(message.text), text=message.text)
    signal = (fields.text("signal") or "").lower()
    if signal not in _VERBS:
        fields.refuse("unknown_action", "signal", f"SIGNAL is {signal!r}, not BUY, SELL or CANCEL")
    draft = Draft(
        verb=_VERBS[signal],
        ticker=fields.ticker("symbol"),
        size=_volume(fields),
        leverage=fields.positive("leverage"),
        take_profits=_targets(fields),
        comment=fields.text("tag"),
    )
    draft, problems = _ordered(draft, fields)
    return Meaning(
        dialect=NAME,
        intents=(decide(draft),),
        reference_price=draft.limit_price,
        problems=(*message.problems, *problems),
    )


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    # Some relays send the line ends as the two characters of their escapes.
    for part in text.replace("\\r", "").replace("\\n", "\n").replace(";", "\n").split("\n"):
        key, equals, value = part.partition("=")
        if equals:
            found.setdefault(key.strip().lower(), value.strip())
    return found


def _volume(fields: Fields) -> Size:
    value = fields.text("volume")
    if value is None:
        return DEFAULT_SIZE
    return signed_size(
        Fields({"volume": value.lower().replace("a%", "%")}), "volume", plain=SizeKind.QUANTITY
    )


def _ordered(draft: Draft, fields: Fields) -> tuple[Draft, list[Problem]]:
    order_type = (fields.text("order_type") or "market").lower()
    stop = _level(fields, "stop_price")
    problems: list[Problem] = []
    if order_type == "stop":
        if stop is None:
            fields.refuse("no_stop_price", "order_type", "a STOP order needs STOP_PRICE")
        side = _closed_side(draft) if fields.flag("reduce_only") else None
        return replace(draft, trigger=stop, position_side=side), problems
    if order_type not in _TYPES:
        fields.refuse("unsupported_order_type", "order_type", f"{order_type!r}: MARKET or LIMIT")
    draft = replace(draft, stop_loss=stop)
    price = _level(fields, "price")
    if order_type == "limit":
        draft = _limited(draft, fields, price)
    if fields.flag("reduce_only"):
        if stop is None and not draft.take_profits:
            return replace(draft, position_side=_closed_side(draft)), problems
        detail = "REDUCE_ONLY on an order with a stop or target of its own; it was not used"
        problems.append(Problem("reduce_only_not_used", detail))
    return draft, problems


def _closed_side(draft: Draft) -> PositionSide:
    """The side of the position that an order of this direction reduces."""
    return PositionSide.LONG if draft.verb is Verb.SELL else PositionSide.SHORT


def _limited(draft: Draft, fields: Fields, price: Level | None) -> Draft:
    if price is None:
        fields.refuse("no_limit_price", "order_type", "a LIMIT order needs PRICE")
    if price.kind is LevelKind.PRICE:
        return replace(draft, order_type=OrderType.LIMIT, limit_price=price.value)
    # Relative to the price now, which only the venue knows: the order waits for that level.
    return replace(draft, trigger=price)


def _level(fields: Fields, name: str) -> Level | None:
    value = fields.text(name)
    if value is None:
        return None
    kind, digits = LevelKind.PRICE, value
    if value.endswith("%"):
        kind, digits = LevelKind.PERCENT, value[:-1]
    elif value.lower().endswith("d"):
        kind, digits = LevelKind.DISTANCE, value[:-1]
    if kind is not LevelKind.PRICE:
        digits = digits.lstrip("+-")
    number = Fields({name: digits}).positive(name, code="invalid_level") or Decimal(0)
    return Level(kind, number)


def _targets(fields: Fields) -> tuple[TakeProfit, ...]:
    names = ["take_profit_price", *(f"take_profit_price_{n}" for n in range(11))]
    levels = [level for name in names if (level := _level(fields, name)) is not None]
    keys = ["take_profit_volume_ratio", *(f"take_profit_volume_ratio_{n}" for n in range(11))]
    ratios = [fields.text(key) for key in keys if key in fields]
    if len(ratios) != len(levels) or not ratios:
        if ratios:
            fields.refuse("invalid_level", keys[0], "as many volume ratios as targets are needed")
        return tuple(map(TakeProfit, levels))
    parts = [_part(fields, ratio) for ratio in ratios]
    return tuple(
        TakeProfit(level, round(part * 100 / sum(parts), 6))
        for level, part in zip(levels, parts, strict=True)
    )


def _part(fields: Fields, ratio: str | None) -> Decimal:
    try:
        part = amount_of(ratio)
    except ValueError:
        part = Decimal(0)
    if part <= 0:
        name = "take_profit_volume_ratio"
        fields.refuse("invalid_level", name, f"{ratio!r} is no share; separate fields by ;")
    return part


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
