"""Each alert counts once: the key that two deliveries of one alert share, and who took it first."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.insert import insert_if_absent
from app.pipeline.alarms.meaning import Meaning
from app.pipeline.alarms.models import AlarmClaim

NAMED_VALIDITY = timedelta(days=2)


def claim_key(body: bytes, meaning: Meaning | None, *, window: timedelta) -> tuple[str, timedelta]:
    """The key of an alert and how long it stays taken.

    An explicit id or order id counts only together with the alert's own time: a constant id must
    not swallow every later alert. The words of the alert are part of the key, so that two
    different alerts of one second are never merged.

    Args:
        body: the raw alert.
        meaning: what was understood; None when it could not be read.
        window: how long an alert without id and time is a duplicate of an equal one.
    """
    if meaning is not None and meaning.alert_at is not None:
        name = meaning.alert_id or meaning.order_id
        if name:
            words = [(i.action, i.position_side, i.ticker, i.size) for i in meaning.intents]
            text = f"{name}|{meaning.order_id}|{meaning.alert_at.isoformat()}|{words}"
            return f"named:{_digest(text.encode())}", NAMED_VALIDITY
    return f"body:{_digest(body)}", window


async def claim(
    session: AsyncSession,
    *,
    strategy_id: UUID,
    key: str,
    alarm_id: UUID,
    now: datetime,
    valid_for: timedelta,
) -> UUID:
    """Take the key for this alarm; the id of the alarm that has it, ours or an earlier one.

    Atomic on every database: the primary key decides, and a lapsed claim is taken over by an
    update whose row count names the winner.
    """
    values = {
        "strategy_id": strategy_id,
        "key": key,
        "alarm_id": alarm_id,
        "valid_until": now + valid_for,
    }
    if await insert_if_absent(session, AlarmClaim, values):
        return alarm_id
    lapsed = (
        update(AlarmClaim)
        .where(
            AlarmClaim.strategy_id == strategy_id,
            AlarmClaim.key == key,
            AlarmClaim.valid_until < now,
        )
        .values(alarm_id=alarm_id, valid_until=now + valid_for)
    )
    if cast("CursorResult[Any]", await session.execute(lapsed)).rowcount == 1:
        return alarm_id
    held = await session.get(AlarmClaim, (strategy_id, key), populate_existing=True)
    return alarm_id if held is None else held.alarm_id


async def forget_lapsed(session: AsyncSession, *, now: datetime) -> None:
    """Drop claims that hold nothing any more."""
    await session.execute(delete(AlarmClaim).where(AlarmClaim.valid_until < now))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
