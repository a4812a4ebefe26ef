from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.session import Database
from tests.integration.accounts.house import House, open_house


@pytest.fixture
async def house(tmp_path: Path, sqlite_database: Database) -> AsyncIterator[House]:
    async with open_house(tmp_path, sqlite_database) as opened:
        yield opened
