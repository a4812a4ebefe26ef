"""Before chapter 1: one delivery is kept first and decided next, whichever door it came by."""

from datetime import datetime, timedelta
from uuid import UUID

from loguru import logger

from app.core.failpoints import failpoint
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading, receive
from app.pipeline.flow.alarms import on_alarm
from app.pipeline.flow.tools import Tools
from app.strategies.models import Strategy


async def take_in(
    tools: Tools, strategy: Strategy, body: bytes, *, source: str, reading: Reading
) -> tuple[Alarm, bool]:
    """Store a delivery, decide it, and say what it is.

    The raw bytes are committed before anything is decided: whatever goes wrong afterwards, the
    alarm is there, and the sweep decides it later.

    Returns:
        The alarm, and whether this delivery only repeats it.
    """
    failpoint("C03")
    settings = tools.settings
    async with tools.database.transaction() as session:
        receipt = await receive(
            session,
            strategy,
            body,
            source=source,
            now=tools.now(),
            reading=reading,
            window=timedelta(seconds=settings.dedup_window_seconds),
            max_future=timedelta(seconds=settings.future_alert_seconds),
        )
        failpoint("C04")
    stored_at = tools.now()
    failpoint("C05")
    with logger.contextualize(alarm_id=str(receipt.alarm_id)):
        decided = None
        if not receipt.is_duplicate:
            decided = await _decide(tools, receipt.alarm_id, reading, stored_at)
        alarm = decided or await _stored(tools, receipt.alarm_id)
        logger.bind(status=alarm.status.value, deliveries=alarm.deliveries).info("alarm.received")
    return alarm, receipt.is_duplicate


async def _stored(tools: Tools, alarm_id: UUID) -> Alarm:
    async with tools.database.read() as session:
        return await alarms.get(session, alarm_id)


async def _decide(
    tools: Tools, alarm_id: UUID, reading: Reading, stored_at: datetime
) -> Alarm | None:
    try:
        return await on_alarm(tools, alarm_id, meaning=reading.meaning, stored_at=stored_at)
    except Exception:  # noqa: BLE001 the alarm is stored: the sender must hear so, the sweep retries
        logger.exception("alarm.decision_failed")
        return None
