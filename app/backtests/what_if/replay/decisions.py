"""Whether a replay lets through what an alarm asks for: what was decided stands, unless changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.backtests.what_if.past import Fate, Key, PastAlarm, PastSignal, PastStrategy
from app.backtests.what_if.scenario import APPROVABLE, Scenario
from app.strategies.words import Approval

# The book was gone then; in a replay it may be there.
BOOK_WAS_GONE: Final = frozenset({"nothing_to_close", "position_not_open", "more_than_held"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a replay does with one thing that an alarm asks for.

    Attributes:
        fate: of it in reality, as is `code`.
        at: when it is carried out; no earlier than its receipt.
        is_taken: whether it is carried out, if the rules let it.
        is_auto: whether nobody looked at it.
        is_as_then: whether it was carried out in reality at that very moment, so that what the
            server saw then counts.
        signal: the real one; None where it never came up.
    """

    fate: Fate
    code: str
    at: datetime
    is_taken: bool
    is_auto: bool = False
    is_as_then: bool = False
    signal: PastSignal | None = None


def signal_for(
    alarm: PastAlarm, symbol: str, *, opens: bool, taken: Sequence[Key]
) -> PastSignal | None:
    """The real signal of the same kind on that symbol; each counts for one."""
    return next(
        (
            one
            for one in alarm.signals
            if (one.symbol, one.opens) == (symbol, opens) and one.key not in taken
        ),
        None,
    )


def decide_entry(
    alarm: PastAlarm, signal: PastSignal | None, strategy: PastStrategy, scenario: Scenario
) -> Decision:
    """What becomes of an entry."""
    real = _as_it_was(alarm, signal)
    approves = scenario.approves_all or alarm.id in scenario.approve
    is_auto = strategy.approval is Approval.AUTO if signal is None else signal.is_auto
    if alarm.id in scenario.reject:
        return replace(real, fate=Fate.REJECTED, code=Fate.REJECTED.value, is_taken=False)
    if real.fate is Fate.UNDECIDED:
        return replace(real, is_taken=is_auto or approves, is_auto=is_auto)
    if real.is_as_then:
        return real
    is_approved = approves and real.fate in APPROVABLE
    is_taken = is_approved or real.code in scenario.codes()
    return replace(real, is_taken=is_taken, is_auto=is_auto and not is_approved)


def decide_exit(
    alarm: PastAlarm, signal: PastSignal | None, strategy: PastStrategy, scenario: Scenario
) -> Decision:
    """What becomes of an exit; it waits for nobody, unless the strategy asks (TRADING 4)."""
    real = _as_it_was(alarm, signal)
    approves = scenario.approves_all or alarm.id in scenario.approve
    if real.fate is Fate.UNDECIDED:
        return replace(real, is_taken=approves or strategy.approve_exits is Approval.AUTO)
    if real.is_as_then:
        return real
    is_approved = approves and real.fate in APPROVABLE
    is_taken = is_approved or real.code in BOOK_WAS_GONE | scenario.codes()
    return replace(real, is_taken=is_taken)


def _as_it_was(alarm: PastAlarm, signal: PastSignal | None) -> Decision:
    """What was decided in reality; nothing, where it came up for another book only."""
    at = alarm.received_at
    if signal is not None and signal.fate is Fate.TAKEN:
        then = max(at, signal.sent_at or signal.decided_at or at)
        return Decision(
            Fate.TAKEN,
            Fate.TAKEN.value,
            then,
            is_taken=True,
            is_auto=signal.is_auto,
            is_as_then=True,
            signal=signal,
        )
    if signal is not None:
        return Decision(signal.fate, signal.code, at, is_taken=False, signal=signal)
    if alarm.fate in {Fate.STALE, Fate.REFUSED, Fate.WAITING}:
        return Decision(alarm.fate, alarm.code, at, is_taken=False)
    return Decision(Fate.UNDECIDED, Fate.UNDECIDED.value, at, is_taken=False)
