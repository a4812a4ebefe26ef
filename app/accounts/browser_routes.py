"""/auth/session: a browser's login, whose tokens no script can read."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, Router, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import cookies
from app.accounts.login_schemas import CredentialsIn, SessionOut
from app.accounts.sessions import Sessions, TokenPair, close
from app.core.errors import TooMany, Unauthenticated
from app.http.caller import Caller
from app.http.same_origin import require_same_origin

PUBLIC = {"public": True}


@post(
    "/",
    opt={**PUBLIC, "raises": [TooMany, Unauthenticated]},
    status_code=200,
    operation_id="open_session",
    summary="Log a browser in: the tokens are cookies that no script can read",
)
async def open_session(
    data: JSONBody[CredentialsIn],
    sessions: NamedDependency[Sessions],
    now: NamedDependency[datetime],
) -> Response[SessionOut]:
    """Open a login."""
    return _opened(sessions, await sessions.open_by_password(data.username, data.sent(), now=now))


@post(
    "/refresh",
    opt={**PUBLIC, "raises": [Unauthenticated]},
    status_code=200,
    operation_id="refresh_session",
    summary="Carry a browser's login on",
)
async def refresh_session(
    request: Request[Any, Any, Any],
    sessions: NamedDependency[Sessions],
    now: NamedDependency[datetime],
) -> Response[SessionOut]:
    """Trade the refresh cookie for new ones."""
    token = cookies.refresh_cookie(request)
    if token is None:
        raise Unauthenticated("Log in first.")
    return _opened(sessions, await sessions.refresh(token, now=now))


@delete("/", status_code=200, operation_id="close_session", summary="End a browser's login at once")
async def close_session(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> Response[SessionOut]:
    """End the login, and have the browser forget its cookies."""
    token = cookies.refresh_cookie(request)
    if token is not None:
        await close(session, user_id=caller.user_id, refresh_token=token, now=now)
    return Response(SessionOut(is_logged_in=False), cookies=cookies.no_cookies())


def _opened(sessions: Sessions, pair: TokenPair) -> Response[SessionOut]:
    seconds = sessions.settings.refresh_token_seconds
    return Response(
        SessionOut(is_logged_in=True, expires_in=pair.expires_in),
        cookies=cookies.cookies_of(pair, refresh_seconds=seconds),
    )


router = Router(
    path="/auth/session",
    guards=[require_same_origin],
    route_handlers=[open_session, refresh_session, close_session],
    tags=["auth"],
)
