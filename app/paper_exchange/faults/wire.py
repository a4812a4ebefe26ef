"""Connections that end in the middle: closed or reset under the client's request."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_DEPTH = 12
_LONGEST_SECONDS = 3600


async def hang_up(send: Send, receive: Receive, *, is_reset: bool) -> None:
    """End a connection without an answer; with `is_reset` the client sees a TCP reset."""
    transport = find_transport(send)
    if transport is None:
        # No server we know: an answer that ends before its first byte of body comes closest.
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        return
    if is_reset:
        plug = transport.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    await wait_until_gone(receive, _LONGEST_SECONDS)


async def wait_until_gone(receive: Receive, seconds: float | None) -> bool:
    """Wait for the client to leave; true when it did within the time."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def find_transport(send: Any) -> Any:
    """The asyncio transport behind an ASGI `send`, however often it was wrapped; None if none."""
    waiting, seen = [send], set()
    for _ in range(_DEPTH * _DEPTH):
        if not waiting:
            return None
        candidate = waiting.pop(0)
        if candidate is None or id(candidate) in seen:
            continue
        seen.add(id(candidate))
        transport = getattr(candidate, "transport", None)
        if transport is not None and hasattr(transport, "abort"):
            return transport
        waiting += _behind(candidate)
    return None


def _behind(candidate: Any) -> list[Any]:
    cells = [cell.cell_contents for cell in getattr(candidate, "__closure__", None) or ()]
    names = ("__self__", "__wrapped__", "func")
    direct = [getattr(candidate, name, None) for name in names]
    return direct + [each for each in cells if callable(each)]
