"""The answer of a stream, which is put away in whatever way it ends."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, cast

from litestar import Litestar, Request
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
# Some proxies keep what they have until it is much.
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventResponse(Stream):
    """Sends what a generator yields, and closes it at the end.

    Litestar leaves that to the garbage collector when it is stopped between two pieces, and ours
    comes by rarely: until then the stream would go on for nobody.
    """

    def __init__(self, lines: AsyncGenerator[bytes]) -> None:
        super().__init__(lines, media_type=MEDIA_TYPE, headers=HEADERS)
        self._lines = lines

    def to_asgi_response(
        self, app: Litestar | None, request: Request[Any, Any, Any], **options: Any
    ) -> ASGIResponse:
        """Called by Litestar for the answer."""
        answer = super().to_asgi_response(app, request, **options)
        # All that is done with it is to call it.
        return cast("ASGIResponse", _closing(answer, self._lines))


def _closing(answer: ASGIApp, lines: AsyncGenerator[bytes]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(lines):
            await answer(scope, receive, send)

    return app
