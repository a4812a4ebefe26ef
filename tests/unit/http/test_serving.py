"""What a reader does not take is not kept for it."""

import asyncio
import socket
from itertools import count
from typing import Any

import pytest
import uvicorn

from app.http.serving import http_config

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Speaker:
    """Sends a hundred characters at a time, as fast as it may."""

    sent = 0

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await send({"type": "websocket.accept"})
        for number in count():
            await send({"type": "websocket.send", "text": f"{number:0100d}"})
            self.sent = number
            await asyncio.sleep(0)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
async def test_send_waits_as_soon_as_a_reader_is_behind(
    family: socket.AddressFamily, tmp_path: Any
) -> None:
    speaker = Speaker()
    with socket.socket(family) as listener, socket.socket(family) as wire:
        is_local = family is socket.AF_UNIX
        listener.bind(str(tmp_path / "s") if is_local else ("127.0.0.1", 0))
        config = http_config(speaker)
        config.lifespan = "off"
        config.log_level = "critical"
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 uvicorn has a flag, not an event
            await asyncio.sleep(0.005)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(wire, listener.getsockname())
        await loop.sock_sendall(wire, HANDSHAKE)

        before = -1
        async with asyncio.timeout(20):
            while before < speaker.sent or speaker.sent == 0:
                before = speaker.sent
                await asyncio.sleep(0.2)
        stalled_at = speaker.sent
        wire.close()
        server.should_exit = True
        await serving

    # A unix socket's buffer is the kernel's affair: there it only must not go on for ever.
    assert stalled_at < (5_000 if is_local else 500)
