"""What an intent means for the book that is open: the last step before a signal (TRADING 5 to 10).

| asked | flat | same side | opposite side |
|---|---|---|---|
| bare buy, sell | open if allowed, else nothing to close | open | close, or flip by `on_opposite` |
| open (long, short) | open | open | flip |
| add | not in position | add | not in position |
| close, reduce | nothing to close | as asked | nothing to close, unless flat is asked |
| flip | open | open | flip |
| target | open; for 0 nothing to close | as asked | flip; for 0 close |

An open into an open book is for risk to judge (`max_entries`). A partial exit of TradingView
without a book is `not_in_position`.
On spot a flip to short is its close leg, and a bare sell without a book has nothing to close.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.pipeline.alarms.meaning import WHOLE, Action, Intent, Problem, SizeKind
from app.strategies.words import OnOpposite, Sides
from app.trading.words import MarketType, PositionSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a strategy and its account allow.

    Attributes:
        sides: which way the strategy may open.
        on_opposite: what a bare order against the open book means.
        market_type: of the account; spot knows no shorts.
    """

    sides: Sides = Sides.BOTH
    on_opposite: OnOpposite = OnOpposite.CLOSE
    market_type: MarketType = MarketType.LINEAR

    def allows(self, side: PositionSide) -> bool:
        """Whether a position of that side may be opened."""
        is_spot_short = self.market_type is MarketType.SPOT and side is PositionSide.SHORT
        return self.sides.allows(side) and not is_spot_short


def resolve(intent: Intent, *, book_side: PositionSide | None, rules: Rules) -> Intent:
    """The intent as it stands against the open book.

    Args:
        intent: as `understand` gave it.
        book_side: the side of this strategy's open book of the symbol; None when flat.
        rules: the strategy's.

    Returns:
        An intent that is no longer bare. `ignore` with the reason `nothing_to_close` or
        `not_in_position` asks for nothing; after `nothing_to_close` pending signals and resting
        entries of the symbol still end. A side the rules forbid is left to risk to deny, because
        only a bare order can be read as an exit instead.
    """
    if intent.is_bare:
        return resolve_bare(intent, book_side=book_side, rules=rules)
    if intent.action in {Action.CANCEL, Action.IGNORE}:
        return intent
    return _RULES[intent.action](intent, book_side, rules)


def resolve_bare(intent: Intent, *, book_side: PositionSide | None, rules: Rules) -> Intent:
    """A plain buy or sell against the open book (TRADING 6).

    Args:
        intent: with `is_bare`, an open of the side its word suggests.
        book_side: the side of the open book; None when flat.
        rules: the strategy's.
    """
    side = intent.position_side
    named = replace(intent, is_bare=False)
    if side is None or book_side is side:
        return named
    if book_side is None:
        return named if rules.allows(side) else _nothing_to_close(intent)
    if rules.on_opposite is OnOpposite.FLIP and rules.allows(side):
        return replace(named, action=Action.FLIP)
    return _close_of(named, book_side)


def _open(intent: Intent, book_side: PositionSide | None, rules: Rules) -> Intent:
    if book_side is None or book_side is intent.position_side:
        return intent
    return _flip(replace(intent, action=Action.FLIP), book_side, rules)


def _flip(intent: Intent, book_side: PositionSide | None, rules: Rules) -> Intent:
    if book_side is None:
        if intent.position_side is None:
            return _not_in_position(intent)
        return replace(intent, action=Action.OPEN)
    side = intent.position_side or book_side.opposite
    if side is book_side:
        return replace(intent, action=Action.OPEN)
    if rules.market_type is MarketType.SPOT:
        return _close_of(intent, book_side)
    return replace(intent, position_side=side)


def _add(intent: Intent, book_side: PositionSide | None, _: Rules) -> Intent:
    if book_side is None or intent.position_side is book_side.opposite:
        return _not_in_position(intent)
    return replace(intent, position_side=book_side)


def _exit(intent: Intent, book_side: PositionSide | None, _: Rules) -> Intent:
    if book_side is None:
        return _not_in_position(intent) if intent.is_pyramiding else _nothing_to_close(intent)
    if intent.position_side is book_side.opposite and not intent.placeholders.is_flat:
        return _not_in_position(intent) if intent.is_pyramiding else _nothing_to_close(intent)
    return replace(intent, position_side=book_side)


def _target(intent: Intent, book_side: PositionSide | None, rules: Rules) -> Intent:
    if intent.size.value == 0:
        return _nothing_to_close(intent) if book_side is None else _close_of(intent, book_side)
    sized = _as_entry(intent)
    if book_side is None:
        return sized
    if intent.position_side is book_side.opposite:
        return _flip(replace(sized, action=Action.FLIP), book_side, rules)
    return intent


def _as_entry(intent: Intent) -> Intent:
    """A target from flat is an entry of its whole size."""
    size = intent.size
    if size.kind is SizeKind.TARGET_QUANTITY:
        size = replace(size, kind=SizeKind.QUANTITY)
    return replace(intent, action=Action.OPEN, size=size)


def _close_of(intent: Intent, book_side: PositionSide) -> Intent:
    """The whole book and nothing else: an entry's levels do not belong to an exit."""
    return replace(
        intent,
        action=Action.CLOSE,
        position_side=book_side,
        size=WHOLE,
        stop_loss=None,
        take_profits=(),
        leverage=None,
    )


def _nothing_to_close(intent: Intent) -> Intent:
    detail = f"{intent.ticker}: this strategy holds no position that this alert could close"
    return _ignored(intent, Problem("nothing_to_close", detail))


def _not_in_position(intent: Intent) -> Intent:
    detail = f"{intent.ticker}: {intent.action} needs an open position, and there is none"
    return _ignored(intent, Problem("not_in_position", detail))


def _ignored(intent: Intent, reason: Problem) -> Intent:
    return replace(intent, action=Action.IGNORE, is_bare=False, reason=reason)


_RULES: Final[Mapping[Action, Callable[[Intent, PositionSide | None, Rules], Intent]]] = {
    Action.OPEN: _open,
    Action.ADD: _add,
    Action.CLOSE: _exit,
    Action.REDUCE: _exit,
    Action.FLIP: _flip,
    Action.TARGET: _target,
}
