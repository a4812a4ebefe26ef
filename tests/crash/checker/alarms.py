"""What was delivered is kept once, and ends with a reason (I1, I3, I5)."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.crash.checker.evidence import Evidence, Violation
from tests.crash.history import Delivery

# A flip is two signals; an alert of these stories never asks for more.
MOST_SIGNALS = 2


def acked_alarms_exist(evidence: Evidence) -> Iterator[Violation]:
    """I1: a delivery that was answered 2xx has exactly one row with the same bytes."""
    stored = Counter(one.body for one in evidence.rows.alarms)
    for body, attempts in _by_body(evidence).items():
        if not any(one.is_taken for one in attempts):
            continue
        count = stored[body.encode()]
        if count != 1:
            yield Violation("I1", body, f"answered 2xx, stored {count} times")
    sent = _by_body(evidence)
    for raw in stored:
        if raw.decode() not in sent:
            yield Violation("I1", raw.decode(), "stored, and nobody sent it")


def one_signal_per_alert(evidence: Evidence) -> Iterator[Violation]:
    """I3: deliveries of one alert share a row and its signals; other alerts have their own."""
    by_body = defaultdict(list)
    for alarm in evidence.rows.alarms:
        by_body[alarm.body].append(alarm)
    sent = _by_body(evidence)
    for body, rows in by_body.items():
        text = body.decode()
        if len(rows) > 1:
            yield Violation("I3", text, f"{len(rows)} alarms of one alert")
        taken = [one for one in sent.get(text, []) if one.is_taken]
        told = {str(one.answer.get("alarm_id", "")).replace("-", "") for one in taken}
        if told - {one.id for one in rows}:
            yield Violation("I3", text, f"senders were told {sorted(told)}, it is {rows[0].id}")
        deliveries = sum(one.deliveries for one in rows)
        if not len(taken) <= deliveries <= len(sent.get(text, [])):
            yield Violation("I3", text, f"{deliveries} deliveries counted, {len(taken)} answered")
    parts = Counter((one.alarm_id, one.part) for one in evidence.rows.signals if one.alarm_id)
    for (alarm_id, part), count in parts.items():
        if count > 1 or part >= MOST_SIGNALS:
            yield Violation("I3", str(alarm_id), f"{count} signals as part {part}")


def no_limbo(evidence: Evidence) -> Iterator[Violation]:
    """I5: at rest every alarm was decided, and one without a signal says why."""
    if not evidence.is_quiet:
        return
    for alarm in evidence.rows.alarms:
        if alarm.status == "received":
            yield Violation("I5", alarm.id, "is not decided")
        elif alarm.signal_id is None and not alarm.reason:
            yield Violation("I5", alarm.id, f"is {alarm.status} without a signal and a reason")
    for signal in evidence.rows.signals:
        is_ended = signal.status in {"denied", "expired", "failed", "rejected", "superseded"}
        if is_ended and not signal.reason:
            yield Violation("I5", signal.id, f"is {signal.status} without a reason")


def _by_body(evidence: Evidence) -> dict[str, list[Delivery]]:
    found = defaultdict(list)
    for one in evidence.history.deliveries:
        found[one.body].append(one)
    return found
