from typing import Any, cast

from litestar.types import ASGIApp

from app.http.security_headers import HEADERS, HSTS, security_headers


async def headers_of(
    own: list[tuple[bytes, bytes]], *, is_behind_https: bool = False
) -> list[tuple[bytes, bytes]]:
    """What is sent when the application sets these itself."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": own})

    async def send(message: Any) -> None:
        sent.append(message)

    guarded = security_headers(cast("ASGIApp", app), is_behind_https=is_behind_https)
    await guarded(cast("Any", {"type": "http"}), cast("Any", None), send)
    return list(sent[0]["headers"])


async def test_security_16_every_header_is_added_once() -> None:
    own = [(b"content-type", b"text/plain")]

    assert await headers_of(own) == [*own, *HEADERS]
    assert own == [(b"content-type", b"text/plain")]


async def test_security_16_what_an_answer_sets_itself_stays() -> None:
    own = [(b"content-security-policy", b"default-src 'self'")]

    found = await headers_of(own)

    assert [value for name, value in found if name == own[0][0]] == [own[0][1]]
    assert len(found) == len(HEADERS)


async def test_security_16_https_is_asked_for_only_where_it_is_used() -> None:
    assert HSTS not in await headers_of([])
    assert (await headers_of([], is_behind_https=True)).count(HSTS) == 1


async def test_security_16_nothing_is_allowed_inline_or_from_elsewhere() -> None:
    policy = dict(HEADERS)[b"content-security-policy"].decode()

    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert not {"unsafe-inline", "unsafe-eval", "*", "data:", "https:"} & set(policy.split())


async def test_a_websocket_is_left_alone() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append((scope, send))

    async def send(_message: Any) -> None: ...

    scope = {"type": "websocket"}
    guarded = security_headers(cast("ASGIApp", app), is_behind_https=True)
    await guarded(cast("Any", scope), cast("Any", None), send)

    assert seen == [(scope, send)]
