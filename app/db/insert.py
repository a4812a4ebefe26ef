"""Insert a row unless its key is taken, in one statement on every database."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, Insert, insert
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
    statement: Insert
    if session.get_bind().dialect.name == "postgresql":
        statement = postgresql.insert(table).values(**values).on_conflict_do_nothing()
    else:
        statement = (
            insert(table)
            .values(**values)
            .prefix_with("OR IGNORE", dialect="sqlite")
            .prefix_with("IGNORE", dialect="mysql")
            .prefix_with("IGNORE", dialect="mariadb")
        )
    result = await session.execute(statement)
    return cast("CursorResult[Any]", result).rowcount == 1
