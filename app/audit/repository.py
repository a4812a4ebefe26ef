"""Questions about the audit trail and its seals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Connection, Select, Table, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.chain import BEFORE_THE_FIRST, COLUMNS
from app.audit.models import AuditEntry, AuditSeal

_ENTRIES: Final = cast("Table", AuditEntry.__table__)
_ENTRY: Final = [_ENTRIES.c[name] for name in COLUMNS]
_IS_SEALED: Final = exists().where(AuditSeal.entry_id == AuditEntry.id)
_HEAD: Final = select(AuditSeal.number, AuditSeal.digest).order_by(AuditSeal.number.desc()).limit(1)


def entries(
    *, user_id: UUID | None, action: str | None, subject_id: str | None
) -> Select[tuple[AuditEntry]]:
    """The query for a list.

    Args:
        user_id: only this user's rows; None for everyone's.
        action: only this action, or all of one kind when it ends in a dot, as in `signal.`.
        subject_id: only what was done to this one.
    """
    query = select(AuditEntry)
    if user_id is not None:
        query = query.where(AuditEntry.user_id == user_id)
    if action and action.endswith("."):
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    elif action:
        query = query.where(AuditEntry.action == action)
    if subject_id:
        query = query.where(AuditEntry.subject_id == subject_id)
    return query


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal; number 0 before the first."""

    number: int = 0
    digest: str = BEFORE_THE_FIRST

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


async def head(session: AsyncSession) -> Head:
    """Where the chain ends."""
    found = (await session.execute(_HEAD)).one_or_none()
    return Head() if found is None else Head(*found)


def head_in(connection: Connection) -> Head:
    """As `head`, for a transaction without objects."""
    found = connection.execute(_HEAD).one_or_none()
    return Head() if found is None else Head(*found)


async def newest_id(session: AsyncSession) -> UUID | None:
    """The entry that was made last, among those that are committed."""
    query = select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)
    found: UUID | None = await session.scalar(query)
    return found


def unsealed(*, after: UUID, limit: int) -> Select[Any]:
    """The columns of entries that have no seal, in the order they were made.

    Args:
        after: only of entries made later than this one.
        limit: how many.
    """
    query = select(*_ENTRY).where(AuditEntry.id > after, ~_IS_SEALED)
    return query.order_by(AuditEntry.id).limit(limit)


def unsealed_figures() -> Select[Any]:
    """How many entries have no seal, and the time of the oldest."""
    return select(func.count(), func.min(AuditEntry.at)).where(~_IS_SEALED)


def sealed(*, after: int, limit: int) -> Select[Any]:
    """Seals in the order of the chain, each with what its entry says now.

    The columns of a seal are `number`, `digest` and `entry_id`; those of an entry that is gone are
    null.

    Args:
        after: only seals with a higher number.
        limit: how many.
    """
    return (
        select(AuditSeal.number, AuditSeal.digest, AuditSeal.entry_id, *_ENTRY)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .where(AuditSeal.number > after)
        .order_by(AuditSeal.number)
        .limit(limit)
    )


def numbers(*, after: int, limit: int) -> Select[tuple[int]]:
    """The numbers of the same seals and nothing else."""
    query = select(AuditSeal.number).where(AuditSeal.number > after)
    return query.order_by(AuditSeal.number).limit(limit)


def unsealed_before(moment: datetime, *, limit: int) -> Select[Any]:
    """Id and time of entries without a seal that say they are older than that."""
    query = select(AuditEntry.id, AuditEntry.at).where(~_IS_SEALED, AuditEntry.at < moment)
    return query.order_by(AuditEntry.id).limit(limit)


async def digest_of(session: AsyncSession, number: int) -> str | None:
    """The digest of one seal; None when there is none of that number."""
    query = select(AuditSeal.digest).where(AuditSeal.number == number)
    found: str | None = await session.scalar(query)
    return found
