"""A paper exchange on a real loopback port and its control API."""

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import uvicorn

from app.core.clock import SystemClock
from app.paper_exchange.app import PaperExchange, create_paper_exchange


class PaperVenue:
    """What a test sees of the running exchange: its address and its control API."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session

    async def control(self, path: str, **body: Any) -> Any:
        """POST to the control API."""
        async with self.session.post(f"{self.base}/control/{path}", json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def price(self, symbol: str, price: str, **market: str) -> None:
        """Hold a price."""
        await self.control("price", symbol=symbol, price=price, **market)

    async def open_account(self, balances: Any = None) -> dict[str, str]:
        """A key with 10,000 USDT on each market, or with what is asked for."""
        opened = await self.control("accounts", balances=balances or {"USDT": "10000"})
        return {"apiKey": opened["api_key"], "secret": opened["api_secret"]}

    async def fault(self, verb: str, **fields: Any) -> Any:
        """Arm a fault."""
        return await self.control("faults", verb=verb, **fields)

    async def clear_faults(self) -> None:
        """Disarm everything."""
        async with self.session.delete(f"{self.base}/control/faults") as response:
            assert response.status == 200, await response.text()

    async def ledger(self, after: int = 0) -> list[dict[str, Any]]:
        """Everything since a number."""
        async with self.session.get(f"{self.base}/control/ledger?after={after}") as response:
            items: list[dict[str, Any]] = (await response.json())["items"]
            return items

    async def send(
        self, method: str, path: str, credentials: dict[str, str] | None = None, **params: Any
    ) -> tuple[int, Any]:
        """A request signed by hand, so that its flaws are the test's own."""
        headers = {}
        query = urlencode(params)
        if credentials is not None:
            query = urlencode({"timestamp": int(time.time() * 1000), **params})
            digest = hmac.new(credentials["secret"].encode(), query.encode(), hashlib.sha256)
            query += f"&signature={digest.hexdigest()}"
            headers = {"X-MBX-APIKEY": credentials["apiKey"]}
        url = f"{self.base}{path}?{query}"
        async with self.session.request(method, url, headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[str]:
    """Any ASGI application on a free port; gives its base address."""
    # asyncio switches Nagle's delay off only for sockets that say they are TCP.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, not an event)
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def open_exchange(folder: Path, *, control: bool = True, candles: str = "") -> PaperExchange:
    """The exchange in a folder, not started."""
    return create_paper_exchange(
        data_dir=folder, control=control, seed=1, candles=candles, clock=SystemClock()
    )


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[PaperVenue]:
    """The exchange served alone, with control, prices moving."""
    exchange = open_exchange(folder)
    async with serve(exchange.asgi) as base, aiohttp.ClientSession() as session:
        await exchange.start()
        try:
            yield PaperVenue(base, session)
        finally:
            await exchange.stop()
