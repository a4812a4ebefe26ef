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
