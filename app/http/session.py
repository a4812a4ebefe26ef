"""The request's edge: a session that commits before the answer leaves, or rolls back."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.failpoints import failpoint
from app.db.session import Database

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def database_of(request: Request[Any, Any, Any]) -> Database:
    """The database this app was built with."""
    database: Database = request.app.state.database
    return database


async def provide_session(
    request: Request[Any, Any, Any],
    now: NamedDependency[datetime],  # noqa: ARG001 it puts the session after what may be refused
) -> AsyncIterator[AsyncSession]:
    """One session per request; the only generator dependency a request may have.

    Litestar provides what depends on nothing first, all at once: a page or a header that makes no
    sense is refused before a session is open, which nobody would close.

    Litestar finishes it before the answer is sent, so a failed commit becomes an error and never
    hides behind a 2xx. Refuse by raising: a returned 4xx would commit.
    """
    database = database_of(request)
    if request.method in READING_METHODS:
        async with database.read() as session:
            yield session
    else:
        async with database.transaction() as session:
            yield session
        failpoint("C12")
