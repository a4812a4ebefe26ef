"""Processes: the venue, the server, and the two ways to start a server: cold, or by a fork."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

ROOT = Path(__file__).parents[2]
RUN = ROOT / "run.py"
POLL_SECONDS = 0.01
START_SECONDS = 30.0
# A server hangs up on a connection that has been idle for five seconds: a request that is sent on
# it at that moment is lost, and a story with it.
SHORT_LIVED = httpx.Limits(keepalive_expiry=1.0)
# In the order of their birth; ended from the last to the first when the driver ends.
_NURSERY = "tests.crash.nursery"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """A process that need not be ours to wait for: it is watched by its descriptor."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor: int | None = os.pidfd_open(pid)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        if self._descriptor is None:
            return False
        # Not `select`, which knows no descriptor over 1023: a long run comes by that many.
        watch = select.poll()
        watch.register(self._descriptor, select.POLLIN)
        if watch.poll(0):
            self.close()
        return self._descriptor is not None

    def send(self, name: signal.Signals) -> None:
        """Send it a signal; nothing when it has ended."""
        if self._descriptor is None:
            return
        try:
            signal.pidfd_send_signal(self._descriptor, name)
        except ProcessLookupError:
            return

    async def ended(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after that time."""
        deadline = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Let go of the descriptor; the end of the process does so, too."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Launcher(Protocol):
    """Starts `run.py` with an environment, in a folder, its output appended to a file."""

    def launch(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, log: Path
    ) -> Child: ...

    def close(self) -> None: ...


@dataclass
class ColdStarts:
    """A new interpreter each time, as after a power cut."""

    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, log: Path
    ) -> Child:
        """Start it."""
        self._started = [one for one in self._started if one.poll() is None]
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603 our own program
                [sys.executable, str(RUN), *arguments],
                cwd=folder,
                env=dict(environment),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._started.append(process)
        return Child(process.pid)

    def close(self) -> None:
        """End what is left of it."""
        for process in self._started:
            process.kill()
            process.wait()


class WarmStarts:
    """Forks of a parent that has imported everything: the same main function, no import."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", _NURSERY],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.defpath},
        )
        assert self._answer() == {"ready": True}

    def launch(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, log: Path
    ) -> Child:
        """Have one forked."""
        wanted = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(folder),
            "log": str(log),
        }
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(wanted).encode() + b"\n")
        self._parent.stdin.flush()
        return Child(self._answer()["pid"])

    def close(self) -> None:
        """End the parent; its children have been ended by who started them."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.stdout.close()
        self._parent.kill()
        self._parent.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._parent.stdout is not None
        found: dict[str, Any] = json.loads(self._parent.stdout.readline())
        return found


async def port_opens(port: int, child: Child) -> bool:
    """Wait until somebody listens; False when the process ended first."""
    deadline = time.monotonic() + START_SECONDS
    while child.is_alive and time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
            continue
        writer.close()
        return True
    return False
