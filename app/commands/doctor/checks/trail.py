"""The audit trail is what was sealed (I30)."""

from datetime import datetime, timedelta
from typing import Final

from app.audit.verifying import Flaw, Verification
from app.commands.doctor.finding import Difference, Finding

# A worker that runs seals within seconds.
PATIENCE: Final = timedelta(minutes=5)


def trail_is_as_sealed(found: Verification, now: datetime) -> Finding:
    """Nothing in the trail was changed, removed or added since it was sealed."""
    return Finding(
        "the audit trail is what was sealed",
        found.sealed,
        tuple(map(_difference, found.flaws)),
        not_checked=_waiting(found, now),
    )


def _waiting(found: Verification, now: datetime) -> str:
    oldest = found.oldest_unsealed_at
    if oldest is None or now - oldest < PATIENCE:
        return ""
    return (
        f"{found.unsealed} entries have no seal, the oldest since {oldest:%Y-%m-%d %H:%M:%S} UTC:"
        " nothing proves them yet. A worker seals them: start one."
    )


def _difference(flaw: Flaw) -> Difference:
    return Difference(
        where="audit trail" if flaw.number is None else f"audit trail, number {flaw.number}",
        what=flaw.kind.value,
        expected="what was sealed",
        found=flaw.sentence.removesuffix("."),
        todo="Compare it with a backup: docs/security.md says how.",
        subject_id="" if flaw.entry_id is None else str(flaw.entry_id),
    )
