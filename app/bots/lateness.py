"""What is still done about a wish whose candle closed while nobody listened (TRADING 4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Self

from app.algorithms.intents import Intent, Move
from app.core.clock import iso
from app.core.decimals import plain
from app.trading.words import PositionSide


@dataclass(frozen=True, slots=True)
class Patience:
    """How old a wish may be to be sent as it is: the strategy's limits for alerts."""

    entries: timedelta
    exits: timedelta

    @property
    def longest(self) -> timedelta:
        """What is older is sent by nobody."""
        return max(self.entries, self.exits)


@dataclass(frozen=True, slots=True)
class Owed:
    """An exit that came too late to be sent as it was, and is not lost for that."""

    intent: Intent

    def as_json(self) -> dict[str, Any]:
        """As its column keeps it."""
        intent = self.intent
        return {
            "position_side": intent.position_side.value,
            "reason": intent.reason,
            "decided_at": iso(intent.decided_at),
            "quantity": _text(intent.quantity),
            "limit_price": _text(intent.limit_price),
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any] | None) -> Self | None:
        """From its column."""
        if kept is None:
            return None
        return cls(
            Intent(
                Move.EXIT,
                PositionSide(kept["position_side"]),
                kept["reason"],
                datetime.fromisoformat(kept["decided_at"]),
                quantity=_number(kept["quantity"]),
                limit_price=_number(kept["limit_price"]),
            )
        )


@dataclass(slots=True)
class Sorted:
    """The wishes of some closes: what is sent, and what came too late.

    Attributes:
        send: of the last close, in their order.
        owed: the exit that is still to be dealt with.
        missed: entries that nobody sends any more.
    """

    send: list[Intent] = field(default_factory=list)
    owed: Owed | None = None
    missed: list[Intent] = field(default_factory=list)

    def take(self, intents: Iterable[Intent], *, age: timedelta, patience: Patience) -> None:
        """Sort the wishes of the next close.

        Args:
            intents: what the algorithm wants.
            age: of that close.
            patience: how old it may be.
        """
        self.send = []
        for intent in intents:
            if intent.move is Move.ENTER:
                (self.send if age <= patience.entries else self.missed).append(intent)
            elif age <= patience.exits:
                self.send.append(intent)
                self.owed = None
            elif self._counts(intent):
                self.owed = Owed(intent)

    def _counts(self, intent: Intent) -> bool:
        """The newest exit counts, but a limit is no substitute for leaving at market."""
        before = None if self.owed is None else self.owed.intent
        if before is None or before.position_side is not intent.position_side:
            return True
        return before.limit_price is not None or intent.limit_price is None


class Verdict(Enum):
    """What becomes of an owed exit once the bot has caught up.

    Attributes:
        SEND: it is sent now.
        KEEP: the algorithm speaks for that side again; its trader is told.
        DROP: nothing of that side is held any more, or it was bought after the exit.
    """

    SEND = auto()
    KEEP = auto()
    DROP = auto()


def verdict(
    owed: Owed,
    *,
    held: PositionSide | None,
    entered_at: datetime | None,
    outlook: PositionSide | None,
) -> Verdict:
    """What is done about an exit that was missed, by how things stand at the newest close.

    Args:
        owed: the exit.
        held: what the strategy holds of the symbol; None when flat.
        entered_at: when that was last asked for, or else opened.
        outlook: the side that the algorithm speaks for by now.
    """
    intent = owed.intent
    if held is not intent.position_side:
        return Verdict.DROP
    if entered_at is not None and intent.decided_at <= entered_at:
        return Verdict.DROP
    # A resting sell is where the algorithm wants out of what it still speaks for.
    if intent.limit_price is None and outlook is held:
        return Verdict.KEEP
    return Verdict.SEND


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
