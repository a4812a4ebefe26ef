"""Statuses move by the tables, a signal is decided once and in time (I4, I6, I7)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from tests.crash.checker.evidence import Evidence, Violation
from tests.crash.facts import Audit, Order, Signal
from tests.crash.history import SECOND

# The tables of the design, written down a second time on purpose.
MOVES: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "alarm": {"received": {"accepted", "stale", "ignored", "refused"}},
    "signal": {
        "pending": {"approved", "rejected", "expired", "superseded"},
        "approved": {"executing", "expired", "superseded", "denied"},
        "executing": {"executed", "denied", "expired", "failed"},
    },
    "order": {
        "created": {"submitted", "denied"},
        "submitted": {
            "open", "partially_filled", "filled", "canceled", "rejected", "expired", "unknown",
        },
        "unknown": {"open", "partially_filled", "filled", "canceled", "rejected", "expired"},
        "open": {"partially_filled", "filled", "canceled", "rejected", "expired"},
        "partially_filled": {"open", "filled", "canceled", "rejected", "expired"},
    },
    "position": {"opening": {"open"}, "open": {"closing"}, "closing": {"closed", "open"}},
}  # fmt: skip
# What the audit calls a status.
SAID: Final[Mapping[str, Mapping[str, str]]] = {
    "signal": {"created": "pending"},
    "order": {},
    "position": {},
}
NO_STATUS: Final = {"cancel_requested", "levels_changed", "exit_died", "opened"}
CANCEL_SECONDS: Final = 2
# From the last look at the clock, which is committed before anything is sent, to the venue.
ON_ITS_WAY_SECONDS: Final = 1


def moves_are_allowed(evidence: Evidence) -> Iterator[Violation]:
    """I4: only documented moves, final ones absorb, and time does not run backwards."""
    for kind, rows in _trails(evidence).items():
        for subject, entries in rows.items():
            yield from _trail(kind, subject, entries)
    for name, kind in (
        ("alarms", "alarm"),
        ("signals", "signal"),
        ("orders", "order"),
        ("positions", "position"),
    ):
        if evidence.previous is not None:
            before, now = getattr(evidence.previous, name), getattr(evidence.rows, name)
            yield from _since_last(kind, before, {one.id: one for one in now})


def _since_last(kind: str, rows: Iterable[Any], now: Mapping[str, Any]) -> Iterator[Violation]:
    """What became of the rows of the last check."""
    for before in rows:
        after = now.get(before.id)
        if after is None:
            yield Violation("I4", before.id, f"the {kind} is gone")
        elif not _reaches(kind, before.status, after.status):
            yield Violation("I4", before.id, f"{kind} went {before.status} → {after.status}")
        elif kind != "alarm" and after.updated_at < before.updated_at:
            yield Violation("I4", before.id, f"{kind} is older than it was")


def decided_once(evidence: Evidence) -> Iterator[Violation]:
    """I6: at most one decision a signal; each opening order has one, each other one a cause."""
    decisions = defaultdict(list)
    for entry in evidence.rows.audit:
        if entry.action in {"signal.approved", "signal.rejected"}:
            decisions[entry.subject_id].append(entry)
    for subject, entries in decisions.items():
        if len(entries) > 1:
            yield Violation("I6", subject, f"decided {len(entries)} times")
    signals = {one.id: one for one in evidence.rows.signals}
    causes = {
        one.subject_id: one.actor for one in evidence.rows.audit if one.action == "order.created"
    }
    for order in evidence.rows.orders:
        if order.is_entry:
            yield from _opening_is_decided(order, signals, decisions)
        elif order.origin == "ours" and not (causes.get(order.id) and order.close_reason):
            yield Violation("I6", order.client_order_id, "reduces, and names no cause")


def openings_are_timely(evidence: Evidence) -> Iterator[Violation]:
    """I7: nothing opens for a signal that is over or drifted; a rest is cancelled at its expiry."""
    signals = {one.id: one for one in evidence.rows.signals}
    strategies = {one.id: one for one in evidence.rows.strategies}
    sent = _sent(evidence)
    for order in evidence.rows.orders:
        signal = signals.get(order.signal_id or "")
        if not order.is_entry or signal is None or order.client_order_id not in sent:
            continue
        expiry = evidence.history.ns_of(signal.expires_at)
        is_late = order.submitted_at is not None and order.submitted_at > signal.expires_at
        if is_late or sent[order.client_order_id] > expiry + ON_ITS_WAY_SECONDS * SECOND:
            yield Violation("I7", order.client_order_id, "was sent after its signal expired")
        if signal.status in {"rejected", "superseded", "denied"}:
            text = f"was sent for a signal that is {signal.status}"
            yield Violation("I7", order.client_order_id, text)
        most = strategies[order.strategy_id].max_price_drift_percent
        if most is not None and signal.reference_price:
            drift = abs(order.reference_price - signal.reference_price) / signal.reference_price
            if drift * 100 > most:
                yield Violation("I7", order.client_order_id, f"drifted by {drift * 100:.3f} %")
        yield from _rest_ends(evidence, order)


def _rest_ends(evidence: Evidence, order: Order) -> Iterator[Violation]:
    """A resting entry has a cancel request two seconds after its expiry, if the server ran."""
    if order.expires_at is None or order.status not in {"open", "partially_filled"}:
        return
    expiry = evidence.history.ns_of(order.expires_at)
    opened = max((one.opened for one in evidence.history.starts), default=0)
    # One sweep every two seconds finds it.
    late = max(expiry, opened) + (CANCEL_SECONDS + 2) * SECOND
    if order.cancel_requested_at is None and evidence.until > late:
        yield Violation("I7", order.client_order_id, "rests beyond its expiry")


def _opening_is_decided(
    order: Order, signals: Mapping[str, Signal], decisions: Mapping[str, list[Audit]]
) -> Iterator[Violation]:
    signal = signals.get(order.signal_id or "")
    if signal is None:
        yield Violation("I6", order.client_order_id, "opens without a signal")
        return
    actions = [one.action for one in decisions.get(signal.id, [])]
    if actions != ["signal.approved"] or not signal.decided_by:
        yield Violation("I6", order.client_order_id, f"opens, and its signal saw {actions}")


def _sent(evidence: Evidence) -> dict[str, int]:
    """When each client id was first at the venue."""
    found: dict[str, int] = {}
    for request in evidence.ledger.requests:
        if request.creates:
            for name in request.client_ids:
                found.setdefault(name, request.at)
    return found


def _trails(evidence: Evidence) -> dict[str, dict[str, list[Audit]]]:
    found: dict[str, dict[str, list[Audit]]] = {kind: defaultdict(list) for kind in SAID}
    for entry in evidence.rows.audit:
        if entry.subject_kind in found:
            found[entry.subject_kind][entry.subject_id].append(entry)
    return found


def _trail(kind: str, subject: str, entries: list[Audit]) -> Iterator[Violation]:
    status: str | None = None
    last = entries[0].at
    for entry in entries:
        if entry.at < last - timedelta(milliseconds=1):
            yield Violation("I4", subject, f"{entry.action} is older than what came before it")
        last = max(last, entry.at)
        word = entry.action.partition(".")[2]
        said = SAID[kind].get(word, word)
        if word in NO_STATUS or said not in _words(kind):
            continue
        if status is not None and said != status and not _reaches(kind, status, said):
            yield Violation("I4", subject, f"the audit has {kind} {status} → {said}")
        status = said


def _words(kind: str) -> set[str]:
    return set(MOVES[kind]) | set().union(*MOVES[kind].values())


def _reaches(kind: str, before: str, after: str) -> bool:
    """Whether some sequence of allowed moves leads there: not each of them is written down."""
    seen, todo = {before}, [before]
    while todo:
        for following in MOVES[kind].get(todo.pop(), set()):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return after in seen
