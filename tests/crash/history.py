"""What the driver did and saw: deliveries, commands, starts and kills, on the machine's clock."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

SECOND = 1_000_000_000


def now_ns() -> int:
    """The machine's monotonic clock: the same in every process of it."""
    return time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an alert; `status` 0 when the connection broke or nobody answered."""

    strategy: str
    body: str
    began: int
    ended: int
    status: int
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def is_taken(self) -> bool:
        """Whether the sender was told that it is kept."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Command:
    """One order of the trader over HTTP: approve, reject, close, levels, cancel."""

    kind: str
    subject_id: str
    at: int
    status: int


@dataclass(frozen=True, slots=True)
class Kill:
    """An end; `point` is a name, `random`, or what was aimed at and not come past."""

    at: int
    how: str
    point: str
    is_hit: bool


@dataclass(slots=True)
class Start:
    """A start: when it began, when the port opened, when it was ready, recovered, settled.

    Attributes:
        recovered: since when nothing was left to do but to wait for the proof that an order was
            not accepted: ten seconds are the least that gives one, so no speed of ours is in it.
        proving: when last there was only a proof to wait for.
        caught_up: since when what follows from that proof was done.
        settled: since when there was nothing at all, not even a proof.
        waited_for: what was left to do last of all, in words without ids.
    """

    began: int
    failpoint: str = ""
    opened: int = 0
    ready: int = 0
    recovered: int = 0
    proving: int = 0
    caught_up: int = 0
    settled: int = 0
    waited_for: str = ""

    def note(self, now: int, known: Sequence[str], unknown: Sequence[str]) -> None:
        """Take in one look at what it has to do; looks come in the order of time.

        Args:
            now: when it was.
            known: what could be done now.
            unknown: orders whose fate has to be proven first.
        """
        if known:
            self.waited_for = "; ".join(sorted({_wordily(one) for one in (*known, *unknown)}))
            if self.proving:
                self.caught_up = 0
            else:
                self.recovered = 0
            return
        self.recovered = self.recovered or now
        if unknown:
            self.proving, self.caught_up = now, 0
        elif self.proving:
            self.caught_up = self.caught_up or now


@dataclass(slots=True)
class History:
    """One run against one venue.

    Attributes:
        epoch_offset: nanoseconds since 1970 minus the monotonic clock.
    """

    seed: int
    epoch_offset: int = field(default_factory=lambda: time.time_ns() - time.monotonic_ns())
    deliveries: list[Delivery] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def ns_of(self, moment: datetime) -> int:
        """A moment of the database on the machine's monotonic clock."""
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return micros * 1_000 - self.epoch_offset

    def downtimes(self) -> list[tuple[int, int]]:
        """From each end to the next open port; to the end of time where none followed."""
        opened = sorted(one.opened for one in self.starts if one.opened)
        return [
            (kill.at, next((at for at in opened if at > kill.at), 1 << 62)) for kill in self.kills
        ]

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def _wordily(left: str) -> str:
    """A sentence without the ids in it."""
    return " ".join(word for word in left.split() if not any(one.isdigit() for one in word))
