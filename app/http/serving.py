"""How HTTP and WebSockets are served, by whichever server: what is not taken does not pile up."""

import socket
from asyncio import BaseTransport
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.http.event_streams import server_ends

# For requests that are under way when the server stops.
GRACE_SECONDS: Final = 8
# Enough for a handful of prices: whatever waits in these buffers is old when it is read.
WAITING_BYTES: Final = 4_096
# A frame that is larger closes the socket; what we take ourselves is smaller still.
MESSAGE_BYTES: Final = 65_536


class PromptHttp(HttpToolsProtocol):
    """HTTP on which answers that have no end of their own get one when the server stops."""

    def shutdown(self) -> None:
        """Called when the server is told to stop."""
        _end_stream(self.cycle)
        super().shutdown()


def _end_stream(cycle: RequestResponseCycle | None) -> None:
    # A connection on which nothing was asked yet has none.
    if cycle is not None and not cycle.response_complete:
        server_ends(cycle.scope)


class PromptSocket(WebSocketsSansIOProtocol):
    """A WebSocket on which `send` waits as soon as its reader is behind.

    Left to themselves the server and the kernel keep megabytes for a reader who takes nothing.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Called when the handshake begins."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WAITING_BYTES)
        wire = transport.get_extra_info("socket")
        if wire.family in {socket.AF_INET, socket.AF_INET6}:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WAITING_BYTES)

    async def run_asgi(self) -> None:
        """Serve it, and let go of a peer that does not take our goodbye."""
        await super().run_asgi()
        self.loop.call_later(self.close_timeout, self.transport.abort)


def http_config(app: object) -> uvicorn.Config:
    """How HTTP is spoken; gunicorn.conf.py says the same for its processes."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # uvicorn's own type for an ASGI application is narrower
        log_config=None,
        access_log=False,
        # Whoever sits in front is named in TRUSTED_PROXIES and read by ourselves, right to left.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        http=PromptHttp,
        ws=PromptSocket,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
