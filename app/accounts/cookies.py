"""The cookies of a browser's login: unreadable for scripts, sent to this host alone."""

from typing import Any, Final, Literal

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from app.accounts.sessions import TokenPair

# A browser takes a `__Host-` cookie only over TLS (or from this machine), for this very host, and
# for all its paths: no neighbour under the same domain can set or read it.
ACCESS: Final = "__Host-signalbox-access"
REFRESH: Final = "__Host-signalbox-refresh"
_SAME_SITE: Final[Literal["strict"]] = "strict"


def cookies_of(pair: TokenPair, *, refresh_seconds: int) -> list[Cookie]:
    """What a login sets."""
    return [
        _cookie(ACCESS, pair.access_token, pair.expires_in),
        _cookie(REFRESH, pair.refresh_token, refresh_seconds),
    ]


def no_cookies() -> list[Cookie]:
    """What the end of a login sets: both are gone at once."""
    return [_cookie(ACCESS, "", 0), _cookie(REFRESH, "", 0)]


def access_cookie(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The access token that a browser sent along."""
    return connection.cookies.get(ACCESS) or None


def refresh_cookie(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The refresh token that a browser sent along."""
    return connection.cookies.get(REFRESH) or None


def _cookie(name: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite=_SAME_SITE,
    )
