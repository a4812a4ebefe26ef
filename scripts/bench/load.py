"""A load of requests over many connections, light enough that the server is what is measured."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urlsplit

PATIENCE_SECONDS: Final = 120.0
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


@dataclass(slots=True)
class Load:
    """What came of it.

    Attributes:
        milliseconds: of each answer, in the order in which they came.
        statuses: how often each HTTP status was answered; 0 for a connection that broke.
        seconds: from the first request to the last answer.
    """

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds


async def load(
    url: str, bodies: Sequence[bytes], *, connections: int, keeps_alive: bool = True
) -> Load:
    """POST each body once, over so many connections at once.

    Args:
        url: where to, `http://` only.
        bodies: one request each.
        connections: how many requests are under way at any moment.
        keeps_alive: False opens a new connection for each request.
    """
    place = urlsplit(url)
    closing = "" if keeps_alive else "Connection: close\r\n"
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n{closing}"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    waiting = deque(head + str(len(body)).encode() + HEAD_END + body for body in bodies)
    found = Load()
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(min(connections, len(bodies))):
            group.create_task(_sender(place.hostname or "", place.port or 80, waiting, found))
    found.seconds = time.perf_counter() - began
    return found


async def _sender(host: str, port: int, waiting: deque[bytes], found: Load) -> None:
    """One connection after another, as long as there is something to send."""
    loop = asyncio.get_running_loop()
    while waiting:
        connection = _Connection(waiting, found, loop.create_future(), time.perf_counter())
        try:
            await loop.create_connection(partial(_same, connection), host, port)
        except OSError:
            waiting.popleft()
            found.statuses[0] += 1
            continue
        await connection.ended


def _same(connection: "_Connection") -> "_Connection":
    return connection


class _Connection(asyncio.Protocol):
    """Sends one request after the other and times each answer."""

    def __init__(
        self, waiting: deque[bytes], found: Load, ended: asyncio.Future[None], started: float
    ) -> None:
        self._waiting = waiting
        self._found = found
        self.ended = ended
        self._sent = started
        self._transport: asyncio.Transport | None = None
        self._seen = b""
        self._is_under_way = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 a TCP connection is one
        self._transport = transport
        # The first request's time counts from before its connection was made.
        self._send(self._sent)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        end = self._seen.find(HEAD_END)
        if end < 0 or len(self._seen) < end + len(HEAD_END) + _length(self._seen[:end]):
            return
        self._found.milliseconds.append((time.perf_counter() - self._sent) * 1000)
        self._found.statuses[int(self._seen[9:12])] += 1
        is_last = b"connection: close" in self._seen[:end].lower()
        self._seen, self._is_under_way = b"", False
        if is_last:
            self._close()
        else:
            self._send(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._is_under_way:
            self._found.statuses[0] += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self, at: float) -> None:
        if not self._waiting or self._transport is None:
            self._close()
            return
        self._sent, self._is_under_way = at, True
        self._transport.write(self._waiting.popleft())

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(LENGTH)
    return 0 if at < 0 else int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
