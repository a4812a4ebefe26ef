"""Beside chapter 6: strategies that fell silent or speak again, and traders who must hear of gaps.

A gap is told of only once it has been open for as long as a delivery takes: alerts that cross on
their way close it by themselves, and nobody is woken for them.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import SYSTEM
from app.pipeline.alarms.gaps import repository as gaps
from app.pipeline.alarms.gaps import service as gap_service
from app.pipeline.alarms.gaps.repository import Hearing
from app.pipeline.alarms.status import GapStatus
from app.pipeline.flow.tools import Tools, hold_user

# TradingView gives a delivery up after three seconds: what is not here then was not on its way.
TOLD_AFTER: Final = timedelta(seconds=3)
SILENT_AFTER_BEATS: Final = 2


async def watch_for_gaps(tools: Tools) -> None:
    """Open and end silences, then tell of every gap that stayed open."""
    async with tools.database.read() as session:
        changed = [
            one for one in await gaps.hearings(session) if _ended(one) or _fell_silent(one, tools)
        ]
    for hearing in changed:
        await _listen(tools, hearing.strategy.user_id, hearing.strategy.id)
    await _tell(tools)


def _heard_at(hearing: Hearing) -> datetime:
    """When it was last heard, or when somebody began to listen."""
    since = hearing.strategy.heartbeat_since or hearing.strategy.created_at
    return max(since, hearing.last_alert_at or since)


def _is_awaited(hearing: Hearing) -> bool:
    return hearing.strategy.is_active and hearing.strategy.heartbeat_seconds is not None


def _ended(hearing: Hearing) -> bool:
    """Whether the silence that is open is over."""
    if not hearing.is_silent or hearing.silent_at is None:
        return False
    return not _is_awaited(hearing) or _heard_at(hearing) > hearing.silent_at


def _fell_silent(hearing: Hearing, tools: Tools) -> bool:
    """Whether it is silent for too long, and that was not noticed yet."""
    seconds = hearing.strategy.heartbeat_seconds
    if not _is_awaited(hearing) or seconds is None:
        return False
    heard_at = _heard_at(hearing)
    is_known = hearing.silent_at is not None and hearing.silent_at >= heard_at
    limit = timedelta(seconds=SILENT_AFTER_BEATS * seconds)
    return not is_known and tools.now() - heard_at > limit


async def _listen(tools: Tools, user_id: UUID, strategy_id: UUID) -> None:
    async with tools.database.transaction() as session:
        await hold_user(session, tools, user_id)
        for hearing in await gaps.hearings(session, strategy_id):
            await _end(session, tools, hearing)
            await _open(session, tools, hearing)


async def _end(session: AsyncSession, tools: Tools, hearing: Hearing) -> None:
    gap = await gaps.open_silence(session, hearing.strategy.id)
    if gap is None or not _ended(hearing):
        return
    came = hearing.last_alert_at is not None and hearing.last_alert_at > gap.opened_at
    reason = "ended: An alert came." if came else "ended: The strategy's settings changed."
    now = tools.now()
    await gap_service.decide(session, gap, GapStatus.ENDED, actor=SYSTEM, reason=reason, now=now)


async def _open(session: AsyncSession, tools: Tools, hearing: Hearing) -> None:
    strategy, seconds = hearing.strategy, hearing.strategy.heartbeat_seconds
    if seconds is None or not _fell_silent(hearing, tools):
        return
    await gap_service.open_silence(
        session, strategy, since=_heard_at(hearing), seconds=seconds, now=tools.now()
    )


async def _tell(tools: Tools) -> None:
    async with tools.database.read() as session:
        found = await gaps.untold(session, before=tools.now() - TOLD_AFTER)
    for one in found:
        async with tools.database.transaction() as session:
            await hold_user(session, tools, one.user_id)
            gap = await gaps.owned(session, one.id, one.user_id)
            if gap.status is GapStatus.OPEN and gap.told_at is None:
                await gap_service.tell_of(session, gap, now=tools.now())
