"""One log line for each request and WebSocket, and the origin that audit rows take over."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketScope,
)
from loguru import logger

from app.core.origin import Origin, originating
from app.core.scrub import redact_path
from app.http.request_id import SERVED, request_id_of
from app.http.sender import sender_of
from app.http.sockets import take_ticket

# The paper exchange inside this process is asked all day by ourselves.
QUIET_PATHS = ("/health/", "/metrics", "/paper-exchange/")
WEBHOOKS = "/webhooks/"


def access_log(app: ASGIApp, trusted_proxies: Sequence[str] = ()) -> ASGIApp:
    """Log method, path, status and milliseconds; belongs inside `request_id_middleware`.

    A WebSocket has its line when it ends.

    Wrapped around the whole app rather than its routes it sees unknown paths as well:
    `app.asgi_handler = request_id_middleware(access_log(app.asgi_handler))`.

    Args:
        app: what it is wrapped around.
        trusted_proxies: whose word on the sender's address is taken.
    """

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in SERVED:
            await app(scope, receive, send)
            return
        if scope["type"] == ScopeType.WEBSOCKET:
            take_ticket(scope)
            await _serve_socket(app, scope, receive, send, sender_of(scope, trusted_proxies))
            return
        began = perf_counter()
        status = 500
        source = sender_of(scope, trusted_proxies)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = str(scope["path"])
        try:
            with originating(Origin(source=source, request_id=request_id_of(scope) or None)):
                await app(scope, receive, noting)
        finally:
            # An alert that was taken in has a line of its own, which says more.
            if status != 200 or not path.startswith(WEBHOOKS):
                _log(scope, path, status, source, perf_counter() - began)

    return middleware


async def _serve_socket(
    app: ASGIApp, scope: WebSocketScope, receive: Receive, send: Send, source: str | None
) -> None:
    began = perf_counter()
    ended: dict[str, int | None] = {"status": None, "code": None}

    async def noting_sent(message: Message) -> None:
        if message["type"] == "websocket.http.response.start":
            ended["status"] = message["status"]
        elif message["type"] == "websocket.close":
            ended["code"] = message["code"]
        await send(message)

    async def noting_received() -> Any:
        message = await receive()
        if message["type"] == "websocket.disconnect" and ended["code"] is None:
            ended["code"] = message["code"]
        return message

    try:
        with originating(Origin(source=source, request_id=request_id_of(scope) or None)):
            await app(scope, noting_received, noting_sent)
    finally:
        line = logger.bind(
            path=redact_path(scope["path"]),
            seconds=round(perf_counter() - began, 1),
            source=source,
            user=getattr(scope.get("user"), "username", None),
            **{name: value for name, value in ended.items() if value is not None},
        )
        is_quiet = scope["path"].startswith(QUIET_PATHS)
        line.log("DEBUG" if is_quiet else "INFO", "socket.closed")


def _log(scope: HTTPScope, path: str, status: int, source: str | None, seconds: float) -> None:
    line = logger.bind(
        method=scope["method"],
        path=redact_path(path),
        status=status,
        ms=round(seconds * 1000, 1),
        source=source,
        user=getattr(scope.get("user"), "username", None),
    )
    line.log("DEBUG" if path.startswith(QUIET_PATHS) else "INFO", "http.request")
