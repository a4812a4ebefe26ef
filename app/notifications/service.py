"""Saying something once."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.notifications.deliveries import has_address
from app.notifications.models import Delivery, Notice, Severity

AGAIN_AFTER: Final = timedelta(hours=1)


async def tell(
    session: AsyncSession,
    *,
    user_id: UUID,
    severity: Severity,
    code: str,
    subject_kind: str,
    subject_id: str,
    text: str,
    now: datetime,
) -> None:
    """Write a notice down in the caller's transaction, and into the log.

    The same code about the same subject within an hour only counts up: what repeats itself is not
    read any more. A new one waits to be sent to the user's own address, if there is one.

    Args:
        session: the caller's transaction.
        user_id: who has to know.
        severity: how soon.
        code: a stable word for what happened.
        subject_kind: `position`, `order`, `account` or `bot`.
        subject_id: which one.
        text: what happened, what was done about it, and what is left to do, in one or two
            sentences.
        now: time of the notice.
    """
    query = (
        select(Notice)
        .where(
            Notice.subject_id == subject_id,
            Notice.code == code,
            Notice.created_at > now - AGAIN_AFTER,
        )
        .order_by(Notice.id.desc())
        .limit(1)
    )
    known = await session.scalar(query)
    if known is not None:
        known.times += 1
        known.last_at = now
        known.text = text
        return
    is_sent = await has_address(session, user_id)
    session.add(
        Notice(
            id=new_id(),
            user_id=user_id,
            severity=severity,
            code=code,
            subject_kind=subject_kind,
            subject_id=subject_id,
            text=text,
            times=1,
            created_at=now,
            last_at=now,
            delivery=Delivery.WAITING if is_sent else None,
            tries=0,
            next_try_at=now if is_sent else None,
        )
    )
    logger.bind(code=code, subject=f"{subject_kind} {subject_id}", text=text).warning("notice")
