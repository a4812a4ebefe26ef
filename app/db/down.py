"""Whether the database is what is wrong."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import Unavailable


def is_down(failed: Exception) -> bool:
    """Whether the database, rather than what was asked of it, is what is wrong."""
    if isinstance(failed, DBAPIError) and failed.connection_invalidated:
        return True
    return isinstance(failed, OSError | PoolTimeout | OperationalError | InterfaceError)


def database_down() -> Unavailable:
    """What to answer then."""
    return Unavailable("The database cannot be reached; send it again.", code="database_down")
