"""Every query on the captures."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.changing import changed
from app.db.insert import Rows
from app.market.candles.series import Series
from app.market.capture.models import Capture

_NEW: Final = Rows(Capture, unless_taken=True)


def listing(user_id: UUID) -> Select[tuple[Capture]]:
    """The user's captures."""
    return select(Capture).where(Capture.user_id == user_id)


async def own(session: AsyncSession, user_id: UUID, series: Series) -> Capture | None:
    """The user's capture of a series; None when there is none."""
    found: Capture | None = await session.scalar(listing(user_id).where(*_is_of(series)))
    return found


async def count(session: AsyncSession, user_id: UUID) -> int:
    """How many a user has."""
    query = select(func.count()).where(Capture.user_id == user_id)
    return await session.scalar(query) or 0


async def add(session: AsyncSession, row: Mapping[str, Any]) -> bool:
    """Insert one; False when the user has one of that series already."""
    connection = await session.connection()
    return await connection.run_sync(_NEW.insert, [row])


async def remove(session: AsyncSession, capture: Capture) -> None:
    """Delete one."""
    await session.execute(delete(Capture).where(Capture.id == capture.id))


async def remove_all(session: AsyncSession, user_id: UUID) -> None:
    """Delete all of a user."""
    await session.execute(delete(Capture).where(Capture.user_id == user_id))


async def wanted(session: AsyncSession) -> dict[Series, datetime]:
    """Every series that somebody wants, and where to go on with it."""
    found: dict[Series, datetime] = {}
    for row in await session.scalars(select(Capture)):
        at = row.kept_to or row.since
        found[row.series] = min(at, found.get(row.series, at))
    return found


async def note_kept(
    session: AsyncSession, series: Series, *, looked_from: datetime, kept_to: datetime
) -> None:
    """Write down that a series is complete from one moment to another.

    A capture that begins earlier, made or widened meanwhile, stays as it is.
    """
    is_covered = or_(
        Capture.kept_to >= looked_from,
        and_(Capture.kept_to.is_(None), Capture.since >= looked_from),
    )
    await session.execute(
        update(Capture)
        .where(*_is_of(series), is_covered)
        .values(kept_to=kept_to, failing_since=None, reason=None)
    )


async def note_failing(
    session: AsyncSession, series: Series, reason: str, *, now: datetime
) -> bool:
    """Write down why a series could not be fetched; whether that is new."""
    mine = update(Capture).where(*_is_of(series))
    first = mine.where(Capture.failing_since.is_(None)).values(failing_since=now, reason=reason)
    other = mine.where(Capture.reason != reason).values(reason=reason)
    return await changed(session, first) + await changed(session, other) > 0


def _is_of(series: Series) -> list[ColumnElement[bool]]:
    return [
        Capture.exchange == series.exchange,
        Capture.market_type == series.market_type,
        Capture.symbol == series.symbol,
        Capture.timeframe == series.timeframe,
    ]
