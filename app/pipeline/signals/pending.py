"""Change or end a signal that nobody has decided yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.signals.models import Signal
from app.pipeline.signals.service import audit, claim_pending
from app.pipeline.signals.status import SignalStatus

TEST_OVER: Final = "test: This was a test; nothing was sent."


async def change_pending(
    session: AsyncSession,
    signal: Signal,
    values: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> bool:
    """Change what a pending signal says; False when it was decided, or approved once, meanwhile."""
    won = await claim_pending(
        session, signal, to=SignalStatus.PENDING, now=now, is_untouched=True, **values
    )
    if won:
        await audit(session, signal, "signal.changed", actor=actor, now=now)
    return won


async def end_test(session: AsyncSession, signal: Signal, *, actor: str, now: datetime) -> None:
    """Reject a test's signal at the end of its test; harmless when it has ended already."""
    won = await claim_pending(
        session,
        signal,
        to=SignalStatus.REJECTED,
        now=now,
        reason=TEST_OVER,
        decided_at=now,
        decided_by=actor,
    )
    if won:
        await audit(session, signal, "signal.rejected", actor=actor, now=now)


async def end_pending(
    session: AsyncSession,
    signal: Signal,
    status: SignalStatus,
    *,
    reason: str,
    actor: str,
    now: datetime,
) -> bool:
    """Supersede or expire a pending signal; False when it was decided meanwhile."""
    won = await claim_pending(session, signal, to=status, now=now, reason=reason)
    if won:
        await audit(session, signal, f"signal.{status.value}", actor=actor, now=now)
    return won
