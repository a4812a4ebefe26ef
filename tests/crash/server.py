"""The server under test: one installation that is started and killed many times."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx

from tests.crash.history import History, Kill, Start, now_ns
from tests.programs.starting import (
    POLL_SECONDS,
    RUN,
    SHORT_LIVED,
    START_SECONDS,
    Child,
    Launcher,
    free_port,
    port_opens,
)

USERNAME = "trader"
PASSWORD = "correct-horse-battery"


class StartFailed(Exception):
    """The server did not come up, and nobody killed it; the text is what it said last."""


class Server:
    """Its data, logs and port stay the same over every start."""

    def __init__(self, folder: Path, paper_url: str, launcher: Launcher, history: History) -> None:
        self._launcher = launcher
        self._folder = folder
        self._history = history
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.database = folder / "data" / "signalbox.db"
        self.child: Child | None = None
        self.client = httpx.AsyncClient(base_url=self.base, timeout=20, limits=SHORT_LIVED)
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PORT": str(self.port),
            "DATA_DIR": str(folder / "data"),
            "LOG_DIR": str(folder / "logs"),
            "ADMIN_USERNAME": USERNAME,
            "ADMIN_PASSWORD": PASSWORD,
            "PAPER_URL": paper_url,
        }

    async def start(self, failpoint: str = "") -> bool:
        """Start it; False when an armed point killed it before it was ready.

        Raises:
            StartFailed: it ended by itself, or is not ready in time.
        """
        start = Start(began=now_ns(), failpoint=failpoint)
        self._history.starts.append(start)
        environment = self._environment | ({"FAILPOINT": failpoint} if failpoint else {})
        log = self._folder / "server.out"
        self.child = self._launcher.launch((RUN,), environment, self._folder, log)
        is_up = await port_opens(self.port, self.child)
        start.opened = now_ns() if is_up else 0
        while is_up and self.child.is_alive:
            if await self._is_ready():
                start.ready = now_ns()
                return True
            if now_ns() - start.began > START_SECONDS * 1e9:
                break
            # It has its start to do, not only to answer whether it has done it.
            await asyncio.sleep(POLL_SECONDS)
        if self.child.is_alive or not failpoint:
            raise StartFailed(log.read_text()[-3000:])
        self.note_kill(failpoint.partition(":")[0], how="point", is_hit=True)
        return False

    async def kill(self, point: str, *, how: str, is_hit: bool) -> None:
        """End it as `kill -9` does, if it has not been."""
        assert self.child is not None
        self.child.send(signal.SIGKILL)
        await self.child.ended(5)
        self.note_kill(point, how=how, is_hit=is_hit)

    def note_kill(self, point: str, *, how: str, is_hit: bool) -> None:
        """Remember an end."""
        self._history.kills.append(Kill(now_ns(), how, point, is_hit))

    async def stop(self) -> None:
        """End it for good."""
        await self.client.aclose()
        if self.child is not None:
            self.child.send(signal.SIGKILL)
            await self.child.ended(5)

    async def log_in(self) -> None:
        """Get a token that outlives restarts."""
        body = {"username": USERNAME, "password": PASSWORD}
        answer = await self.client.post("/auth/token", json=body)
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request of the trader; status 0 when the server is gone."""
        for _ in range(2):
            try:
                answer = await self.client.request(method, path, json=body, timeout=5)
            except httpx.TransportError:
                return 0, {}
            if answer.status_code != 401:
                return answer.status_code, answer.json() if answer.content else {}
            await self.log_in()
        return 401, {}

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/health/ready", timeout=2)).status_code == 200
        except httpx.TransportError:
            return False
