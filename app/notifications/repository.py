"""Questions about notices."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.models import Notice, Severity


def listing(
    user_id: UUID,
    *,
    severity: Severity | None = None,
    code: str | None = None,
    subject_id: str | None = None,
) -> Select[tuple[Notice]]:
    """The user's notices, narrowed by what is given."""
    query = select(Notice).where(Notice.user_id == user_id)
    if severity is not None:
        query = query.where(Notice.severity == severity)
    if code:
        query = query.where(Notice.code == code)
    if subject_id:
        query = query.where(Notice.subject_id == subject_id)
    return query


async def about(session: AsyncSession, subject_ids: Iterable[str]) -> Sequence[Notice]:
    """What was said about any of these, whoever it was said to, oldest first."""
    query = select(Notice).where(Notice.subject_id.in_(tuple(subject_ids)))
    return (await session.scalars(query.order_by(Notice.id))).all()
