"""How many rows a statement has changed: with a condition in it, whether the caller was first."""

from typing import Any, cast

from sqlalchemy import CursorResult, Update
from sqlalchemy.ext.asyncio import AsyncSession


async def changed(session: AsyncSession, statement: Update) -> int:
    """Execute a statement; the number of rows that it changed."""
    result = cast("CursorResult[Any]", await session.execute(statement))
    return result.rowcount
