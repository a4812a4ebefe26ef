from collections.abc import AsyncIterator

import pytest

from app.db.session import Database
from tests.integration.bots.yard import Yard, open_yard


@pytest.fixture
async def yard(database: Database) -> AsyncIterator[Yard]:
    """A market that has fallen, and a strategy that runs MACD."""
    async with open_yard(database) as opened:
        yield opened
