"""The named crash points, as data: between a webhook and a closed book."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reach(StrEnum):
    """How a point is reached.

    Attributes:
        CODE: `failpoint("Cnn")` stands there in `app/`.
        VENUE: the venue holds its reply, or fills a part, and the process is killed meanwhile.
        DRAIN: SIGTERM, and SIGKILL while it drains.
        ABSENT: what it speaks of is not built yet.
    """

    CODE = "code"
    VENUE = "venue"
    DRAIN = "drain"
    ABSENT = "absent"


class Story(StrEnum):
    """What has to happen for a process to come past a point."""

    ALERT = "alert"
    SECRET = "secret"
    APPROVE = "approve"
    ENTRY = "entry"
    TRIGGER = "trigger"
    EXIT = "exit"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Point:
    """One of the forty.

    Attributes:
        verb: the fault that holds the venue still, for those that the venue reaches.
    """

    name: str
    says: str
    story: Story
    reach: Reach = Reach.CODE
    verb: str = ""


_A, _S, _P, _E, _T, _X, _C = (
    Story.ALERT,
    Story.SECRET,
    Story.APPROVE,
    Story.ENTRY,
    Story.TRIGGER,
    Story.EXIT,
    Story.CANCEL,
)

POINTS: Final = (
    Point("C01", "An alert is accepted, its body is not read.", _A),
    Point("C02", "The body is read, nobody knows yet whose it is.", _S),
    Point("C03", "It is known whose it is, nothing is written.", _A),
    Point("C04", "The alarm is inserted, not committed.", _A),
    Point("C05", "The alarm is committed, nobody was answered.", _A),
    Point("C06", "Its note is heard, the step it asks for is not in its lane.", _A),
    Point("C07", "An undecided alarm is loaded, there is no signal.", _A),
    Point("C08", "The signal is made, not committed.", _A),
    Point("C09", "The signal is committed, nobody was told.", _A),
    Point("C10", "A decision arrives, nothing is changed.", _P),
    Point("C11", "The decision is won, not committed.", _P),
    Point("C12", "A decision or command is committed, nobody was answered.", _P),
    Point("C13", "A signal is approved, nothing is judged.", _E),
    Point("C14", "It is judged and sized, the intent is not written.", _E),
    Point("C15", "The intent and its client id are committed, nothing is sent.", _E),
    Point("C16", "Leverage and margin mode are set, the order is not sent.", _E),
    Point("C17", "The order is marked as submitted, nothing is sent.", _E),
    Point(
        "C18",
        "The request is at the venue, which never executes it.",
        _E,
        Reach.VENUE,
        "hang_before_accept",
    ),
    Point(
        "C19",
        "The venue has accepted an entry, its reply is not there.",
        _E,
        Reach.VENUE,
        "hang_after_accept",
    ),
    Point("C20", "The reply is there, not read.", _E),
    Point("C21", "The reply is read, not recorded.", _E),
    Point("C22", "The order is known to be filled, its executions are not asked for.", _E),
    Point("C23", "The executions are here, nothing is booked.", _E),
    Point("C24", "They are booked, not committed.", _E),
    Point("C25", "Fill and position are committed, nothing in memory knows.", _E),
    Point("C26", "A position is open, no stop or target is intended.", _E),
    Point("C27", "Stop and target are intended and committed, nothing is sent.", _E),
    Point("C28", "The stop is accepted, not recorded.", _E),
    Point("C29", "The stop is recorded, the target is not placed.", _E),
    Point("C30", "A level is reached, no exit is intended.", _T),
    Point("C31", "An exit is intended and committed, nothing is sent.", _X),
    Point("C32", "An order is cancelled at the venue, not recorded.", _C),
    Point("C33", "The stop is cancelled, the exit is not sent.", _X),
    Point(
        "C34",
        "The venue has accepted an exit, its reply is not there.",
        _X,
        Reach.VENUE,
        "hang_after_accept",
    ),
    Point("C35", "An exit is filled in part.", _X, Reach.VENUE, "partial_fill"),
    Point(
        "C36",
        "The closing fill is booked, the trade is not; one transaction, so neither stays.",
        _X,
    ),
    Point("C37", "The trade is committed, a stop of it is still alive.", _X),
    Point("C38", "A booking is added, its day is not; one transaction, so neither stays.", _X),
    Point(
        "C39",
        "The lease ran out in the middle of an exit. One worker, no leases: not built.",
        _X,
        Reach.ABSENT,
    ),
    Point("C40", "SIGTERM, and SIGKILL while it drains.", _E, Reach.DRAIN),
)
BY_NAME: Final = {point.name: point for point in POINTS}
IN_CODE: Final = tuple(point.name for point in POINTS if point.reach is Reach.CODE)
TRIED: Final = tuple(point.name for point in POINTS if point.reach is not Reach.ABSENT)
NOT_BUILT: Final = tuple(point.name for point in POINTS if point.reach is Reach.ABSENT)
