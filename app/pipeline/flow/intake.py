"""Before chapter 1: one delivery is kept first and decided next, whichever door it came by."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from loguru import logger

from app.core.failpoints import failpoint
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.keeping import Delivery, Receipt
from app.pipeline.alarms.meaning import Meaning
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.alarms import on_alarm
from app.pipeline.flow.tools import Tools
from app.strategies.models import Strategy

# While deliveries wait, deciding takes a quarter of the time: they are answered first.
GIVE_WAY: Final = 3


async def take_delivery(tools: Tools, delivery: Delivery) -> Receipt:
    """Keep a delivery, decide it unless it came in a crowd, and say what it is.

    The raw bytes are committed before anything is decided: whatever goes wrong afterwards, the
    alarm is there, and a worker decides it.

    Returns:
        As far as it is known when its sender is answered: `received` when it came in a crowd, for
        then it is kept, and decided in a moment. `signal_id` is of the last signal it became.

    Raises:
        Unavailable: it could not be kept now; nothing came of it, and it should be sent again.
    """
    failpoint("C03")
    kept = await tools.inbox.put(delivery)
    stored_at = tools.now()
    failpoint("C05")
    if kept.in_crowd:
        return kept.receipt
    return await decide_kept(tools, delivery, kept.receipt, stored_at=stored_at)


async def decide_kept(
    tools: Tools, delivery: Delivery, receipt: Receipt, *, stored_at: datetime
) -> Receipt:
    """Decide a delivery that is kept, and say in the log what it is.

    What goes wrong is logged: the alarm is there, and a worker decides it.

    Args:
        tools: the database, markets and prices.
        delivery: what arrived.
        receipt: what the transaction that kept it said.
        stored_at: when the caller saw that committed.
    """
    with logger.contextualize(alarm_id=str(receipt.alarm_id)):
        if not receipt.is_decided:
            receipt = await _decide(tools, receipt, delivery.reading.meaning, stored_at)
        said = "duplicate" if receipt.is_duplicate else receipt.status.value
        logger.bind(status=said, source=delivery.source).info("alarm.received")
    return receipt


async def take_in(
    tools: Tools,
    strategy: Strategy,
    body: bytes,
    *,
    source: str,
    reading: Reading,
    actor: str | None = None,
) -> tuple[Alarm, bool]:
    """Take in an alert for a strategy that is at hand, and show all that is known of it.

    Args:
        tools: the database, markets and prices.
        strategy: which one it is for.
        body: the bytes as they came.
        source: the sender's address; `user:`, `test:` or `bot:` and a name for one from inside.
        reading: the body, read.
        actor: the user who sends it by hand; None for anybody else.

    Returns:
        The alarm, and whether this delivery only repeats it.
    """
    receipt = await take_delivery(
        tools,
        Delivery(
            user_id=strategy.user_id,
            strategy_id=strategy.id,
            body=body,
            source=source,
            received_at=tools.now(),
            reading=reading,
            actor=actor,
        ),
    )
    async with tools.database.read() as session:
        return await alarms.get(session, receipt.alarm_id), receipt.is_duplicate


async def decide_waiting(
    tools: Tools, *, told: Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]]
) -> None:
    """Decide what was kept and not decided, oldest first, and give way to what still arrives.

    Args:
        tools: the database, markets and prices.
        told: runs a step; what goes wrong in it keeps no other alarm waiting.
    """
    decided: set[UUID] = set()
    while True:
        async with tools.database.read() as session:
            waiting = await alarms.undecided(session, before=tools.now())
        waiting = [one for one in waiting if one not in decided]
        if not waiting:
            return
        for alarm_id in waiting:
            began = time.monotonic()
            await told(partial(on_alarm, tools, alarm_id))
            await tools.inbox.lull(GIVE_WAY * (time.monotonic() - began))
        decided.update(waiting)


async def _decide(
    tools: Tools, receipt: Receipt, meaning: Meaning | None, stored_at: datetime
) -> Receipt:
    try:
        alarm = await on_alarm(tools, receipt.alarm_id, meaning=meaning, stored_at=stored_at)
    except Exception:  # noqa: BLE001 the alarm is kept: the sender must hear so, a worker retries
        logger.exception("alarm.decision_failed")
        return receipt
    return replace(receipt, status=alarm.status, reason=alarm.reason, signal_id=alarm.signal_id)
