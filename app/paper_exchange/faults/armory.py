"""What is armed, and the one question everybody asks: does a fault bite here?"""

import time
from collections.abc import Callable, Container, Iterator

from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.faults.fault import Fault
from app.paper_exchange.faults.routes import Facts


class Armory:
    """The armed faults, oldest first; forgotten when the process ends.

    Args:
        journal: gives the venue's open journal: every bite is a fact of the step it bites in.

    Attributes:
        on_end: called with a fault that was cleared, ran out or was used up.
    """

    def __init__(self, journal: Callable[[], Journal]) -> None:
        self._journal = journal
        self._faults: dict[int, Fault] = {}
        self._last = 0
        self.on_end: Callable[[Fault], None] = _nobody

    @property
    def is_armed(self) -> bool:
        """Whether anything is; the one check that costs a request time when nothing is."""
        return bool(self._faults)

    def next_id(self) -> int:
        """A number no fault has had."""
        self._last += 1
        return self._last

    def arm(self, fault: Fault) -> None:
        """Let a fault bite from now on."""
        self._faults[fault.id] = fault

    def armed(self) -> list[Fault]:
        """Those that can still bite."""
        self.expire()
        return list(self._faults.values())

    def standing(self, verbs: Container[str]) -> Iterator[Fault]:
        """Those of some verbs, without a bite being counted."""
        return (fault for fault in self.armed() if fault.verb in verbs)

    def bite(self, verbs: Container[str], facts: Facts) -> Fault | None:
        """The oldest fault of these verbs that bites on this occasion."""
        for fault in self.armed():
            if fault.verb in verbs and fault.matches(facts) and fault.bite():
                self._note(fault, facts)
                return fault
        return None

    def bites(self, verbs: Container[str], facts: Facts) -> list[Fault]:
        """Every fault of these verbs that bites on this occasion, oldest first."""
        found = [f for f in self.armed() if f.verb in verbs and f.matches(facts) and f.bite()]
        for fault in found:
            self._note(fault, facts)
        return found

    def clear(self, number: int | None = None) -> list[int]:
        """Disarm one fault, or all of them.

        Returns:
            The numbers of those that were armed.
        """
        gone = [each for each in self._faults if number in {None, each}]
        for each in gone:
            self._end(self._faults[each], "cleared")
        return gone

    def expire(self) -> None:
        """Disarm what has run out."""
        if not self._faults:
            return
        now = time.monotonic()
        for fault in list(self._faults.values()):
            if fault.ends_at is not None and now >= fault.ends_at:
                self._end(fault, "expired")

    def _note(self, fault: Fault, facts: Facts) -> None:
        self._journal().event(
            "fault_bit",
            fault_id=fault.id,
            verb=fault.verb,
            bite=fault.bites,
            route=facts.route,
            market=None if facts.market is None else facts.market.value,
            symbol=facts.symbol,
            client_ids=list(facts.client_ids),
            account_id=facts.account_id,
        )
        if fault.left == 0:
            self._end(fault, "used_up")

    def _end(self, fault: Fault, why: str) -> None:
        self._faults.pop(fault.id, None)
        self._journal().event("fault_ended", fault_id=fault.id, verb=fault.verb, why=why)
        self.on_end(fault)


def _nobody(_fault: Fault) -> None:
    return None
