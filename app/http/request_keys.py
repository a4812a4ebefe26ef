"""Which `Idempotency-Key`s were sent, and what was answered to each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, String, Text, delete, select, update
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.insert import Rows

KEPT: Final = timedelta(hours=24)


class RequestKey(Base):
    """One key of one user.

    Attributes:
        digest: of the key, so that two that differ in case alone are two on every database.
        fingerprint: of method, address and body: the request that the key stands for.
        subject_id: the signal that it made, where the answer follows in a later transaction.
        status: of the answer; None until there is one.
        body: of the answer, as it was sent.
    """

    __tablename__ = "request_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    claimed_at: Mapped[datetime] = mapped_column(index=True)
    subject_id: Mapped[UUID | None]
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"))


@dataclass(frozen=True, slots=True)
class Name:
    """What only one request can have: a key of a user."""

    user_id: UUID
    digest: str


async def take(session: AsyncSession, name: Name, fingerprint: str, *, now: datetime) -> bool:
    """Take the key in the caller's transaction; False when an earlier request has it.

    Whoever asks while another transaction is taking it waits for that one's end. So it comes
    first in a transaction, where a waiting one holds nothing that another could wait for; only a
    trader who is to be held is held before, for that locks the row which this one refers to.
    """
    lapsed = delete(RequestKey).where(_is(name), RequestKey.claimed_at <= now - KEPT)
    await session.execute(lapsed)
    row = {
        "user_id": name.user_id,
        "digest": name.digest,
        "fingerprint": fingerprint,
        "claimed_at": now,
    }
    return await session.run_sync(lambda sync: _KEYS.insert(sync.connection(), [row]))


_KEYS: Final = Rows(RequestKey, unless_taken=True)


async def find(session: AsyncSession, name: Name, *, now: datetime) -> RequestKey | None:
    """The key as an earlier request left it; None when it is free."""
    query = select(RequestKey).where(_is(name), RequestKey.claimed_at > now - KEPT)
    found: RequestKey | None = await session.scalar(query)
    return found


async def begin(session: AsyncSession, name: Name, subject_id: UUID) -> None:
    """Say what the request has made, so that whoever comes after a crash goes on from there."""
    await session.execute(update(RequestKey).where(_is(name)).values(subject_id=subject_id))


async def answer(session: AsyncSession, name: Name, *, status: int, body: str) -> None:
    """Keep the answer; the first one stays."""
    unanswered = update(RequestKey).where(_is(name), RequestKey.status.is_(None))
    await session.execute(unanswered.values(status=status, body=body))


async def free(session: AsyncSession, name: Name) -> None:
    """Let the same key be tried again."""
    await session.execute(delete(RequestKey).where(_is(name)))


async def forget_before(session: AsyncSession, moment: datetime) -> None:
    """Drop the keys that were taken before that."""
    await session.execute(delete(RequestKey).where(RequestKey.claimed_at < moment))


def _is(name: Name) -> ColumnElement[bool]:
    return (RequestKey.user_id == name.user_id) & (RequestKey.digest == name.digest)
