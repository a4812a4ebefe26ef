"""A desk for each test, on both databases."""

from collections.abc import AsyncIterator

import pytest

from app.db.session import Database
from app.trading.words import MarketType
from tests.integration.flow.desk import Desk, open_desk


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """A linear account."""
    async with open_desk(database) as opened:
        yield opened


@pytest.fixture
async def spot_desk(database: Database) -> AsyncIterator[Desk]:
    """A spot account."""
    async with open_desk(database, market_type=MarketType.SPOT) as opened:
        yield opened
