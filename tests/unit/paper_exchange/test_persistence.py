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


async def test_waiting_orders_survive_sigkill_and_still_trigger(tmp_path: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    base = (await server.stdout.readline()).decode().strip()
    order = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1"}
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "62000", "belowType": "STOP_LOSS"}
    stop = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "58000"}
    trail = {"algoType": "CONDITIONAL", "type": "TRAILING_STOP_MARKET", "callbackRate": "1"}

    async with aiohttp.ClientSession() as session:
        venue = PaperVenue(base, session)
        await venue.price("BTCUSDT", "60000")
        coins = {"spot": {"BTC": "0.1", "USDT": "0"}, "linear": {"USDT": "10000"}}
        key = await venue.open_account(coins)
        _, listed = await venue.send(
            "POST", "/api/v3/orderList/oco", key, **order, **pair, belowStopPrice="58000"
        )
        for asked in (stop, trail):
            await venue.send("POST", "/fapi/v1/algoOrder", key, **order, **asked)
        await venue.price("BTCUSDT", "61000")
        await venue.fault("http_500", count=None)
        os.kill(server.pid, signal.SIGKILL)
    await server.wait()

    async with running(tmp_path) as venue:
        _, waiting = await venue.send("GET", "/fapi/v1/openAlgoOrders", key)
        _, before = await venue.send("GET", "/api/v3/account", key)
        # 1 % below 61000
        await venue.price("BTCUSDT", "60390")
        _, after_trail = await venue.send("GET", "/fapi/v1/openAlgoOrders", key)
        await venue.price("BTCUSDT", "57000")
        _, after_stop = await venue.send("GET", "/fapi/v1/openAlgoOrders", key)
        _, ended = await venue.send(
            "GET", "/api/v3/orderList", key, orderListId=listed["orderListId"]
        )
        armed = [
            i["fault"]["verb"] for i in await venue.ledger() if i.get("event") == "fault_armed"
        ]

    assert [row["locked"] for row in before["balances"] if row["asset"] == "BTC"] == ["0.10000000"]
    assert [len(waiting), len(after_trail), len(after_stop)] == [2, 1, 0]
    assert ended["listOrderStatus"] == "ALL_DONE"
    assert armed == ["http_500"]


async def test_a_folder_is_served_once_at_a_time(tmp_path: Path) -> None:
    first, second = open_exchange(tmp_path), open_exchange(tmp_path)
    await first.start()

    with pytest.raises(AlreadyServed):
        await second.start()

    await first.stop()
    await second.start()
    await second.stop()
