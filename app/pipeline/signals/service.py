"""Make signals, decide them once, let them lapse."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import SYSTEM, record
from app.core.errors import Conflict, Denied
from app.core.failpoints import failpoint
from app.core.ids import new_id
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.signals import repository
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.pipeline.wakeups import Work, wake
from app.strategies.models import Strategy
from app.strategies.words import Approval, LevelKind
from app.trading.words import OrderType, PositionSide

AUTO_RULE = "rule:auto"
EXIT_RULE = "rule:exits_never_wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDraft:
    """What a signal will say, before it is a row.

    Attributes:
        size_value: by `size_kind`; a percentage is 50 for 50 %.
        stop_value: by `stop_kind`; likewise the target, the first one.
        target_levels: every target with its kind, value and share in percent, as text; None where
            there is one for everything.
        reference_price: what the price was when the signal came: the alert's, or ours at receipt.
        is_test: True when nothing may ever be sent for it; it stays pending until its test ends.
        needs_human: True when a person must decide even under auto-approval (TRADING 6).
        made_by: the user who asks for it; `system` where an alarm does.
        approved_by: the user who asks for it by hand and has thereby decided it.
        may_need_second: True where the trader's limits may ask for a second person: an approval by
            rule is then the first of two until the entry was sized.
        expires_at: when it stops being valid; by the strategy's setting when None.
    """

    action: SignalAction
    symbol: str
    position_side: PositionSide
    sentence: str
    received_at: datetime
    size_kind: SizeKind = SizeKind.DEFAULT
    size_value: Decimal | None = None
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_kind: LevelKind | None = None
    stop_value: Decimal | None = None
    target_kind: LevelKind | None = None
    target_value: Decimal | None = None
    target_levels: list[dict[str, Any]] | None = None
    leverage: int | None = None
    comment: str | None = None
    reference_price: Decimal | None = None
    alert_at: datetime | None = None
    alarm_id: UUID | None = None
    part: int = 0
    is_test: bool = False
    external_id: str | None = None
    needs_human: bool = False
    made_by: str = SYSTEM
    approved_by: str | None = None
    may_need_second: bool = False
    expires_at: datetime | None = None


NO_COLUMNS = {"needs_human", "made_by", "approved_by", "may_need_second", "expires_at"}


async def create(
    session: AsyncSession, strategy: Strategy, draft: SignalDraft, *, now: datetime
) -> Signal:
    """Make a signal, and approve it at once where a rule says so.

    Exits are approved by rule unless the strategy wants to be asked (TRADING 4); entries under
    auto-approval unless a person must look; what a user asks for by hand is decided by asking.
    A test's signal is decided by nobody: `decided_by` names the rule that would have.
    """
    names = [name for name in SignalDraft.__slots__ if name not in NO_COLUMNS]
    values = {name: getattr(draft, name) for name in names}
    valid_for = timedelta(seconds=strategy.signal_ttl_seconds)
    signal = Signal(
        id=new_id(),
        user_id=strategy.user_id,
        account_id=strategy.account_id,
        strategy_id=strategy.id,
        status=SignalStatus.PENDING,
        expires_at=draft.expires_at or expiry(draft.received_at, valid_for),
        updated_at=now,
        **values,
    )
    session.add(signal)
    await audit(session, signal, "signal.created", actor=draft.made_by, now=now)
    rule = draft.approved_by or _approving_rule(strategy, draft)
    if draft.is_test:
        signal.decided_by = rule
    elif rule is not None and draft.may_need_second and draft.action.opens:
        signal.decided_by = rule
        await note_first(session, signal, now=now)
    elif rule is not None:
        await _approve(session, signal, actor=rule, now=now)
    elif signal.reference_price is None:
        wake_for(session, signal, now=now)
    return signal


def expiry(received_at: datetime, ttl: timedelta) -> datetime:
    """When a signal received then stops being valid."""
    # From arrival, not from approval: the market has moved since the alarm, however late we look.
    return received_at + ttl


async def approve(
    session: AsyncSession,
    signal: Signal,
    *,
    actor: str,
    now: datetime,
    fraction: Decimal | None = None,
) -> Signal:
    """Approve a pending signal; the worker goes on from there.

    Args:
        session: the caller's transaction.
        signal: one that the actor may decide.
        actor: the user's name.
        now: time of the decision.
        fraction: share of the size to take, above 0 and at most 1; all of it when None.

    Raises:
        Conflict: it expired, was decided already, or is a test's.
    """
    check_approvable(signal, now=now)
    await decide(
        session,
        signal,
        to=SignalStatus.APPROVED,
        now=now,
        decided_at=now,
        decided_by=actor,
        approved_fraction=fraction,
    )
    await audit(session, signal, "signal.approved", actor=actor, now=now)
    wake_for(session, signal, now=now)
    failpoint("C11")
    return signal


async def reject(
    session: AsyncSession,
    signal: Signal,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> Signal:
    """Reject a pending signal.

    Raises:
        Conflict: it was decided already.
    """
    await decide(
        session,
        signal,
        to=SignalStatus.REJECTED,
        now=now,
        decided_at=now,
        decided_by=actor,
        reason=f"rejected: {reason}" if reason else "rejected: The trader said no.",
    )
    await audit(session, signal, "signal.rejected", actor=actor, now=now)
    return signal


async def claim_pending(
    session: AsyncSession,
    signal: Signal,
    *,
    to: SignalStatus,
    now: datetime,
    is_untouched: bool = False,
    **values: object,
) -> bool:
    """Move a pending signal for one caller only; False when it was decided meanwhile.

    The row is changed by statement, so that one of several callers wins; the signal says afterwards
    what the row says. Arguments as of `repository.claim`.
    """
    won = await repository.claim(
        session,
        signal,
        frm=SignalStatus.PENDING,
        to=to,
        now=now,
        is_untouched=is_untouched,
        **values,
    )
    await session.refresh(signal)
    return won


async def decide(
    session: AsyncSession,
    signal: Signal,
    *,
    to: SignalStatus,
    now: datetime,
    is_untouched: bool = False,
    **values: object,
) -> None:
    """As `claim_pending`, for a decision that its maker wants to hear about.

    Raises:
        Conflict: it was decided already.
    """
    if not await claim_pending(
        session, signal, to=to, now=now, is_untouched=is_untouched, **values
    ):
        raise _already_decided(signal)


async def note_first(session: AsyncSession, signal: Signal, *, now: datetime) -> None:
    """Keep who has approved a signal first; the worker finds out whether that is enough."""
    by = signal.decided_by or SYSTEM
    await session.flush()  # what follows refers to its row, which may be new
    session.add(
        SecondApproval(signal_id=signal.id, user_id=signal.user_id, first_by=by, first_at=now)
    )
    await audit(session, signal, "signal.first_approved", actor=by, now=now)
    wake_for(session, signal, now=now)


def check_approvable(signal: Signal, *, now: datetime) -> None:
    """Refuse to approve what cannot be approved any more, or never could.

    Raises:
        Conflict: its time ran out, or it is a test's.
    """
    if signal.is_test:
        raise Conflict("This signal is a test's: nothing is ever sent for it.", code="test_signal")
    is_over = signal.action.opens and signal.expires_at <= now
    if signal.status is SignalStatus.PENDING and is_over:
        raise Conflict(
            f"This signal expired at {signal.expires_at:%H:%M:%S} UTC.", code="signal_expired"
        )


async def supersede_entries(
    session: AsyncSession, strategy_id: UUID, symbol: str, *, now: datetime, reason: str
) -> list[Signal]:
    """End every entry of the strategy on the symbol that is undecided or not yet sent."""
    ended = []
    for signal in await repository.unsent_entries(session, strategy_id, symbol):
        signal.move(SignalStatus.SUPERSEDED, now=now, reason=reason)
        await audit(session, signal, "signal.superseded", actor="system", now=now)
        ended.append(signal)
    return ended


async def expire(session: AsyncSession, signal: Signal, *, now: datetime) -> None:
    """Let an undecided or unsent signal lapse."""
    reason = f"expired: Nobody acted on it before {signal.expires_at:%H:%M:%S} UTC."
    signal.move(SignalStatus.EXPIRED, now=now, reason=reason)
    await audit(session, signal, "signal.expired", actor="system", now=now)


async def deny(session: AsyncSession, signal: Signal, denial: Denied, *, now: datetime) -> None:
    """Record that our own rules refuse it."""
    signal.move(SignalStatus.DENIED, now=now, reason=f"{denial.code}: {denial.detail}")
    await audit(session, signal, "signal.denied", actor="system", now=now)


async def finish(
    session: AsyncSession,
    signal: Signal,
    status: SignalStatus,
    *,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Move an approved or executing signal on, once; repeating it is harmless."""
    if signal.status is status:
        return
    signal.move(status, now=now, reason=reason)
    await audit(session, signal, f"signal.{status.value}", actor="system", now=now)


