"""Where a position is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class PositionStatus(Word):
    """Stage of a holding's life; `CLOSED` is final and carries a `CloseReason`."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


# `CLOSING` goes back to `OPEN` when the exit order dies before the position is flat.
POSITION_MOVES: Final[Transitions[PositionStatus]] = {
    PositionStatus.OPENING: frozenset({PositionStatus.OPEN}),
    PositionStatus.OPEN: frozenset({PositionStatus.CLOSING}),
    PositionStatus.CLOSING: frozenset({PositionStatus.CLOSED, PositionStatus.OPEN}),
    PositionStatus.CLOSED: frozenset(),
}
