"""Chapter 2, before it: whether one approval of an entry is enough, by what it would be worth now.

Only for traders who want a second person above some notional. What is decided here is who is
asked; whether an entry may go is decided by its judgement, right before the order is made.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import User
from app.core.decimals import plain
from app.core.errors import Denied, ExchangeError, Invalid
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.judging import EntryCase, Judgement, ask_outside, judge
from app.pipeline.flow.tools import Tools, hold_trader, place_of
from app.pipeline.risk import repository as risk
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.rules import SECOND_APPROVAL
from app.pipeline.signals import repository as signals
from app.pipeline.signals import second
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.second import Weighed
from app.pipeline.signals.status import SignalStatus
from app.strategies import repository as strategies

WAITS: Final = "second_approval"


async def approve(
    session: AsyncSession,
    signal: Signal,
    *,
    actor: str,
    now: datetime,
    fraction: Decimal | None = None,
) -> Signal:
    """Approve a pending signal: for good, or as the first of two people.

    Args:
        session: the caller's transaction.
        signal: one that the actor may decide.
        actor: the user's name.
        now: time of the decision.
        fraction: share of the size to take, above 0 and at most 1; all of it when None.

    Raises:
        Conflict: it expired, was decided already, or is a test's.
    """
    is_asked = signal.action.opens and await risk.asks_second(session, signal.user_id, now=now)
    how = second.approve_first if is_asked else signal_service.approve
    return await how(session, signal, actor=actor, now=now, fraction=fraction)


async def weigh(tools: Tools, signal_id: UUID) -> None:
    """Size an entry that was approved once: approve it for good, or ask the second person.

    Harmless to repeat. A venue that does not answer is asked again by the next sweep.
    """
    async with tools.database.read() as session:
        signal = await signals.get(session, signal_id)
        if signal.status is not SignalStatus.PENDING:
            return
        place = await place_of(session, tools, signal.account_id, signal.symbol)
    try:
        outside = await ask_outside(tools, place)
    except ExchangeError as silence:
        logger.bind(signal_id=str(signal_id), code=silence.code).warning("signal.not_weighed")
        return
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Signal, signal_id)
        signal = await signals.get(session, signal_id)
        first = await signals.second_approval(session, signal_id)
        is_due = signal.status is SignalStatus.PENDING and signal.expires_at > tools.now()
        if not is_due or first is None or first.asked_at is not None:
            return
        strategy = await strategies.get(session, signal.strategy_id)
        await _weigh(session, tools, EntryCase(signal, strategy, place, outside))


async def _weigh(session: AsyncSession, tools: Tools, case: EntryCase) -> None:
    now, signal, reference = tools.now(), case.signal, case.outside.quote.fair
    try:
        judgement = await judge(session, tools, case, now=now)
    except (Denied, Invalid):
        # It cannot be sized: its own step says so, and denies it.
        judgement = None
    if judgement is None or not _is_large(judgement):
        await second.let_pass(session, signal, reference_price=reference, now=now)
    else:
        await _ask(session, case, judgement, now=now)


def _is_large(judgement: Judgement) -> bool:
    return any(one.rule == SECOND_APPROVAL and not one.ok for one in judgement.verdicts)


async def _ask(
    session: AsyncSession, case: EntryCase, judgement: Judgement, *, now: datetime
) -> None:
    signal, sized = case.signal, judgement.sized
    weighed = Weighed(
        reference_price=case.outside.quote.fair,
        entry_price=sized.entry_price,
        quantity=sized.quantity,
        notional=sized.notional,
        stop_loss=judgement.stop_loss,
    )
    first = await signals.second_approval(session, signal.id)
    limits = limits_at(await risk.profile(session, signal.user_id), now=now)
    approver = await risk.approver_of(session, limits)
    name = "nobody" if approver is None else approver.username
    reason = f"{WAITS}: Waits until {signal.expires_at:%H:%M:%S} UTC for the consent of {name}."
    if first is None or not await second.ask(
        session, signal, first, weighed, now=now, reason=reason
    ):
        return
    if approver is None or approver.why_no_entries is not None:
        await _tell_owner(session, signal, name, now=now)
    else:
        worth = f"{plain(sized.notional)} {case.place.instrument.quote}"
        await _tell_approver(session, case, approver, worth, now=now)


async def _tell_approver(
    session: AsyncSession, case: EntryCase, approver: User, worth: str, *, now: datetime
) -> None:
    signal = case.signal
    await tell(
        session,
        user_id=approver.id,
        severity=Severity.WARNING,
        code="consent_wanted",
        subject_kind="signal",
        subject_id=str(signal.id),
        text=(
            f"{case.place.user.username} asks for your consent to open a {signal.position_side} of "
            f"{signal.symbol} worth {worth}. Confirm or reject it until "
            f"{signal.expires_at:%H:%M:%S} UTC; without you nothing is sent."
        ),
        now=now,
    )


async def _tell_owner(session: AsyncSession, signal: Signal, name: str, *, now: datetime) -> None:
    await tell(
        session,
        user_id=signal.user_id,
        severity=Severity.WARNING,
        code="approver_gone",
        subject_kind="signal",
        subject_id=str(signal.id),
        text=(
            f"The {signal.position_side} of {signal.symbol} needs the consent of {name}, who "
            "cannot give it any more: nothing is sent. Name another second_approver in your limits."
        ),
        now=now,
    )