def wake_for(session: AsyncSession, signal: Signal, *, now: datetime) -> None:
    """Leave a note that the signal has a step to take."""
    work = step_of(signal)
    lane = (signal.account_id, signal.symbol)
    wake(session, work, signal.id, now=now, lane=lane, is_urgent=work is Work.EXIT)


def step_of(signal: Signal) -> Work:
    """What a signal waits for: a price, to be weighed, its entry, or its exit."""
    if signal.status is SignalStatus.PENDING:
        return Work.PRICE if signal.decided_by is None else Work.WEIGH
    return Work.ENTRY if signal.action.opens else Work.EXIT


def _approving_rule(strategy: Strategy, draft: SignalDraft) -> str | None:
    if not draft.action.opens:
        asks = draft.needs_human or strategy.approve_exits is Approval.MANUAL
        return None if asks else EXIT_RULE
    if strategy.approval is Approval.AUTO and not draft.needs_human:
        return AUTO_RULE
    return None


async def _approve(session: AsyncSession, signal: Signal, *, actor: str, now: datetime) -> None:
    signal.move(SignalStatus.APPROVED, now=now)
    signal.decided_at, signal.decided_by = now, actor
    await audit(session, signal, "signal.approved", actor=actor, now=now)
    wake_for(session, signal, now=now)


def _already_decided(signal: Signal) -> Conflict:
    """Somebody was faster."""
    by = f" by {signal.decided_by}" if signal.decided_by else ""
    status = "approved once" if signal.status is SignalStatus.PENDING else signal.status.value
    return Conflict(f"This signal is {status} already{by}.", code="already_decided")


async def audit(
    session: AsyncSession, signal: Signal, action: str, *, actor: str, now: datetime
) -> None:
    """Record what became of a signal."""
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="signal",
        subject_id=str(signal.id),
        user_id=signal.user_id,
        detail={"sentence": signal.sentence, "reason": signal.reason or ""},
    )
