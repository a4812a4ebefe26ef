"""One process serves a file, and what it answered is kept even when it is killed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from app.paper_exchange.storage.database import AlreadyServed
from tests.contract.paper_venue import PaperVenue, open_exchange, running

_SERVER = """
import asyncio, sys
from pathlib import Path
from tests.contract.paper_venue import running

async def main():
    async with running(Path(sys.argv[1])) as venue:
        print(venue.base, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_order_and_ledger_survive_sigkill(tmp_path: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    base = (await server.stdout.readline()).decode().strip()
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}

    async with aiohttp.ClientSession() as session:
        venue = PaperVenue(base, session)
        await venue.price("BTCUSDT", "60000")
        credentials = await venue.open_account()
        for number in range(20):
            await venue.send(
                "POST", "/fapi/v1/order", credentials, **order, newClientOrderId=f"sbkill{number}"
            )
        os.kill(server.pid, signal.SIGKILL)
    await server.wait()

    async with running(tmp_path) as venue:
        which = {"symbol": "BTCUSDT", "origClientOrderId": "sbkill19"}
        _, last = await venue.send("GET", "/fapi/v1/order", credentials, **which)
        _, risk = await venue.send("GET", "/fapi/v3/positionRisk", credentials)
        fills = [item for item in await venue.ledger() if item["kind"] == "fill"]

    assert last["status"] == "FILLED"
    assert risk[0]["positionAmt"] == "0.2"
    assert len(fills) == 20


async def test_a_folder_is_served_once_at_a_time(tmp_path: Path) -> None:
    first, second = open_exchange(tmp_path), open_exchange(tmp_path)
    await first.start()

    with pytest.raises(AlreadyServed):
        await second.start()

    await first.stop()
    await second.start()
    await second.stop()
