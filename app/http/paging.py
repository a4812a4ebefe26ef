"""Lists page by id: newest first, stable while new rows arrive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar.params import QueryParameter
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.errors import Invalid
from app.http.schemas import Page

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

RowT = TypeVar("RowT")
OutT = TypeVar("OutT")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is wanted; `since` is inclusive, `until` exclusive."""

    limit: int
    cursor: UUID | None
    since: datetime | None
    until: datetime | None


def provide_paging(
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, QueryParameter(name="cursor")] = None,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
) -> Paging:
    """Read `limit`, `cursor`, `from` and `to`.

    Raises:
        Invalid: a cursor that is not ours, or a time without a zone.
    """
    for name, moment in (("from", since), ("to", until)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid(f"{name}: add a time zone, for example 2026-01-31T00:00:00Z")
    try:
        key = UUID(cursor) if cursor else None
    except ValueError:
        raise Invalid("cursor: pass the next_cursor of the page before") from None
    return Paging(limit=limit, cursor=key, since=since, until=until)


async def page_of(
    session: AsyncSession,
    query: Select[tuple[RowT]],
    paging: Paging,
    *,
    id_column: InstrumentedAttribute[UUID],
    time_column: InstrumentedAttribute[datetime],
    shape: Callable[[RowT], OutT],
) -> Page[OutT]:
    """Run the query for one page and shape its rows.

    Args:
        session: where to ask.
        query: already narrowed to what the caller may see.
        paging: the wanted part.
        id_column: a version-7 id: its order is the order of birth.
        time_column: what `from` and `to` are compared with.
        shape: row to what crosses HTTP.
    """
    if paging.cursor is not None:
        query = query.where(id_column < paging.cursor)
    if paging.since is not None:
        query = query.where(time_column >= paging.since)
    if paging.until is not None:
        query = query.where(time_column < paging.until)
    query = query.order_by(id_column.desc()).limit(paging.limit + 1)
    rows: Sequence[RowT] = (await session.scalars(query)).all()
    shown = rows[: paging.limit]
    more = len(rows) > paging.limit
    return Page(
        items=[shape(row) for row in shown],
        next_cursor=str(_id(shown[-1], id_column)) if more else None,
    )


def _id(row: Any, id_column: InstrumentedAttribute[UUID]) -> UUID:
    value: UUID = getattr(row, id_column.key)
    return value
