import pytest

from app.db.session import Database
from tests.integration.db.own import OwnBase


@pytest.fixture
async def samples(database: Database) -> Database:
    """A database that also has the tables of these tests."""
    async with database.engine.begin() as connection:
        await connection.run_sync(OwnBase.metadata.create_all)
    return database
