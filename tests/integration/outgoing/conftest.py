"""One authority for all; an internet of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.outgoing.servers import Authority, Internet, an_internet


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("authority")))


@pytest.fixture
async def internet(authority: Authority) -> AsyncIterator[Internet]:
    async with an_internet(authority) as made:
        yield made
