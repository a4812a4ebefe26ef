"""`candles fetch` as a process that is killed, at a venue that refuses now and then."""

import asyncio
import os
import signal
import sys
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

ROOT = Path(__file__).parents[2]
SERIES = Series("paper", MarketType.LINEAR, "BTC/USDT:USDT", PriceKind.LAST, Timeframe.M1)
# Five answers of the venue.
MINUTES = 4_500
KILLS = 2
PATIENCE_SECONDS = 120


async def test_a_back_fill_that_is_killed_goes_on_and_leaves_no_gap_and_no_double(
    tmp_path: Path, database_url: str, database: Database
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251 the venue's clock is real
    since, until = now - timedelta(minutes=MINUTES + 10), now - timedelta(minutes=10)
    async with paper_running(tmp_path / "paper") as paper:
        await paper.fault("rate_429", route="candles", seconds="1", nth=2, count=1)
        await paper.fault("http_500", route="candles", nth=4, count=2)
        for _ in range(KILLS):
            before = await stored(database)
            process = await fetching(tmp_path, database_url, paper, since, until)
            await grows(database, before, process)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        half = await stored(database)
        process = await fetching(tmp_path, database_url, paper, since, until)
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        answered = {
            one["status"] for one in await paper.ledger() if "klines" in str(one.get("path"))
        }

    found = [one async for page in repository.stored(database, SERIES) for one in page]
    assert process.returncode == 0, said.decode()
    assert [one.open_time for one in found] == list(Timeframe.M1.opens(since, until))
    assert f"{MINUTES - half} new, {half} were there." in said.decode()
    assert answered == {200, 429, 500}


async def fetching(
    folder: Path, database_url: str, paper: PaperVenue, since: datetime, until: datetime
) -> asyncio.subprocess.Process:
    """The command, at work."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app", "candles", "fetch", "BTCUSDT.P", "--timeframe", "1m"),
        *("--from", since.isoformat(), "--to", until.isoformat()),
        cwd=folder,
        env={
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "DATA_DIR": str(folder / "data"),
            "LOG_DIR": str(folder / "logs"),
            "PAPER_URL": paper.base,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def stored(database: Database) -> int:
    """How many candles are there."""
    return sum([len(page) async for page in repository.open_times(database, SERIES)])


async def grows(database: Database, before: int, process: asyncio.subprocess.Process) -> None:
    """Wait until there are more of them, or it has ended by itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await stored(database) == before and process.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
