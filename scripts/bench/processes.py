"""A paper exchange and a server, each a process of its own, over a folder that is thrown away."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
USERNAME = "bench"
PASSWORD = "measures-itself"  # noqa: S105 of a server that lives for a minute, on the loopback
PATIENCE_SECONDS = 60.0


class NotStarted(Exception):
    """A process did not come up; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything answers.

    Attributes:
        server: base URL of Signalbox.
        paper: base URL of the paper exchange.
        folder: of both processes' files.
    """

    server: str
    paper: str
    folder: Path


@asynccontextmanager
async def site(folder: Path, database_url: str) -> AsyncIterator[Site]:
    """Both processes, ready."""
    paper_port, server_port = free_port(), free_port()
    found = Site(f"http://127.0.0.1:{server_port}", f"http://127.0.0.1:{paper_port}", folder)
    exchange = [str(ROOT / "run.py"), "paper-exchange", "--port", str(paper_port)]
    server = ["-m", "scripts.bench.server"]
    settings = {
        "PORT": str(server_port),
        "PAPER_URL": found.paper,
        "DATABASE_URL": database_url,
        "ADMIN_USERNAME": USERNAME,
        "ADMIN_PASSWORD": PASSWORD,
    }
    with process(folder / "exchange", exchange, {}):
        await answering(f"{found.paper}/api/v3/ping", folder / "exchange")
        with process(folder / "server", server, settings):
            await answering(f"{found.server}/health/ready", folder / "server")
            yield found


@contextmanager
def process(
    folder: Path, arguments: list[str], settings: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python in a folder of its own, so that no `.env` is read, with these settings only."""
    folder.mkdir(parents=True)
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "LOG_LEVEL": "INFO", **settings}
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(  # noqa: S603 our own programs
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


async def answering(url: str, folder: Path) -> None:
    """Wait until a URL answers 200.

    Raises:
        NotStarted: it does not.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    async with httpx.AsyncClient() as client:
        while asyncio.get_running_loop().time() < deadline:
            try:
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise NotStarted(f"{url} does not answer:\n{(folder / 'said').read_text()[-2000:]}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
