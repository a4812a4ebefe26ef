"""Keep what arrived, count it once, say whether it can be read at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import iso
from app.core.ids import new_id
from app.pipeline.alarms import repository
from app.pipeline.alarms.claims import claim, claim_key
from app.pipeline.alarms.meaning import Meaning, Unreadable
from app.pipeline.alarms.models import TEST_SOURCE, Alarm, is_test_source
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.status import AlarmStatus
from app.strategies.models import Strategy


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery: the alarm it is or repeats."""

    alarm_id: UUID
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert read once: what it means, or why it cannot be read."""

    meaning: Meaning | None
    refusal: Unreadable | None

    @classmethod
    def of(cls, body: bytes) -> "Reading":
        """Read the raw body."""
        try:
            return cls(understand(body), None)
        except Unreadable as refusal:
            return cls(None, refusal)


async def receive(
    session: AsyncSession,
    strategy: Strategy,
    body: bytes,
    *,
    source: str,
    now: datetime,
    reading: Reading,
    window: timedelta,
    max_future: timedelta,
) -> Receipt:
    """Store one delivery, or count it as a repetition of an alarm we have.

    Args:
        session: the caller's transaction: the alarm is kept once it commits.
        strategy: whose token came with it.
        body: the bytes as they arrived.
        source: the sender's address; `user:` or `test:` and a name when it came from inside.
        now: when it arrived.
        reading: the body, read.
        window: how long an equal body is the same alert.
        max_future: how far the alert's clock may be ahead of ours.
    """
    key, valid_for = claim_key(body, reading.meaning, window=window)
    if is_test_source(source):
        # Tests are counted among themselves: none may swallow the alert that it rehearses.
        key = f"{TEST_SOURCE}{key}"
    alarm_id = new_id()
    holder = await claim(
        session, strategy_id=strategy.id, key=key, alarm_id=alarm_id, now=now, valid_for=valid_for
    )
    if holder != alarm_id:
        await repository.count_delivery(session, holder)
        return Receipt(holder, is_duplicate=True)
    alarm = _new_alarm(alarm_id, strategy, body, source=source, now=now, reading=reading)
    session.add(alarm)
    _refuse_unreadable(alarm, reading, now=now, max_future=max_future)
    return Receipt(alarm.id, is_duplicate=False)


def _new_alarm(
    alarm_id: UUID,
    strategy: Strategy,
    body: bytes,
    *,
    source: str,
    now: datetime,
    reading: Reading,
) -> Alarm:
    meaning = reading.meaning
    dialect = meaning.dialect if meaning else (reading.refusal and reading.refusal.dialect)
    problems = meaning.problems if meaning else ()
    return Alarm(
        id=alarm_id,
        user_id=strategy.user_id,
        strategy_id=strategy.id,
        status=AlarmStatus.RECEIVED,
        body=body,
        source=source,
        received_at=now,
        deliveries=1,
        dialect=dialect,
        alert_at=meaning.alert_at if meaning else None,
        ticker=meaning.intents[0].ticker if meaning else None,
        problems=[{"code": p.code, "detail": p.detail, "position": p.position} for p in problems],
    )


def _refuse_unreadable(
    alarm: Alarm, reading: Reading, *, now: datetime, max_future: timedelta
) -> None:
    if reading.refusal is not None:
        reason = f"{reading.refusal.code}: {reading.refusal.detail}"
        alarm.decide(AlarmStatus.REFUSED, reason=reason, now=now)
    elif alarm.alert_at is not None and alarm.alert_at > now + max_future:
        reason = (
            f"from_the_future: The alert says {iso(alarm.alert_at)}, "
            f"{int((alarm.alert_at - now).total_seconds())} s ahead of our clock."
        )
        alarm.decide(AlarmStatus.REFUSED, reason=reason, now=now)
