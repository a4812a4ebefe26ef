"""Where a signal is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class SignalStatus(Word):
    """How far an intention has come.

    Attributes:
        PENDING: waits for a person or a rule to decide.
        APPROVED: decided; auto-approval passes through it too.
        EXECUTING: an order intent exists.
        EXECUTED: something was filled.
        REJECTED: the trader said no.
        DENIED: our risk rules said no; nothing was sent.
        EXPIRED: its time ran out; nothing was sent.
        SUPERSEDED: a newer signal took its place.
        FAILED: the venue refused it, or it died without a fill.
    """

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    EXECUTED = "executed"
    REJECTED = "rejected"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FAILED = "failed"


SIGNAL_MOVES: Final[Transitions[SignalStatus]] = {
    SignalStatus.PENDING: frozenset(
        {
            SignalStatus.APPROVED,
            SignalStatus.REJECTED,
            SignalStatus.EXPIRED,
            SignalStatus.SUPERSEDED,
        }
    ),
    SignalStatus.APPROVED: frozenset(
        {
            SignalStatus.EXECUTING,
            SignalStatus.EXPIRED,
            SignalStatus.SUPERSEDED,
            SignalStatus.DENIED,
        }
    ),
    SignalStatus.EXECUTING: frozenset(
        {
            SignalStatus.EXECUTED,
            SignalStatus.DENIED,
            SignalStatus.EXPIRED,
            SignalStatus.FAILED,
        }
    ),
    SignalStatus.EXECUTED: frozenset(),
    SignalStatus.REJECTED: frozenset(),
    SignalStatus.DENIED: frozenset(),
    SignalStatus.EXPIRED: frozenset(),
    SignalStatus.SUPERSEDED: frozenset(),
    SignalStatus.FAILED: frozenset(),
}
