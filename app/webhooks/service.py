"""Take one delivery in: kept first, decided next, answered last."""

import hmac
from datetime import timedelta
from uuid import UUID

from loguru import logger

from app.core.errors import NotFound
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading, receive
from app.pipeline.flow.alarms import on_alarm
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.strategies.service import token_digest


async def strategy_of_token(tools: Tools, token: str) -> Strategy:
    """The strategy a webhook token belongs to.

    Raises:
        NotFound: none; it looks like any path that does not exist.
    """
    digest = token_digest(token)
    async with tools.database.read() as session:
        strategy = await strategies.by_token_digest(session, digest)
    if strategy is None or not hmac.compare_digest(strategy.token_digest, digest):
        raise NotFound(NOTHING_HERE)
    return strategy


async def take_in(
    tools: Tools, strategy: Strategy, body: bytes, *, source: str, reading: Reading
) -> tuple[Alarm, bool]:
    """Store a delivery, decide it, and say what it is.

    The raw bytes are committed before anything is decided: whatever goes wrong afterwards, the
    alarm is there, and the sweep decides it later.

    Returns:
        The alarm, and whether this delivery only repeats it.
    """
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
    with logger.contextualize(alarm_id=str(receipt.alarm_id)):
        decided = None if receipt.is_duplicate else await _decide(tools, receipt.alarm_id)
        alarm = decided or await _stored(tools, receipt.alarm_id)
        logger.bind(status=alarm.status.value, deliveries=alarm.deliveries).info("alarm.received")
    return alarm, receipt.is_duplicate


async def _stored(tools: Tools, alarm_id: UUID) -> Alarm:
    async with tools.database.read() as session:
        return await alarms.get(session, alarm_id)


async def _decide(tools: Tools, alarm_id: UUID) -> Alarm | None:
    try:
        return await on_alarm(tools, alarm_id)
    except Exception:  # noqa: BLE001 the alarm is stored: the sender must hear so, the sweep retries
        logger.exception("alarm.decision_failed")
        return None
