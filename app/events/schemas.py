"""What a stream says beside the rows themselves."""

from app.events.listener import Why
from app.http.schemas import Moment, Out


class ResetOut(Out):
    """Load everything anew, for what has changed by now will not be told."""

    reason: Why


class GoneOut(Out):
    """A row was deleted."""

    kind: str
    id: str


class BeatOut(Out):
    """All is well: what was committed by about then has been told."""

    at: Moment
