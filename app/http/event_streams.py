"""Event streams: how one is written, and how it ends when somebody else than its route ends it."""

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from litestar.types import Message, Scope, Send

# In `opt` of a route that answers with a stream: it is let in, and ended, as a WebSocket is.
STREAM: Final = "event_stream"
_END: Final = "end_of_stream"

# What `end`, the last event, says.
SENTENCES: Final = {
    "token_expired": "The access token is past its time: refresh it, then open another stream.",
    "login_ended": "This login has ended: log in again.",
    "database_down": "Nobody can say whether your login goes on: open another one a little later.",
    "restarting": "The server is starting anew: open another one.",
}


def frame(event: str, data: bytes | str, *, number: int | None = None) -> bytes:
    """One event as it is sent.

    Args:
        event: its kind.
        data: JSON in one line.
        number: what a client resumes with; None leaves that as it was.
    """
    text = data if isinstance(data, bytes) else data.encode()
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: " + event.encode() + b"\ndata: " + text + b"\n\n"


def ends_with_server(scope: Scope, end: Callable[[], None]) -> None:
    """Have `end` called as soon as the server is told to stop: it waits for answers to be whole."""
    scope.setdefault("state", {})[_END] = end


def server_ends(scope: Any) -> None:
    """Say to whatever answers this request that the server is told to stop."""
    end = scope.get("state", {}).get(_END)
    if end is not None:
        end()


class Answer:
    """The answer that a route is giving, and whether it can still be added to."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_open = False

    async def send(self, message: Message) -> None:
        """As `send` of ASGI."""
        if message["type"] == "http.response.start":
            self._is_open = True
        elif not cast("dict[str, Any]", message).get("more_body"):
            self._is_open = False
        await self._send(message)

    async def say_end(self, code: str) -> None:
        """Make it whole with a last event that says why; nothing when it never began."""
        if not self._is_open:
            return
        words = {"code": code, "detail": SENTENCES[code]}
        last = frame("end", msgspec.json.encode(words))
        await self.send({"type": "http.response.body", "body": last, "more_body": False})
