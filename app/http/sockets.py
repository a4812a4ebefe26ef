"""WebSockets: refused like any request, closed with a code that says why."""

from enum import IntEnum
from typing import Final
from urllib.parse import parse_qsl, urlencode

from litestar.types import Scope, Send

from app.core.errors import AppError
from app.http.errors import ErrorOut, status_of
from app.http.request_id import request_id_of
from app.http.security_headers import HEADERS

TICKET: Final = "ticket"
_ANSWERABLE: Final = "websocket.http.response"


class CloseCode(IntEnum):
    """Why we close a socket; what is below 4000 is RFC 6455's and its registry's."""

    MISUSED = 1008
    CRASHED = 1011
    RESTARTING = 1012
    TRY_AGAIN = 1013
    LOGIN_ENDED = 4401


async def refuse(scope: Scope, send: Send, error: AppError) -> None:
    """Answer a handshake as a request would be answered, with status, code and sentence."""
    if _ANSWERABLE not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": CloseCode.MISUSED, "reason": error.code})
        return
    answer = ErrorOut(code=error.code, detail=error.detail, request_id=request_id_of(scope))
    await send(
        {
            "type": "websocket.http.response.start",
            "status": status_of(error),
            "headers": [*HEADERS, (b"content-type", b"application/json"), *_retry_after(error)],
        }
    )
    await send(
        {
            "type": "websocket.http.response.body",
            "body": answer.model_dump_json().encode(),
            "more_body": False,
        }
    )


def take_ticket(scope: Scope) -> None:
    """Take the ticket out of the address before anybody can write the address down.

    Servers log the query of a WebSocket, from this very scope; `ticket_of` has it from now on.
    """
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    tickets = [value for name, value in query if name == TICKET]
    if tickets:
        rest = urlencode([pair for pair in query if pair[0] != TICKET])
        scope["query_string"] = rest.encode("latin-1")
        # Two of them are none: whoever made the address did not mean one.
        scope.setdefault("state", {})[TICKET] = tickets[0] if len(tickets) == 1 else ""


def ticket_of(scope: Scope) -> str | None:
    """The ticket that came with the address; None when there was none."""
    ticket: str | None = scope.get("state", {}).get(TICKET)
    return ticket


def _retry_after(error: AppError) -> list[tuple[bytes, bytes]]:
    seconds = getattr(error, "retry_after_seconds", None)
    return [] if seconds is None else [(b"retry-after", str(seconds).encode())]
