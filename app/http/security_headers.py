"""What every answer carries: the browser is told to run, embed, keep and tell nothing."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

API_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Without the subdomains, which may be somebody else's services.
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
UNUSED_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": API_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }.items()
)
_NAMES: Final = frozenset(name for name, _ in HEADERS)


def security_headers(app: ASGIApp, *, is_behind_https: bool) -> ASGIApp:
    """Add each header that an answer does not set itself, as a page sets its own policy.

    Belongs outside everything else, so that no answer leaves without them.

    Args:
        app: what answers.
        is_behind_https: whether browsers reach it by HTTPS only. A browser takes that as said only
            where it was: over plain HTTP the header means nothing.
    """
    headers = (*HEADERS, HSTS) if is_behind_https else HEADERS

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [one for one in message["headers"] if one[0] in _NAMES]
                message["headers"] = [*message["headers"], *(_without(own) if own else headers)]
            await send(message)

        await app(scope, receive, send_with_headers)

    def _without(own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        taken = {name for name, _ in own}
        return [one for one in headers if one[0] not in taken]

    return middleware
