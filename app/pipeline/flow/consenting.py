"""Chapter 2, before it: the second person's word on a large entry.

Who may give it is who the owner's limits name now, and never the owner.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import User
from app.core.errors import Forbidden, NotFound
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.risk.models import RiskProfile
from app.pipeline.signals import second, service
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.second import Person
from app.pipeline.signals.status import SignalStatus


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry that somebody was asked to consent to, and whose it is."""

    signal: Signal
    first: SecondApproval
    owner: User


_PERSON: Final = bindparam("person_id", type_=Uuid())
_OWNED: Final = (
    select(Signal, SecondApproval, User)
    .join(SecondApproval, SecondApproval.signal_id == Signal.id)
    .join(User, User.id == Signal.user_id)
)
_ASKED: Final = (
    _OWNED.join(RiskProfile, RiskProfile.user_id == Signal.user_id)
    .where(RiskProfile.second_approver_id == _PERSON, SecondApproval.asked_at.is_not(None))
    .where(Signal.user_id != _PERSON)
)


async def waiting_for(
    session: AsyncSession, person: Person, *, now: datetime, limit: int = 500
) -> list[Asked]:
    """What waits for this person's consent now, the most urgent first."""
    query = (
        _ASKED.where(Signal.status == SignalStatus.PENDING, Signal.expires_at > now)
        .order_by(Signal.expires_at, Signal.id)
        .limit(limit)
    )
    return await _found(session, query, person)


async def confirm(
    session: AsyncSession, signal_id: UUID, person: Person, *, now: datetime
) -> Asked:
    """Consent to an entry: it is approved, and judged and sent as after any approval.

    Raises:
        Forbidden: `same_person`: it is their own; or they may not act any more.
        NotFound: they were not asked.
        Conflict: it expired, or was decided already.
    """
    asked = await _asked(session, signal_id, person)
    await second.consent(session, asked.signal, asked.first, person, now=now)
    said = f"{person.username} consented to {_what(asked.signal)}: it is on its way."
    await _tell_owner(session, asked.signal, Severity.INFO, "consent_given", said, now=now)
    return asked


async def refuse(
    session: AsyncSession,
    signal_id: UUID,
    person: Person,
    *,
    now: datetime,
    reason: str | None = None,
) -> Asked:
    """Reject an entry as its second person; nothing is sent.

    Raises:
        Forbidden: as `confirm`.
        NotFound: as `confirm`.
        Conflict: it was decided already.
    """
    asked = await _asked(session, signal_id, person)
    why = f"{person.username} did not consent" + (f": {reason}" if reason else ".")
    await service.reject(session, asked.signal, actor=person.username, now=now, reason=why)
    said = f"Nothing is sent for {_what(asked.signal)}: {why}"
    await _tell_owner(session, asked.signal, Severity.WARNING, "consent_refused", said, now=now)
    return asked


async def _asked(session: AsyncSession, signal_id: UUID, person: Person) -> Asked:
    signal = await session.get(Signal, signal_id)
    if signal is not None and signal.user_id == person.user_id:
        raise Forbidden("This is your own: somebody else has to consent.", code="same_person")
    found = await _found(session, _ASKED.where(Signal.id == signal_id), person)
    if not found:
        raise NotFound(f"There is no entry {signal_id} that waits for you.")
    # Asked here once more: they may have been switched off since they logged in.
    barred = (await session.get_one(User, person.user_id)).why_no_entries
    if barred is not None:
        raise Forbidden(barred)
    return found[0]


async def _found(
    session: AsyncSession, query: Select[tuple[Signal, SecondApproval, User]], person: Person
) -> list[Asked]:
    rows = await session.execute(query, {"person_id": person.user_id})
    return [Asked(signal, first, owner) for signal, first, owner in rows]


def _what(signal: Signal) -> str:
    return f"the {signal.position_side} of {signal.symbol}"


async def _tell_owner(
    session: AsyncSession,
    signal: Signal,
    severity: Severity,
    code: str,
    text: str,
    *,
    now: datetime,
) -> None:
    await tell(
        session,
        user_id=signal.user_id,
        severity=severity,
        code=code,
        subject_kind="signal",
        subject_id=str(signal.id),
        text=text,
        now=now,
    )
