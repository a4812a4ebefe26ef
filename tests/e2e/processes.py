"""Real processes: `run.py` and `run.py paper-exchange`, started, stopped and killed."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.e2e.site import PASSWORD, USERNAME, until
from tests.programs.starting import RUN, START_SECONDS, Child, Launcher, free_port

DRAIN_SECONDS = 10.0


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
    """One `run.py`, with what it said."""

    folder: Path
    starts: Launcher
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    log: Path = field(init=False)
    _child: Child | None = None
    _status: int | None = None
    _heard: int = 0

    def __post_init__(self) -> None:
        self.log = self.folder / f"{uuid4().hex}.out"

    @property
    def said(self) -> str:
        """Its output of all runs."""
        return self.log.read_text()

    async def start(self) -> Self:
        """Start it; no setting of this machine reaches it."""
        self._heard = self.log.stat().st_size if self.log.exists() else 0
        environment = {"PATH": os.defpath, "HOME": str(self.folder), **self.settings}
        words = (RUN, *self.arguments)
        self._child = self.starts.launch(words, environment, self.folder, self.log)
        self._status = None
        return self

    def send(self, name: signal.Signals) -> None:
        """Send it a signal, and wait for nothing; no harm when it has ended."""
        assert self._child is not None
        self._child.send(name)

    async def stop(self, name: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; its exit status."""
        self.send(name)
        return await self.ended()

    async def ended(self, seconds: float = DRAIN_SECONDS) -> int:
        """Its exit status, within the time a drain may take."""
        assert self._child is not None
        assert await self._child.ended(seconds), f"it goes on: {self.said}"
        if self._status is None:
            self._status = self.starts.status(self._child)
        return self._status

    async def line_with(self, word: str) -> str:
        """The first line of this run that has the word."""

        async def found() -> str | None:
            said = self.log.read_bytes()[self._heard :].decode(errors="ignore")
            lines = said[: said.rfind("\n") + 1].splitlines()
            return next((line.strip() for line in lines if word in line), None)

        return await until(found, seconds=START_SECONDS)


@dataclass
class Server:
    """A Signalbox in a process of its own, over a paper exchange in another."""

    program: Program
    base: str
    client: httpx.AsyncClient

    @classmethod
    async def at(cls, folder: Path, paper_url: str, starts: Launcher) -> Self:
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
        return cls(Program(folder, starts, settings=settings), base, client)

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
