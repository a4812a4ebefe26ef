from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.session import Database
from tests.integration.market.stall import Stall, open_stall


@pytest.fixture
async def stall(tmp_path: Path, database: Database) -> AsyncIterator[Stall]:
    """The app on a real port, on both databases in turns."""
    async with open_stall(tmp_path, database, sockets_per_user=3, symbols_per_socket=2) as opened:
        yield opened
