"""Each answer carries its request's id, whatever kind of answer it is."""

from typing import Any, cast

import pytest
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_id import HEADER, request_id_middleware


def answering(message: dict[str, Any]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send(cast("Message", message))

    return app


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("http", {"type": "http.response.start", "status": 200, "headers": []}),
        ("websocket", {"type": "websocket.accept", "headers": []}),
        # ASGI lets these be without headers.
        ("websocket", {"type": "websocket.accept"}),
        ("websocket", {"type": "websocket.http.response.start", "status": 401}),
    ],
)
async def test_an_answer_has_the_id_also_where_it_had_no_headers(
    kind: str, message: dict[str, Any]
) -> None:
    scope: dict[str, Any] = {"type": kind}
    sent: list[dict[str, Any]] = []

    async def send(message: Message) -> None:
        sent.append(cast("dict[str, Any]", message))

    await request_id_middleware(answering(message))(
        cast("Scope", scope), cast("Receive", None), send
    )

    [answer] = sent
    assert dict(answer["headers"])[HEADER.lower().encode()] == scope["state"]["request_id"].encode()
