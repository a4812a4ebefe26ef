"""A real server on a clock that is turned by hand, started and killed as one likes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from tests.e2e.site import PASSWORD, USERNAME
from tests.e2e.turned_server import ENDED, EPOCH, STARTED
from tests.programs.starting import ROOT, Child, free_port

PATIENCE_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.03


class Killed(Exception):
    """The server is dead."""


@dataclass
class HandClock:
    """Stands where it was put; the exchange's."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


class TurnedServer:
    """A Signalbox that is started and killed, over an exchange that stays.

    Args:
        folder: of its data and logs.
        paper_url: where the exchange answers.
        clock: where its own clock stands, too.
        failpoints: of its starts, the first first: it kills itself there.

    Attributes:
        starts: how often it was started.
    """

    def __init__(
        self, folder: Path, paper_url: str, clock: HandClock, failpoints: Sequence[str] = ()
    ) -> None:
        self._clock = clock
        self._failpoints = list(failpoints)
        self._log = folder / "server.out"
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PORT": str(free_port()),
            "DATA_DIR": str(folder / "data"),
            "LOG_DIR": str(folder / "logs"),
            "ADMIN_USERNAME": USERNAME,
            "ADMIN_PASSWORD": PASSWORD,
            "PAPER_URL": paper_url,
            "ACCESS_TOKEN_SECONDS": "86400",
            "BACKTEST_PROCESSES": "1",
        }
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.turned_server"],
            cwd=ROOT,
            env={"PATH": os.defpath, "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._child: Child | None = None
        self._has_ended = False
        base = f"http://127.0.0.1:{self._environment['PORT']}"
        limits = httpx.Limits(keepalive_expiry=1)
        self.client = httpx.AsyncClient(base_url=base, timeout=60, limits=limits)
        self.starts = 0

    @property
    def is_alive(self) -> bool:
        return self._child is not None and self._child.is_alive

    async def start(self) -> None:
        """Start it, armed with the next failpoint, and log in; it must be dead, or new."""
        self._hear_the_end()
        wanted = {
            "moment": self._microseconds,
            "environment": self._environment,
            "failpoint": self._failpoints.pop(0) if self._failpoints else "",
            "log": str(self._log),
        }
        self._write(json.dumps(wanted))
        started, _, pid = self._heard().partition(" ")
        assert started == STARTED
        self._child = Child(int(pid))
        self.starts += 1
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._is_ready():  # noqa: ASYNC110 it happens elsewhere
                await asyncio.sleep(LOOK_SECONDS)
        login = {"username": USERNAME, "password": PASSWORD}
        token = (await self.client.post("/auth/token", json=login)).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        assert self._child is not None
        self._child.send(signal.SIGKILL)
        assert await self._child.ended(PATIENCE_SECONDS)

    async def close(self) -> None:
        """End it for good."""
        await self.client.aclose()
        if self._child is not None:
            await self.kill()
        self._parent.kill()
        self._parent.communicate()

    def turn(self) -> None:
        """Put its clock where the exchange's stands.

        Nothing else happens meanwhile: a request that was signed by the new time finds an exchange
        that has it, too.
        """
        if self.is_alive:
            self._write(str(self._microseconds))
            self._has_ended = self._heard() == ENDED

    async def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The JSON of an answer that must be a success.

        Raises:
            Killed: it is dead, or died meanwhile.
        """
        try:
            answer = await self.client.request(method, path, json=body, params=params)
        except httpx.TransportError:
            await asyncio.sleep(LOOK_SECONDS)
            if self.is_alive:
                raise
            raise Killed from None
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """One page of a list, as long as they are."""
        page = await self.ask("GET", path, limit=200, **params)
        found: list[dict[str, Any]] = page["items"]
        return found

    def _hear_the_end(self) -> None:
        while not self._has_ended:
            self._has_ended = self._heard() == ENDED
        self._has_ended = False

    @property
    def _microseconds(self) -> int:
        return (self._clock.now() - EPOCH) // timedelta(microseconds=1)

    def _write(self, line: str) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.write(f"{line}\n")
        self._parent.stdin.flush()

    def _heard(self) -> str:
        assert self._parent.stdout is not None
        return self._parent.stdout.readline().strip()

    async def _is_ready(self) -> bool:
        assert self.is_alive, self._log.read_text()[-2000:]
        try:
            return (await self.client.get("/health/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
