"""Large entries take two people: the first approval, the question to the second, their word."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.failpoints import failpoint
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.service import (
    audit,
    check_approvable,
    claim_pending,
    decide,
    note_first,
    wake_for,
)
from app.pipeline.signals.status import SignalStatus


@dataclass(frozen=True, slots=True)
class Person:
    """Who consents or refuses."""

    user_id: UUID
    username: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an entry would be at the prices of this moment.

    Attributes:
        reference_price: what a later price is compared with, quote per base.
        quantity: base units, contracts on inverse.
        notional: in quote.
    """

    reference_price: Decimal
    entry_price: Decimal
    quantity: Decimal
    notional: Decimal
    stop_loss: Decimal | None


async def approve_first(
    session: AsyncSession,
    signal: Signal,
    *,
    actor: str,
    now: datetime,
    fraction: Decimal | None = None,
) -> Signal:
    """Approve a pending signal as the first of two; the worker finds out whether one is enough.

    Args:
        session: the caller's transaction.
        signal: one that the actor may decide.
        actor: the user's name.
        now: time of the approval.
        fraction: as in `service.approve`.

    Raises:
        Conflict: it expired, was decided or approved once already, or is a test's.
    """
    check_approvable(signal, now=now)
    await decide(
        session,
        signal,
        to=SignalStatus.PENDING,
        now=now,
        is_untouched=True,
        decided_by=actor,
        approved_fraction=fraction,
    )
    await note_first(session, signal, now=now)
    failpoint("C11")
    return signal


async def let_pass(
    session: AsyncSession, signal: Signal, *, reference_price: Decimal, now: datetime
) -> bool:
    """Approve a signal whose first approval is enough; False when it was ended meanwhile."""
    won = await claim_pending(
        session,
        signal,
        to=SignalStatus.APPROVED,
        now=now,
        decided_at=now,
        reason=None,
        reference_price=signal.reference_price or reference_price,
    )
    if won:
        await audit(session, signal, "signal.approved", actor=signal.decided_by or "", now=now)
        wake_for(session, signal, now=now)
    return won


async def ask(
    session: AsyncSession,
    signal: Signal,
    first: SecondApproval,
    weighed: Weighed,
    *,
    now: datetime,
    reason: str,
) -> bool:
    """Have a signal wait for the second person; False when it was ended meanwhile.

    Args:
        session: the caller's transaction.
        signal: approved once.
        first: that approval.
        weighed: what the second person is asked to consent to.
        now: time of the question.
        reason: for the trader, `code: sentence`: whom it waits for.
    """
    won = await claim_pending(
        session,
        signal,
        to=SignalStatus.PENDING,
        now=now,
        reason=reason,
        quantity=weighed.quantity,
        reference_price=signal.reference_price or weighed.reference_price,
    )
    if won:
        first.asked_at = now
        first.entry_price, first.quantity = weighed.entry_price, weighed.quantity
        first.notional, first.stop_loss = weighed.notional, weighed.stop_loss
        await audit(session, signal, "signal.second_asked", actor="rule:second_approval", now=now)
    return won


async def consent(
    session: AsyncSession, signal: Signal, first: SecondApproval, person: Person, *, now: datetime
) -> None:
    """Approve a signal with the second person's word; the worker goes on as after any approval.

    Args:
        session: the caller's transaction.
        signal: one that waits for this person.
        first: its first approval.
        person: the second one; whether they may is the caller's to know.
        now: time of the decision.

    Raises:
        Conflict: it expired, or was decided already.
    """
    check_approvable(signal, now=now)
    await decide(
        session,
        signal,
        to=SignalStatus.APPROVED,
        now=now,
        decided_at=now,
        reason=None,
    )
    first.confirmed_by_id, first.confirmed_at = person.user_id, now
    await audit(session, signal, "signal.approved", actor=person.username, now=now)
    wake_for(session, signal, now=now)
    failpoint("C11")
