from collections.abc import AsyncIterator

import pytest

from app.db.session import Database, open_database
from tests.integration.audit.trail import Trail


@pytest.fixture
async def trail(database: Database) -> Trail:
    """An empty trail."""
    return await Trail.begin(database)


@pytest.fixture
async def sqlite_trail(sqlite_url: str) -> AsyncIterator[Trail]:
    """An empty trail on the one database that stores what is not of a column's type."""
    opened = open_database(sqlite_url)
    yield await Trail.begin(opened)
    await opened.close()
