from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.session import Database
from tests.integration.market.stall import Stall, open_stall


@pytest.fixture
async def stall(tmp_path: Path, sqlite_database: Database) -> AsyncIterator[Stall]:
    async with open_stall(
        tmp_path, sqlite_database, sockets_per_user=3, symbols_per_socket=3
    ) as opened:
        yield opened
