"""A scripted server, and the real clients of every venue that talk to it."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.exchanges.real_clients import Open, real_clients
from tests.unit.exchanges.scripted_venue import ScriptedVenue, scripted_venue


@pytest.fixture
async def script() -> AsyncIterator[ScriptedVenue]:
    async with scripted_venue() as venue:
        yield venue


@pytest.fixture
async def open_venue(script: ScriptedVenue) -> AsyncIterator[Open]:
    async with real_clients(script) as opened:
        yield opened
