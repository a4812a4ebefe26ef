"""Every venue implementation, for the tests that ask all of them the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.trading.words import MarketType
from tests.contract.stages import Stage, fake_stage, paper_stage


@pytest.fixture(params=["fake", "paper"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def _stage(kind: str, market_type: MarketType, folder: Path) -> AsyncIterator[Stage]:
    opened = fake_stage(market_type) if kind == "fake" else paper_stage(market_type, folder)
    async with opened as stage:
        yield stage


@pytest.fixture(params=[MarketType.SPOT, MarketType.LINEAR], ids=str)
async def stage(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with _stage(kind, request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def spot(kind: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with _stage(kind, MarketType.SPOT, tmp_path) as opened:
        yield opened


@pytest.fixture
async def linear(kind: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with _stage(kind, MarketType.LINEAR, tmp_path) as opened:
        yield opened
