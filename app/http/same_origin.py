"""Whether a browser sends a request on behalf of our own page.

A cookie is sent with whatever a browser asks of us, from whichever page. So a request that is
believed for its cookie has to come from our own origin as well (OWASP, "Cross-Site Request Forgery
Prevention", Fetch Metadata); a bearer token, which no foreign page can add, needs no such check.
"""

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from app.core.errors import Forbidden


def require_same_origin(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Refuse what a foreign page, or something that does not say, makes a browser send.

    Raises:
        Forbidden: `csrf`.
    """
    check_same_origin(connection)


def check_socket_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a WebSocket that a foreign page opens, whatever it brings along.

    The same-origin policy does not hold a page back from opening one. Programs send no `Origin`.

    Raises:
        Forbidden: `csrf`.
    """
    if {"origin", "sec-fetch-site"} & set(connection.headers.keys()):
        check_same_origin(connection)


def check_same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """As `require_same_origin`, where the decision is not a route's alone."""
    headers = connection.headers
    if not _is_same_origin(
        site=headers.get("sec-fetch-site"), origin=headers.get("origin"), host=headers.get("host")
    ):
        raise Forbidden("A request with a cookie has to come from our own page.", code="csrf")


def _is_same_origin(*, site: str | None, origin: str | None, host: str | None) -> bool:
    # Browsers alone can set Sec-Fetch-Site. Those too old for it send Origin with what changes
    # something; its scheme is not compared, for a proxy may speak TLS in front of us.
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site is not None
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == str(host).lower()
    except ValueError:
        return False
