"""`candles fetch` as a process that is killed, at a venue that refuses now and then."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.db.session import Database
from app.market.candles import repository
from app.market.candles.series import Series
from app.trading.candle import PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.contract.paper_venue import PaperVenue
from tests.contract.paper_venue import running as paper_running
from tests.programs.starting import ROOT, Child, Launcher

SERIES = Series("paper", MarketType.LINEAR, "BTC/USDT:USDT", PriceKind.LAST, Timeframe.M1)
# Five answers of the venue.
MINUTES = 4_500
KILLS = 2
PATIENCE_SECONDS = 120
SAID = "fetch.out"


async def test_a_back_fill_that_is_killed_goes_on_and_leaves_no_gap_and_no_double(
    tmp_path: Path, database_url: str, database: Database, warm: Launcher
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251 the venue's clock is real
    since, until = now - timedelta(minutes=MINUTES + 10), now - timedelta(minutes=10)
    async with paper_running(tmp_path / "paper") as paper:
        await paper.fault("rate_429", route="candles", seconds="1", nth=2, count=1)
        await paper.fault("http_500", route="candles", nth=4, count=2)
        for _ in range(KILLS):
            before = await stored(database)
            process = fetching(tmp_path, database_url, paper, warm, (since, until))
            await grows(database, before, process)
            process.send(signal.SIGKILL)
            await process.ended(PATIENCE_SECONDS)
        half = await stored(database)
        process = fetching(tmp_path, database_url, paper, warm, (since, until))
        assert await process.ended(PATIENCE_SECONDS)
        answered = {
            one["status"] for one in await paper.ledger() if "klines" in str(one.get("path"))
        }

    said = (tmp_path / SAID).read_text()
    found = [one async for page in repository.stored(database, SERIES) for one in page]
    assert warm.status(process) == 0, said
    assert [one.open_time for one in found] == list(Timeframe.M1.opens(since, until))
    assert f"{MINUTES - half} new, {half} were there." in said
    assert answered == {200, 429, 500}


def fetching(
    folder: Path, database_url: str, paper: PaperVenue, starts: Launcher, span: tuple[datetime, ...]
) -> Child:
    """The command, at work."""
    since, until = (one.isoformat() for one in span)
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        "PAPER_URL": paper.base,
    }
    words = ("-m", "app", "candles", "fetch", "BTCUSDT.P", "--timeframe", "1m")
    return starts.launch(
        (*words, "--from", since, "--to", until), environment, folder, folder / SAID
    )


async def stored(database: Database) -> int:
    """How many candles are there."""
    return sum([len(page) async for page in repository.open_times(database, SERIES)])


async def grows(database: Database, before: int, process: Child) -> None:
    """Wait until there are more of them, or it has ended by itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await stored(database) == before and process.is_alive:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
