from collections.abc import AsyncIterator

import pytest

from app.db.session import Database
from tests.builders import a_user
from tests.fakes.clock import FakeClock
from tests.integration.backtests.yard import Yard, open_yard
from tests.market_builders import LATER


@pytest.fixture
async def yard(database: Database) -> AsyncIterator[Yard]:
    """A trader and a market that is stored."""
    clock = FakeClock(LATER)
    trader = a_user(clock.now())
    async with database.transaction() as session:
        session.add(trader)
    opened = open_yard(database, clock, trader)
    await opened.stock()
    yield opened
    await opened.close()
