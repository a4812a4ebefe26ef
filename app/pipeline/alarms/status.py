"""Where an alarm is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class AlarmStatus(Word):
    """What became of something that arrived; all but `RECEIVED` are final and carry a reason.

    A duplicate makes no alarm: the first one's `deliveries` grows.
    """

    RECEIVED = "received"
    ACCEPTED = "accepted"
    STALE = "stale"
    IGNORED = "ignored"
    REFUSED = "refused"


ALARM_MOVES: Final[Transitions[AlarmStatus]] = {
    AlarmStatus.RECEIVED: frozenset(
        {AlarmStatus.ACCEPTED, AlarmStatus.STALE, AlarmStatus.IGNORED, AlarmStatus.REFUSED}
    ),
    AlarmStatus.ACCEPTED: frozenset(),
    AlarmStatus.STALE: frozenset(),
    AlarmStatus.IGNORED: frozenset(),
    AlarmStatus.REFUSED: frozenset(),
}


class GapStatus(Word):
    """What became of alerts that never arrived.

    Attributes:
        OPEN: nobody has decided it.
        REPAIRING: the text of a missed alert was given and is not decided yet.
        ADOPTED: the book was brought to TradingView's position.
        REPAIRED: a missed alert was carried out from its text.
        IGNORED: the trader leaves it as it is.
        ARRIVED_LATE: the missed alerts came after all.
        ENDED: a silence that is over.
    """

    OPEN = "open"
    REPAIRING = "repairing"
    ADOPTED = "adopted"
    REPAIRED = "repaired"
    IGNORED = "ignored"
    ARRIVED_LATE = "arrived_late"
    ENDED = "ended"


GAP_MOVES: Final[Transitions[GapStatus]] = {
    GapStatus.OPEN: frozenset(
        {
            GapStatus.REPAIRING,
            GapStatus.ADOPTED,
            GapStatus.IGNORED,
            GapStatus.ARRIVED_LATE,
            GapStatus.ENDED,
        }
    ),
    # What could not be carried out leaves the gap as open as it was.
    GapStatus.REPAIRING: frozenset({GapStatus.OPEN, GapStatus.REPAIRED}),
    GapStatus.ADOPTED: frozenset(),
    GapStatus.REPAIRED: frozenset(),
    GapStatus.IGNORED: frozenset(),
    GapStatus.ARRIVED_LATE: frozenset(),
    GapStatus.ENDED: frozenset(),
}


class GapKind(Word):
    """How it was noticed: the chain of positions broke, or no heartbeat came."""

    CHAIN = "chain"
    SILENCE = "silence"
