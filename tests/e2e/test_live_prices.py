"""Live prices through everything: a ticket of one process opens a socket of another one."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from app.house import PAPER_PATH, House
from app.http.serving import http_config
from app.main import create_app
from app.settings import Settings
from tests.e2e.site import Site, running

SECONDS = 60.0


@asynccontextmanager
async def api_process(site: Site, folder: Path, url: str) -> AsyncIterator[str]:
    """The API alone, as gunicorn would run it: same database, the site's paper exchange."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = Settings(
            _env_file=None,
            port=port,
            data_dir=folder / "data",
            log_dir=folder / "logs",
            database_url=SecretStr(url),
            paper_url=site.base + PAPER_PATH,
        )
        house = await House.build(settings, with_worker=False)
        server = uvicorn.Server(http_config(create_app(house)))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 uvicorn has a flag, not an event
            await asyncio.sleep(0.01)
        try:
            yield f"ws://127.0.0.1:{port}/prices/ws"
        finally:
            server.should_exit = True
            await serving


async def until_it_costs(wire: ClientConnection, symbol: str, price: str) -> list[dict[str, Any]]:
    """What is heard of a symbol up to that price."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while not heard or heard[-1]["last"] != price:
            message = json.loads(await wire.recv())
            if message["symbol"] == symbol:
                heard.append(message)
    return heard


async def test_a_ticket_opens_live_prices_at_an_api_process_and_a_stop_closes_them(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        ticket = (await site.post("/auth/ticket", status=201))["ticket"]
        async with api_process(site, tmp_path, sqlite_url) as address:
            wire = await connect(f"{address}?ticket={ticket}", proxy=None)
            await wire.send('{"op":"subscribe","symbols":["BTCUSDT","BTCUSDT.P"]}')
            heard = await until_it_costs(wire, "BTC/USDT:USDT", "60000")
            await site.price("BTCUSDT", "61000.5")
            heard += await until_it_costs(wire, "BTC/USDT:USDT", "61000.5")
        await wire.wait_closed()

    assert heard[0]["type"] == "snapshot"
    assert {one["type"] for one in heard[1:]} == {"price"}
    assert heard[-1].keys() == {"type", "symbol", "last", "mark", "bid", "ask", "at"}
    assert (heard[-1]["mark"], heard[-1]["bid"]) == ("61000.5", "61000.5")
    assert wire.close_code == 1012
