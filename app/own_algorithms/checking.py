"""What an algorithm of one's own may answer: checked beside it, before anybody believes it."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from app.algorithms.algorithm import Algorithm
from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent, Move
from app.trading.words import PositionSide

MOST_INTENTS: Final = 10
MOST_LINES: Final = 20
MOST_NAME: Final = 40
MOST_REASON: Final = 300
AMOUNTS: Final = ("quantity", "limit_price", "stop_loss", "take_profit")


class Decision(NamedTuple):
    """What an algorithm said at the close of a candle, and what it knows by then."""

    intents: tuple[Intent, ...]
    lines: dict[str, float | None]
    outlook: PositionSide | None


def decided(algorithm: Algorithm, bar: Bar, account: Account) -> Decision:
    """Feed it a base candle.

    Raises:
        TypeError: it said something else than intents, lines and a side.
        ValueError: an intent or a line cannot be; an amount that is a float, above all.
        Exception: whatever it raises.
    """
    intents = checked(algorithm.on_close(bar, account), bar)
    outlook: Any = algorithm.outlook
    if outlook is not None and not isinstance(outlook, PositionSide):
        raise TypeError(f"the outlook is a PositionSide or None, not {outlook!r}")
    return Decision(intents, _lines(algorithm.lines), outlook)


def checked(said: Iterable[Intent], bar: Bar) -> tuple[Intent, ...]:
    """The intents of a close, each of which can be.

    Raises:
        TypeError: there is something else among them.
        ValueError: one cannot be, or there are too many.
    """
    intents = tuple(said)
    if len(intents) > MOST_INTENTS:
        raise ValueError(f"{len(intents)} intents at one close")
    for intent in intents:
        _check(intent, bar)
    return intents


def _check(intent: Any, bar: Bar) -> None:
    kind = type(intent)
    if kind is not Intent:
        raise TypeError(f"on_close answers with intents, not with {kind.__name__}")
    if not isinstance(intent.move, Move) or not isinstance(intent.position_side, PositionSide):
        raise TypeError("an intent has a Move and a PositionSide")
    if type(intent.decided_at) is not datetime or intent.decided_at != bar.closed_at:
        raise ValueError("an intent is decided at the close of its candle: bar.closed_at")
    if type(intent.reason) is not str or not 0 < len(intent.reason) <= MOST_REASON:
        raise ValueError(f"a reason is a sentence of {MOST_REASON} characters at most")
    for name in AMOUNTS:
        amount = getattr(intent, name)
        is_amount = type(amount) is Decimal and amount.is_finite() and amount > 0
        if amount is not None and not is_amount:
            raise ValueError(f"{name} is a Decimal above 0, not {amount!r}: see exact()")


def _lines(lines: Mapping[str, float | None]) -> dict[str, float | None]:
    """The values as plain floats, also where they come from arrays; nothing for infinities."""
    if len(lines) > MOST_LINES or not _are_names(lines):
        raise ValueError(f"lines are {MOST_LINES} at most, by names of {MOST_NAME} letters")
    shown = {name: None if value is None else float(value) for name, value in lines.items()}
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in shown.items()
    }


def _are_names(names: Iterable[object]) -> bool:
    return all(type(name) is str and 0 < len(name) <= MOST_NAME for name in names)
