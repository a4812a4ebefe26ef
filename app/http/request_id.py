"""Every request has an id: in its answer, in its errors and on every log line it causes."""

from typing import Any, Final, cast

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from loguru import logger

from app.core.ids import new_id

HEADER: Final = "X-Request-Id"
# Beside these there is the lifespan of the application.
SERVED: Final[frozenset[str]] = frozenset({ScopeType.HTTP.value, ScopeType.WEBSOCKET.value})
ANSWERS: Final = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
_KEY = "request_id"


def request_id_of(scope: Scope) -> str:
    """The id given to this request; empty before the middleware ran."""
    return str(scope.get("state", {}).get(_KEY, ""))


def request_id_middleware(app: ASGIApp) -> ASGIApp:
    """Give each request and WebSocket an id, on the answer and in the log context."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in SERVED:
            await app(scope, receive, send)
            return
        request_id = new_id().hex
        scope.setdefault("state", {})[_KEY] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] in ANSWERS:
                # ASGI lets an answer be without headers, and Litestar does not.
                cast("dict[str, Any]", message).setdefault("headers", [])
                MutableScopeHeaders.from_message(message)[HEADER] = request_id
            await send(message)

        with logger.contextualize(request_id=request_id):
            await app(scope, receive, send_with_id)

    return middleware
