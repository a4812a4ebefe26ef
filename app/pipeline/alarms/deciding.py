"""From an alert's fields to what they mean: the position before and after decides, not the text.

Every dialect translates its own words into a `Draft`; this module alone knows what a draft means
(TRADING 5 to 8 and 10).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, NoReturn

from app.core.decimals import percent_of
from app.core.words import Word
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    HEARTBEAT,
    NO_PLACEHOLDERS,
    WHOLE,
    Action,
    Intent,
    Level,
    Placeholders,
    Problem,
    Size,
    SizeKind,
    TakeProfit,
    Unreadable,
)
from app.trading.words import OrderType, PositionSide, Side

HUNDRED: Final = Decimal(100)


class Verb(Word):
    """What an alert says it wants, before positions are looked at."""

    BUY = "buy"
    SELL = "sell"
    LONG = "long"
    SHORT = "short"
    CLOSE = "close"
    FLIP = "flip"
    REDUCE = "reduce"
    ADD = "add"
    TARGET = "target"
    CANCEL = "cancel"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The fields of one alert in our units; `Intent` says what each one holds.

    `needs_ticker` is False for products whose alerts name a bot and leave the market to it.
    """

    verb: Verb
    ticker: str | None = None
    position_side: PositionSide | None = None
    size: Size = DEFAULT_SIZE
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    trigger: Level | None = None
    stop_loss: Level | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    leverage: Decimal | None = None
    comment: str | None = None
    placeholders: Placeholders = NO_PLACEHOLDERS
    needs_ticker: bool = True


SIDE_OF: Final[Mapping[Verb, PositionSide]] = {
    Verb.BUY: PositionSide.LONG,
    Verb.LONG: PositionSide.LONG,
    Verb.SELL: PositionSide.SHORT,
    Verb.SHORT: PositionSide.SHORT,
}
_EXIT_SIZES: Final = frozenset(
    {SizeKind.QUANTITY, SizeKind.NOTIONAL, SizeKind.POSITION_PERCENT, SizeKind.ALL}
)


def decide(draft: Draft) -> Intent:
    """What a draft means by itself; only a bare buy or sell is left to the open book.

    Raises:
        Unreadable: it contradicts itself, or a reduction does not say how much.
    """
    return _DECISIONS[draft.verb](draft)


def _bare_or_positioned(draft: Draft) -> Intent:
    """A buy or a sell, by the first thing that says more than the word."""
    if draft.placeholders.is_known:
        return _by_positions(draft)
    side = SIDE_OF[draft.verb]
    if draft.position_side is side.opposite or draft.size.kind is SizeKind.POSITION_PERCENT:
        return _close(replace(draft, position_side=side.opposite))
    return _intent(draft, Action.OPEN, position_side=side, is_bare=draft.position_side is None)


def _by_positions(draft: Draft) -> Intent:
    """TradingView's position before and after this order."""
    at = draft.placeholders
    side = SIDE_OF[draft.verb]
    after, before = at.market_position, at.prev_market_position
    if after is None:
        return _intent(draft, Action.CLOSE, position_side=before or side.opposite, size=WHOLE)
    if not at.is_previous_known:
        return _after_only(draft, after)
    if before is after:
        return _more_or_less(draft, after)
    if side is not after:
        _contradiction(f"the alert says {draft.verb}, but its position went to {after}")
    if before is None:
        return _intent(draft, Action.OPEN, position_side=after)
    return _intent(draft, Action.FLIP, position_side=after, size=_flip_size(draft))


def _after_only(draft: Draft, after: PositionSide) -> Intent:
    """The position before is unknown: an order in its direction builds it, the other shrinks it."""
    if SIDE_OF[draft.verb] is after:
        return _intent(draft, Action.OPEN, position_side=after)
    return _reduce(replace(draft, position_side=after))


def _more_or_less(draft: Draft, side: PositionSide) -> Intent:
    """The same side before and after."""
    at = draft.placeholders
    size, before = at.market_position_size, at.prev_market_position_size
    if size is None or before is None or before == 0:
        if SIDE_OF[draft.verb] is side:
            return _intent(draft, Action.ADD, position_side=side, is_pyramiding=True)
        return replace(_reduce(replace(draft, position_side=side)), is_pyramiding=True)
    if size >= before:
        return _intent(draft, Action.ADD, position_side=side, is_pyramiding=True)
    gone = Size(SizeKind.POSITION_PERCENT, percent_of(before - size, before))
    return _intent(draft, Action.REDUCE, position_side=side, size=gone, is_pyramiding=True)


def _flip_size(draft: Draft) -> Size:
    """TradingView's contracts of a flip are the old and the new position: open only the new."""
    new = draft.placeholders.market_position_size
    size = draft.size
    if new is None or new == 0 or size.kind is not SizeKind.QUANTITY or size.value is None:
        return size
    return Size(SizeKind.QUANTITY, min(size.value, new))


