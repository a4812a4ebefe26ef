import pytest

from app.db.session import Database
from tests.integration.audit.trail import Trail


@pytest.fixture
async def trail(database: Database) -> Trail:
    """An empty trail."""
    return await Trail.begin(database)


@pytest.fixture
async def sqlite_trail(sqlite_database: Database) -> Trail:
    """An empty trail on the one database that stores what is not of a column's type."""
    return await Trail.begin(sqlite_database)
