"""Open gaps, narrow them, decide them once, and say so."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import SYSTEM, record
from app.core.errors import Conflict
from app.core.ids import new_id
from app.core.state import advance
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.alarms.gaps import repository as gaps
from app.pipeline.alarms.gaps.chain import Missing
from app.pipeline.alarms.gaps.models import Gap, Twin
from app.pipeline.alarms.gaps.sentences import LOOK, WHAT_TO_DO, chain_broken, silent
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import GAP_MOVES, GapKind, GapStatus
from app.strategies.models import Strategy

NOTICE = "alert_missed"


async def open_chain(
    session: AsyncSession,
    strategy: Strategy,
    known: Twin,
    missing: Missing,
    alarm: Alarm,
    *,
    is_heartbeat: bool,
    now: datetime,
) -> Gap:
    """Keep that the chain broke.

    Args:
        session: the transaction that decides the alarm.
        strategy: whose chain it is.
        known: what the last alert left, before it is replaced.
        missing: what lies between the two.
        alarm: the one that revealed it.
        is_heartbeat: whether that is a heartbeat.
        now: time of the discovery.
    """
    expected, reported = missing.expected, missing.reported
    gap = Gap(
        id=new_id(),
        user_id=strategy.user_id,
        strategy_id=strategy.id,
        kind=GapKind.CHAIN,
        status=GapStatus.OPEN,
        ticker=known.ticker,
        symbol=known.symbol,
        expected_side=expected.side,
        expected_size=expected.size,
        expected_at=expected.at,
        reported_side=reported.side,
        reported_size=reported.size,
        reported_at=reported.at,
        before_alarm_id=known.alarm_id,
        alarm_id=alarm.id,
        sentence=chain_broken(strategy.name, known.ticker, missing, is_heartbeat=is_heartbeat),
        opened_at=now,
    )
    session.add(gap)
    await _audit(session, gap, "gap.opened", actor=SYSTEM, now=now)
    return gap


async def open_silence(
    session: AsyncSession, strategy: Strategy, *, since: datetime, seconds: int, now: datetime
) -> Gap:
    """Keep that a strategy with a heartbeat is not heard of any more."""
    gap = Gap(
        id=new_id(),
        user_id=strategy.user_id,
        strategy_id=strategy.id,
        kind=GapKind.SILENCE,
        status=GapStatus.OPEN,
        expected_at=since,
        before_alarm_id=await gaps.last_heard(session, strategy.id),
        sentence=silent(strategy.name, since, heartbeat_seconds=seconds, now=now),
        opened_at=now,
    )
    session.add(gap)
    await _audit(session, gap, "gap.opened", actor=SYSTEM, now=now)
    return gap


async def narrow(
    session: AsyncSession,
    strategy: Strategy,
    gap: Gap,
    rest: Missing,
    alarm: Alarm,
    *,
    now: datetime,
) -> None:
    """One of the missing alerts came late: what is left is missing, or nothing."""
    if rest.is_nothing:
        said = "arrived_late: The missing alerts came after all."
        await decide(session, gap, GapStatus.ARRIVED_LATE, actor=SYSTEM, reason=said, now=now)
        return
    if rest.expected != gap.missing.expected:
        gap.before_alarm_id = alarm.id
    gap.expected_side, gap.expected_size = rest.expected.side, rest.expected.size
    gap.reported_side, gap.reported_size = rest.reported.side, rest.reported.size
    gap.expected_at, gap.reported_at = rest.expected.at, rest.reported.at
    gap.sentence = chain_broken(strategy.name, gap.ticker or "", rest, is_heartbeat=False)
    await _audit(session, gap, "gap.narrowed", actor=SYSTEM, now=now)


async def decide(
    session: AsyncSession,
    gap: Gap,
    status: GapStatus,
    *,
    actor: str,
    reason: str | None,
    now: datetime,
    **values: UUID | None,
) -> None:
    """Move a gap, for exactly one caller.

    Args:
        session: the caller's transaction.
        gap: as it was read.
        status: where it goes.
        actor: who decides, for the trader and the audit.
        reason: `code: sentence`.
        now: time of the decision.
        values: the rows that came of it.

    Raises:
        Conflict: it is decided already.
    """
    frm = gap.status
    if status not in GAP_MOVES[frm]:
        raise already_decided(gap)
    is_open = advance(frm, status, GAP_MOVES) is GapStatus.OPEN
    at, by = (None, None) if is_open else (now, actor)
    won = await gaps.claim(
        session, gap.id, frm=frm, to=status, decided_at=at, decided_by=by, reason=reason, **values
    )
    await session.refresh(gap)
    if not won:
        raise already_decided(gap)
    action = "gap.reopened" if is_open else f"gap.{status.value}"
    await _audit(session, gap, action, actor=actor, now=now)


async def tell_of(session: AsyncSession, gap: Gap, *, now: datetime) -> None:
    """Tell the trader, once."""
    gap.told_at = now
    what = WHAT_TO_DO if gap.kind is GapKind.CHAIN else LOOK
    await tell(
        session,
        user_id=gap.user_id,
        severity=Severity.URGENT,
        code=NOTICE,
        subject_kind="gap",
        subject_id=str(gap.id),
        text=f"{gap.sentence} {what}",
        now=now,
    )


def already_decided(gap: Gap) -> Conflict:
    """For whoever comes second."""
    by = f" by {gap.decided_by}" if gap.decided_by else ""
    return Conflict(f"This gap is {gap.status.value} already{by}.", code="already_decided")


async def _audit(
    session: AsyncSession, gap: Gap, action: str, *, actor: str, now: datetime
) -> None:
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="gap",
        subject_id=str(gap.id),
        user_id=gap.user_id,
        detail={"sentence": gap.sentence, "reason": gap.reason or ""},
    )