def _explicit_entry(draft: Draft) -> Intent:
    """The words long and short: they name the position, so they are never bare."""
    side = SIDE_OF[draft.verb]
    at = draft.placeholders
    if at.is_known and at.market_position is not side:
        shown = at.market_position or "flat"
        _contradiction(f"action is {draft.verb}, but market_position is {shown}; delete one")
    if draft.position_side is side.opposite:
        _contradiction(f"action is {draft.verb}, but position_side is {draft.position_side}")
    if not at.is_known or not at.is_previous_known:
        return _intent(draft, Action.OPEN, position_side=side)
    verb = Verb.BUY if side is PositionSide.LONG else Verb.SELL
    return _by_positions(replace(draft, verb=verb))


def _close(draft: Draft) -> Intent:
    """The whole book, or the part that a size names."""
    if draft.size.kind is SizeKind.DEFAULT:
        side = draft.position_side or draft.placeholders.prev_market_position
        return _intent(draft, Action.CLOSE, position_side=side, size=WHOLE)
    whole = draft.size.kind is SizeKind.POSITION_PERCENT and draft.size.value == HUNDRED
    if whole or draft.size.kind is SizeKind.ALL:
        return _intent(draft, Action.CLOSE)
    return _reduce(draft)


def _reduce(draft: Draft) -> Intent:
    """A part of the book."""
    if draft.placeholders.is_flat:
        return _close(replace(draft, size=DEFAULT_SIZE))
    if draft.size.kind is SizeKind.DEFAULT:
        _refuse("no_size", "this alert takes a part of the position but does not say how much")
    if draft.size.kind not in _EXIT_SIZES:
        _refuse(
            "invalid_size",
            f"{draft.size.kind} cannot size an exit; use quantity, notional or position_percent",
        )
    return _intent(draft, Action.REDUCE)


def _flip(draft: Draft) -> Intent:
    side = draft.position_side or draft.placeholders.market_position
    return _intent(draft, Action.FLIP, position_side=side, size=_flip_size(draft))


def _add(draft: Draft) -> Intent:
    if draft.placeholders.is_flat:
        _contradiction("action is add, but market_position is flat")
    side = draft.position_side or draft.placeholders.market_position
    return _intent(draft, Action.ADD, position_side=side)


def _target(draft: Draft) -> Intent:
    if draft.size.kind is SizeKind.DEFAULT:
        _refuse("no_size", "a target needs the size the position should have; 0 closes it")
    return _intent(draft, Action.TARGET)


def _cancel(draft: Draft) -> Intent:
    return _intent(draft, Action.CANCEL, size=DEFAULT_SIZE)


def _heartbeat(draft: Draft) -> Intent:
    reason = Problem(HEARTBEAT, "a sign of life, which never trades")
    return _intent(draft, Action.IGNORE, size=DEFAULT_SIZE, reason=reason)


_DECISIONS: Final[Mapping[Verb, Callable[[Draft], Intent]]] = {
    Verb.BUY: _bare_or_positioned,
    Verb.SELL: _bare_or_positioned,
    Verb.LONG: _explicit_entry,
    Verb.SHORT: _explicit_entry,
    Verb.CLOSE: _close,
    Verb.REDUCE: _reduce,
    Verb.FLIP: _flip,
    Verb.ADD: _add,
    Verb.TARGET: _target,
    Verb.CANCEL: _cancel,
    Verb.HEARTBEAT: _heartbeat,
}


def _intent(draft: Draft, action: Action, **changes: Any) -> Intent:
    if draft.ticker is None and draft.needs_ticker and action is not Action.CANCEL:
        _refuse("no_symbol", "the alert names no market; add one, for example BTCUSDT")
    same = {
        "ticker": draft.ticker,
        "position_side": draft.position_side,
        "size": draft.size,
        "order_type": draft.order_type,
        "limit_price": draft.limit_price,
        "trigger": draft.trigger,
        "stop_loss": draft.stop_loss,
        "take_profits": draft.take_profits,
        "leverage": draft.leverage,
        "comment": draft.comment,
        "placeholders": draft.placeholders,
    }
    return Intent(**({"action": action} | same | changes))


def position_before(placeholders: Placeholders, side: Side) -> Placeholders:
    """The position before the order, worked out from the position after it and the order's size.

    Args:
        placeholders: left as they are when the position before is already there, or when one of
            the two sizes is missing.
        side: of TradingView's order.
    """
    at = placeholders
    size = Decimal(0) if at.is_flat else at.market_position_size
    if not at.is_known or at.is_previous_known or size is None or at.contracts is None:
        return at
    sign = 0 if at.market_position is None else at.market_position.sign
    traded = at.contracts if side is Side.BUY else -at.contracts
    before = sign * size - traded
    return replace(
        at,
        prev_market_position=side_of(before),
        prev_market_position_size=abs(before),
        is_previous_known=True,
    )


def side_of(signed_size: Decimal) -> PositionSide | None:
    """The side of a signed position; None when it is flat."""
    if signed_size == 0:
        return None
    return PositionSide.LONG if signed_size > 0 else PositionSide.SHORT


def target_size(signed_size: Decimal) -> tuple[PositionSide | None, Size]:
    """A signed target as side and size without sign."""
    return side_of(signed_size), Size(SizeKind.TARGET_QUANTITY, abs(signed_size))


def _contradiction(detail: str) -> NoReturn:
    _refuse("contradictory_position", detail)


def _refuse(code: str, detail: str) -> NoReturn:
    raise Unreadable(Problem(code, detail))
