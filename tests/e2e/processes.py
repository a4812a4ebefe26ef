"""Real processes: `run.py` and `run.py paper-exchange`, started, stopped and killed."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from tests.e2e.site import PASSWORD, USERNAME, until

RUN = Path(__file__).parents[2] / "run.py"
START_SECONDS = 30.0
DRAIN_SECONDS = 10.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def is_answering(port: int | str) -> bool:
    """Whether a server of this machine answers there."""
    try:
        async with httpx.AsyncClient() as client:
            await client.get(f"http://127.0.0.1:{port}/health/live")
    except httpx.TransportError:
        return False
    return True


@dataclass
class Program:
    """One `run.py`, with what it said.

    Attributes:
        said: its output of all runs.
    """

    folder: Path
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Start it; no setting of this machine reaches it."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(RUN),
            *self.arguments,
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder), **self.settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self

    def send(self, name: signal.Signals) -> None:
        """Send it a signal, and wait for nothing; no harm when it has ended."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(name)

    async def stop(self, name: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; its exit status."""
        self.send(name)
        return await self.ended()

    async def ended(self, seconds: float = DRAIN_SECONDS) -> int:
        """Its exit status, within the time a drain may take."""
        assert self._process is not None
        out, _ = await asyncio.wait_for(self._process.communicate(), seconds)
        self.said += out.decode()
        status = self._process.returncode
        assert status is not None
        return status

    async def line_with(self, word: str) -> str:
        """The first line of this run that has the word."""
        assert self._process is not None
        assert self._process.stdout is not None
        while True:
            raw = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
            assert raw, f"it ended without saying {word!r}: {self.said}"
            line = raw.decode()
            self.said += line
            if word in line:
                return line.strip()


@dataclass
class Server:
    """A Signalbox in a process of its own, over a paper exchange in another."""

    program: Program
    base: str
    client: httpx.AsyncClient

    @classmethod
    async def at(cls, folder: Path, paper_url: str) -> Self:
        """Not started; its data, logs and port stay the same over every start."""
        port = free_port()
        settings = {
            "PORT": str(port),
            "DATA_DIR": str(folder / "data"),
            "LOG_DIR": str(folder / "logs"),
            "ADMIN_USERNAME": USERNAME,
            "ADMIN_PASSWORD": PASSWORD,
            "PAPER_URL": paper_url,
        }
        base = f"http://127.0.0.1:{port}"
        client = httpx.AsyncClient(base_url=base, timeout=20)
        return cls(Program(folder, settings=settings), base, client)

    async def start(self) -> None:
        """Start it and log in once it is ready."""
        await self.program.start()
        await until(self._is_ready, seconds=START_SECONDS)
        body = {"username": USERNAME, "password": PASSWORD}
        answer = await self.client.post("/auth/token", json=body)
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """One page of a list."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def position(self, status: str) -> dict[str, Any]:
        """Wait for the one position to be there."""

        async def ask() -> dict[str, Any] | None:
            rows = await self.items("/positions")
            return rows[0] if rows and rows[0]["status"] == status else None

        return await until(ask, seconds=20)

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False
