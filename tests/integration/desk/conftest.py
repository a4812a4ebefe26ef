from collections.abc import AsyncIterator

import pytest

from app.db.session import Database, open_database
from app.strategies.words import Approval
from tests.integration.desk.front import Front, new_webhook, open_front


@pytest.fixture
async def front(database: Database) -> AsyncIterator[Front]:
    """A trader on a linear account whose strategy asks before it acts."""
    async with open_front(database, approval=Approval.MANUAL) as opened:
        yield opened


@pytest.fixture
async def sqlite_front(sqlite_url: str) -> AsyncIterator[Front]:
    """A trader's front door, for what depends on no database."""
    database = open_database(sqlite_url)
    async with open_front(database) as opened:
        yield opened
    await database.close()


@pytest.fixture
async def webhook(front: Front) -> str:
    """Path of the strategy's webhook."""
    return await new_webhook(front)
