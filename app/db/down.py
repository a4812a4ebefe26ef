"""Whether the database is what is wrong."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import Unavailable


def is_down(failed: Exception) -> bool:
    """Whether the database, rather than what was asked of it, is what is wrong."""
    if isinstance(failed, DBAPIError) and failed.connection_invalidated:
        return True
    if _is_wrong_statement(failed):
        return False
    return isinstance(failed, OSError | PoolTimeout | OperationalError | InterfaceError)


def _is_wrong_statement(failed: Exception) -> bool:
    # SQLite has one class for a full disk and for a table that is not there: the code tells.
    orig = getattr(failed, "orig", None)
    return getattr(orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def database_down() -> Unavailable:
    """What to answer then."""
    return Unavailable("The database cannot be reached; send it again.", code="database_down")
