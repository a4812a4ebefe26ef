"""Which notices are to be sent, and how far each of them is.

A try is written down before it is made. Whoever dies in the middle of it has used it up, so the
notice is sent again after its pause, and no notice is tried for ever.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.changing import changed
from app.db.outbox import note
from app.notifications.models import Delivery, Notice, NoticeAddress

# After each try until the next one; after the last one nothing follows. Five hours in all.
PAUSES: Final = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
)
MOST_TRIES: Final = len(PAUSES) + 1
# A last try that was cut off is found to have been the last one after that long.
LAST_TRY: Final = timedelta(minutes=1)


async def has_address(session: AsyncSession, user_id: UUID) -> bool:
    """Whether the user's notices are to be sent somewhere."""
    query = select(NoticeAddress.id).where(NoticeAddress.id == user_id)
    return await session.scalar(query) is not None


async def users_waiting(session: AsyncSession, *, now: datetime) -> Sequence[UUID]:
    """Whose notices are due to be sent."""
    query = select(Notice.user_id).where(*_is_due(now)).distinct()
    return (await session.scalars(query)).all()


async def claim_oldest(session: AsyncSession, user_id: UUID, *, now: datetime) -> Notice | None:
    """Take the user's oldest notice that is due, for one try by whoever was first.

    Returns:
        The notice as it was, with the tries before this one; None when none is due, or another
        process has just taken it.
    """
    query = select(Notice).where(Notice.user_id == user_id, *_is_due(now)).order_by(Notice.id)
    notice: Notice | None = await session.scalar(query.limit(1))
    if notice is None:
        return None
    pause = PAUSES[notice.tries] if notice.tries < len(PAUSES) else LAST_TRY
    claim = update(Notice).where(
        Notice.id == notice.id, Notice.delivery == Delivery.WAITING, Notice.tries == notice.tries
    )
    claim = claim.values(tries=notice.tries + 1, next_try_at=now + pause)
    note(session, notice)
    # The row in hand stays as it was read: it says how many tries there were.
    is_ours = await changed(session, claim.execution_options(synchronize_session=False)) == 1
    return notice if is_ours else None


async def settle(session: AsyncSession, notice: Notice, delivery: Delivery | None) -> None:
    """Say what became of a notice that was waiting."""
    waiting = update(Notice).where(Notice.id == notice.id, Notice.delivery == Delivery.WAITING)
    await session.execute(waiting.values(delivery=delivery, next_try_at=None))
    note(session, notice)


async def begin_anew(session: AsyncSession, user_id: UUID, *, now: datetime) -> None:
    """What waits is due now, at another address, with all its tries."""
    waiting = update(Notice).where(Notice.user_id == user_id, Notice.delivery == Delivery.WAITING)
    await session.execute(waiting.values(tries=0, next_try_at=now))


async def forget_waiting(session: AsyncSession, user_id: UUID) -> None:
    """What waits for an address that is gone is not sent any more."""
    waiting = update(Notice).where(Notice.user_id == user_id, Notice.delivery == Delivery.WAITING)
    await session.execute(waiting.values(delivery=None, next_try_at=None))


def _is_due(now: datetime) -> tuple[Any, Any]:
    return Notice.delivery == Delivery.WAITING, Notice.next_try_at <= now
