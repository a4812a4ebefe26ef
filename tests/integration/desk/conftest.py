from collections.abc import AsyncIterator

import pytest

from app.db.session import Database
from app.strategies.words import Approval
from tests.integration.desk.front import Front, new_webhook, open_front


@pytest.fixture
async def front(database: Database) -> AsyncIterator[Front]:
    """A trader on a linear account whose strategy asks before it acts."""
    async with open_front(database, approval=Approval.MANUAL) as opened:
        yield opened


@pytest.fixture
async def sqlite_front(sqlite_database: Database) -> AsyncIterator[Front]:
    """A trader's front door, for what depends on no database."""
    async with open_front(sqlite_database) as opened:
        yield opened


@pytest.fixture
async def webhook(front: Front) -> str:
    """Path of the strategy's webhook."""
    return await new_webhook(front)
