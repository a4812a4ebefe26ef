"""What one check saw, and what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias
from uuid import UUID

from app.core.words import Word


class Verdict(Word):
    """How a check ended.

    Attributes:
        NOT_CHECKED: nobody knows, and so it is not fine: a venue did not answer.
        LEFT_OUT: there is nothing to compare it with, and there never will be.
    """

    OK = "ok"
    LEFT_OUT = "left_out"
    BROKEN = "broken"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class CancelAtVenue:
    """Cancel an order of ours that has no business at the venue any more."""

    account_id: UUID
    account: str
    symbol: str
    client_order_id: str
    is_conditional: bool

    @property
    def proposal(self) -> str:
        """One sentence."""
        return f"Cancel order {self.client_order_id} ({self.symbol}) at the venue of {self.account}"


@dataclass(frozen=True, slots=True)
class RecomputeDay:
    """Write one day of a trader anew from its bookings and trades."""

    user_id: UUID
    day: date
    currency: str
    is_paper: bool

    @property
    def proposal(self) -> str:
        """One sentence."""
        scope = "paper" if self.is_paper else "live"
        return f"Recompute {self.day}, {self.currency}, {scope}, from its bookings and trades"


Repair: TypeAlias = CancelAtVenue | RecomputeDay


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be.

    Attributes:
        where: what it is about, so that it can be found again.
        what: what is wrong, in a few words.
        expected: what should be there.
        found: what is there.
        todo: what to do about it, a sentence.
        subject_id: the row it is about: notices about it are shown; empty when there is none.
        repair: what `--repair` would do; None when nothing is safe.
        notices: what was said about the subject already.
    """

    where: str
    what: str
    expected: str
    found: str
    todo: str
    subject_id: str = ""
    repair: Repair | None = None
    notices: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it, for a person."""
        return (
            f"{self.where}: {self.what}: expected {self.expected}, found {self.found}. {self.todo}"
        )

    @property
    def key(self) -> tuple[str, str]:
        """The same in two looks, when only the figures moved."""
        return self.where, self.what

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "where": self.where,
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
            "todo": self.todo,
            "repair": self.repair.proposal if self.repair else None,
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Attributes:
        name: what must hold, as a trader would say it.
        looked_at: how many things were compared.
        differences: each thing that is not as it should be; none is good.
        not_checked: why it could not be seen; empty when it was.
        left_out: why it cannot be told from outside; empty when it can.
    """

    name: str
    looked_at: int
    differences: tuple[Difference, ...] = ()
    not_checked: str = ""
    left_out: str = ""

    @property
    def verdict(self) -> Verdict:
        """A difference says more than what could not be seen."""
        if self.differences:
            return Verdict.BROKEN
        if self.not_checked:
            return Verdict.NOT_CHECKED
        return Verdict.LEFT_OUT if self.left_out else Verdict.OK

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each difference."""
        return tuple(one.sentence for one in self.differences)

    def confirmed_by(self, second: "Finding") -> "Finding":
        """What both looks saw: while a server works, a first look may see half of a step."""
        seen = {one.key for one in second.differences}
        return replace(self, differences=tuple(one for one in self.differences if one.key in seen))

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "name": self.name,
            "status": self.verdict.value,
            "looked_at": self.looked_at,
            "problems": list(self.problems),
            "differences": [one.as_json() for one in self.differences],
            "not_checked": self.not_checked or None,
            "left_out": self.left_out or None,
        }


def overall(findings: Sequence[Finding]) -> Verdict:
    """Broken when anything is; else not checked when anything was not."""
    verdicts = {one.verdict for one in findings}
    for verdict in (Verdict.BROKEN, Verdict.NOT_CHECKED):
        if verdict in verdicts:
            return verdict
    return Verdict.OK
