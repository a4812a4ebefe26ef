"""Insert rows unless their keys are taken, in one statement on every database."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Insert, Table, insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base


async def insert_if_absent(
    session: AsyncSession, table: type[Base], values: Mapping[str, Any]
) -> bool:
    """Whether the row was new. A taken key leaves the transaction usable and the old row as it is.

    Args:
        session: the caller's transaction.
        table: what to insert into.
        values: column values; column defaults of the mapping do not apply.
    """
    statement = _statement(cast("Table", table.__table__), session.get_bind().dialect.name)
    result = await session.execute(statement, dict(values))
    return cast("CursorResult[Any]", result).rowcount == 1


async def insert_all_absent(
    session: AsyncSession, table: type[Base], rows: Sequence[dict[str, Any]]
) -> bool | None:
    """As `insert_if_absent` for many rows in one trip.

    Args:
        session: the caller's transaction.
        table: what to insert into.
        rows: at least one. In an order that everybody keeps: two transactions that wait for each
            other's keys would otherwise wait for ever.

    Returns:
        Whether all were new; None where the driver does not count, and one has to look.
    """
    statement = _statement(cast("Table", table.__table__), session.get_bind().dialect.name)
    result = await session.execute(statement, list(rows))
    count = cast("CursorResult[Any]", result).rowcount
    return None if count < 0 else count == len(rows)


@cache
def _statement(table: Table, dialect: str) -> Insert:
    # The table, not the mapped class: a class would make it a bulk insert of the ORM.
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return (
        insert(table)
        .prefix_with("OR IGNORE", dialect="sqlite")
        .prefix_with("IGNORE", dialect="mysql")
        .prefix_with("IGNORE", dialect="mariadb")
    )
