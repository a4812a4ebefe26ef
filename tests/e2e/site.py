"""A whole Signalbox on a real port, with its paper exchange, for stories told by HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from pydantic import SecretStr

from app.house import PAPER_PATH, House
from app.http.serving import http_config
from app.main import create_app
from app.settings import Settings

USERNAME = "trader"
PASSWORD = "correct-horse-battery"
PATIENCE_SECONDS = 8.0
START_SECONDS = 30.0

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and a client, logged in if there is a first user.

    Attributes:
        webhook_url: the demo strategy's; empty after a restart, when it is not shown again.
    """

    base: str
    client: httpx.AsyncClient
    house: House
    webhook_url: str

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The JSON of a POST that must give that status."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        return answer.json()

    async def alert(self, body: str, *, url: str | None = None) -> Any:
        """Deliver an alert as TradingView would; its receipt."""
        answer = await self.client.post(url or self.webhook_url, content=body.encode())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def price(self, symbol: str, price: str) -> None:
        """Hold a price at the paper exchange."""
        path = f"{PAPER_PATH}/control/price"
        await self.post(path, {"symbol": symbol, "price": price})

    async def ledger(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What the paper exchange saw, all of it or one kind."""
        items = (await self.get(f"{PAPER_PATH}/control/ledger"))["items"]
        return [item for item in items if kind is None or item["kind"] == kind]

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """One page of a list."""
        found: list[dict[str, Any]] = (await self.get(path, **params))["items"]
        return found


@asynccontextmanager
async def running(
    folder: Path,
    database_url: str,
    *,
    port: int = 0,
    unix_socket: Path | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """Serve a house over that database and folder; a second time is a restart.

    Args:
        folder: of its data and logs.
        database_url: of a migrated database.
        port: any free one when 0.
        unix_socket: where it listens as well.
        settings: other than the usual ones of tests.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        )
        listeners = [listener]
        if unix_socket is not None:
            listeners.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
            listeners[-1].bind(str(unix_socket))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        house = await House.build(_settings(folder, database_url, listener, settings))
        server = uvicorn.Server(http_config(create_app(house)))
        task = asyncio.create_task(server.serve(listeners))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                await until(lambda: _is_ready(client, task), seconds=START_SECONDS)
                if house.first.invite is None:
                    await _log_in(client)
                url = house.first.extra.get("webhook_url", "")
                yield Site(base, client, house, url)
        finally:
            server.should_exit = True
            await task


async def until(
    ask: Callable[[], Awaitable[ResultT | None]], *, seconds: float = PATIENCE_SECONDS
) -> ResultT:
    """The first answer that is something; asked again until then."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await ask()
        if answer:
            return answer
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def decimals(row: dict[str, Any], *names: str) -> tuple[Decimal, ...]:
    """Fields of a row as numbers."""
    return tuple(Decimal(row[name]) for name in names)


async def _is_ready(client: httpx.AsyncClient, task: asyncio.Task[None]) -> bool:
    if task.done():
        await task
        raise AssertionError("the server ended while it was starting")
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def _log_in(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/token", json={"username": USERNAME, "password": PASSWORD})
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _settings(
    folder: Path, database_url: str, listener: socket.socket, changes: dict[str, Any]
) -> Settings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": listener.getsockname()[1],
        "data_dir": folder / "data",
        "log_dir": folder / "logs",
        "database_url": SecretStr(database_url),
        "admin_username": USERNAME,
        "admin_password": SecretStr(PASSWORD),
        "paper_control": True,
        # Reading and compressing it takes longer than some tests.
        "screen_dir": str(folder / "no screen"),
        **changes,
    }
    return Settings(_env_file=None, **values)
