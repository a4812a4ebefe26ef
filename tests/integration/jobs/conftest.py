from collections.abc import AsyncIterator

import pytest

from app.db.session import Database
from tests.builders import a_user
from tests.fakes.clock import FakeClock
from tests.integration.jobs.office import Office


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    """A trader and a worker that does the made-up programs."""
    clock = FakeClock()
    trader = a_user(clock.now())
    async with database.transaction() as session:
        session.add(trader)
    opened = Office(database, clock, trader)
    yield opened
    await opened.close()
