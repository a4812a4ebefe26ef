"""Notes to the worker, committed together with the change that causes the work.

They only make things quick: every step is also found by its status, so a lost note delays and
loses nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Integer, String, delete, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, make_transient_to_detached, mapped_column

from app.core.words import Word
from app.db.base import Base
from app.db.insert import Rows
from app.db.session import Writing

SESSION_KEY: Final = "wakeups"
AT_ONCE: Final = 1_000


class Work(Word):
    """Which step of the flow is due."""

    ALARMS = "alarms"
    PRICE = "price"
    WEIGH = "weigh"
    ENTRY = "entry"
    EXIT = "exit"
    ORDER = "order"
    CANCEL = "cancel"
    POSITION = "position"
    PROTECT = "protect"
    RISK = "risk"


class Wakeup(Base):
    """One note: this step is due for this row, in the lane of this account and symbol."""

    __tablename__ = "wakeups"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    work: Mapped[Work]
    subject_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    symbol: Mapped[str | None] = mapped_column(String(80))
    is_urgent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


_NOTES: Final = Rows(Wakeup)


def wake(
    session: AsyncSession,
    work: Work,
    subject_id: UUID,
    *,
    now: datetime,
    lane: tuple[UUID, str] | None = None,
    is_urgent: bool = False,
) -> None:
    """Leave a note in the caller's transaction; a worker in this process hears of the commit.

    Args:
        session: the caller's transaction.
        work: the step that is due.
        subject_id: the row it is due for.
        now: time of the note.
        lane: account and symbol whose steps run one after another; None for steps without one.
        is_urgent: goes before what waits in the lane; for exits.
    """
    note = Wakeup(**_values(work, subject_id, now=now, lane=lane, is_urgent=is_urgent))
    session.add(note)
    session.info.setdefault(SESSION_KEY, []).append(note)


def wake_in(writing: Writing, work: Work, subject_id: UUID, *, now: datetime) -> None:
    """As `wake`, where there is no session and for a step that has no lane."""
    note_id = _NOTES.insert_numbered(writing.connection, _values(work, subject_id, now=now))
    note_in(writing, note_id, work, subject_id, now=now)


def note_in(writing: Writing, note_id: int, work: Work, subject_id: UUID, *, now: datetime) -> None:
    """Have a note heard of at the commit that a statement of the caller's has written."""
    note = Wakeup(id=note_id, **_values(work, subject_id, now=now))
    make_transient_to_detached(note)
    writing.info.setdefault(SESSION_KEY, []).append(note)


def _values(
    work: Work,
    subject_id: UUID,
    *,
    now: datetime,
    lane: tuple[UUID, str] | None = None,
    is_urgent: bool = False,
) -> dict[str, Any]:
    account_id, symbol = lane or (None, None)
    return {
        "work": work,
        "subject_id": subject_id,
        "account_id": account_id,
        "symbol": symbol,
        "is_urgent": is_urgent,
        "created_at": now,
    }


def committed(info: Mapping[Any, Any]) -> list["Wakeup"]:
    """The notes of a session that was committed; a savepoint rolled back took its own with it."""
    return [note for note in info.get(SESSION_KEY, ()) if inspect(note).has_identity]


async def newest_id(session: AsyncSession) -> int:
    """Id of the latest note; 0 when there is none."""
    return (await session.scalar(select(func.max(Wakeup.id)))) or 0


async def after(session: AsyncSession, last_id: int) -> list[Wakeup]:
    """Notes younger than `last_id`, oldest first."""
    query = select(Wakeup).where(Wakeup.id > last_id).order_by(Wakeup.id).limit(AT_ONCE)
    return list((await session.scalars(query)).all())


async def forget_before(session: AsyncSession, moment: datetime) -> None:
    """Drop notes that every worker has long read."""
    await session.execute(delete(Wakeup).where(Wakeup.created_at < moment))
