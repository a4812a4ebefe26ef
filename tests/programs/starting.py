"""Programs of the product, and the two ways to start one: cold, or by a fork of a warm parent."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "run.py")
NOWHERE = Path(os.devnull)
POLL_SECONDS = 0.02
START_SECONDS = 30.0
# A server hangs up on a connection that has been idle for five seconds: a request that is sent on
# it at that moment is lost, and a story with it.
SHORT_LIVED = httpx.Limits(keepalive_expiry=1.0)
_NURSERY = "tests.programs.nursery"


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
    """Starts programs, each with an environment, in a folder, its output appended to a file.

    The words are what follows `python` on a command line: a file or `-m` and a module, arguments.
    """

    def launch(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path = NOWHERE,
    ) -> Child: ...

    def status(self, child: Child) -> int:
        """How one that has ended did: its exit status, or the signal's number below zero."""
        ...

    def close(self) -> None:
        """End what is left of it."""
        ...


@dataclass
class ColdStarts:
    """A new interpreter each time, as after a power cut."""

    _started: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def launch(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path = NOWHERE,
    ) -> Child:
        """Start it."""
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603 our own program
                [sys.executable, *words],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        for one in self._started.values():
            # Those that have ended go; how they did is kept for whoever asks.
            one.poll()
        self._started[process.pid] = process
        return Child(process.pid)

    def status(self, child: Child) -> int:
        """Wait for it."""
        return self._started.pop(child.pid).wait()

    def close(self) -> None:
        """End what is left of it."""
        for process in self._started.values():
            process.kill()
            process.wait()


class WarmStarts:
    """Forks of a parent that has imported everything: the same program, no import."""

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
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path = NOWHERE,
    ) -> Child:
        """Have one forked."""
        wanted = {
            "words": list(words),
            "environment": dict(environment),
            "folder": str(folder),
            "log": str(log),
        }
        return Child(self._ask(wanted)["pid"])

    def status(self, child: Child) -> int:
        """Have its parent wait for it."""
        status: int = self._ask({"ended": child.pid})["status"]
        return status

    def close(self) -> None:
        """End the parent, which ends what is left of its children."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait()
        self._parent.stdout.close()

    def _ask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(wanted).encode() + b"\n")
        self._parent.stdin.flush()
        return self._answer()

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
