"""Who is calling: every route but those marked `opt={"public": True}` needs an access token."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp, Receive, Scope, Send

from app.accounts import repository, tokens
from app.accounts.cookies import access_cookie
from app.accounts.live import tickets
from app.accounts.live.standing import OpenSockets, goes_on
from app.accounts.models import Login, User
from app.accounts.models import Scope as KeyScope
from app.accounts.tokens import Access
from app.core.errors import AppError, Forbidden, Unauthenticated
from app.core.origin import current_origin
from app.db.down import database_down, is_down
from app.db.session import Database
from app.http.caller import Caller, Role
from app.http.event_streams import STREAM
from app.http.same_origin import check_same_origin, check_socket_origin
from app.http.sockets import refuse, take_ticket, ticket_of
from app.settings import Settings

PUBLIC = "public"
SCOPE = "scope"
# A WebSocket's handshake has no method, and is none of them.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, Any]


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Puts a `Caller` into `scope["user"]`, or refuses.

    A WebSocket, or a route marked `opt={STREAM: True}`, is believed for a ticket in its address,
    too, and closed when its login has ended: that holds for each of them, whatever it serves.

    A handler may name in `opt={"scope": "signals:write"}` what an API key needs for it; without
    that, `trade` is needed to act and `read` to look.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_from_auth_key=PUBLIC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opt = getattr(scope.get("route_handler"), "opt", {})
        if scope["type"] == ScopeType.WEBSOCKET and not opt.get(PUBLIC):
            await self._serve_socket(scope, receive, send)
        elif opt.get(STREAM) and scope["type"] == ScopeType.HTTP:
            take_ticket(scope)
            access = await _let_in(scope)
            await _sockets(scope).serve(access, self.app, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            access = await _let_in(scope)
        except AppError as refusal:
            await refuse(scope, send, refusal)
            return
        except Exception as failed:
            if not is_down(failed):
                raise
            await refuse(scope, send, database_down())
            return
        await _sockets(scope).serve(access, self.app, scope, receive, send)

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        caller, access = await _authenticate(connection)
        return AuthenticationResult(user=caller, auth=access)


async def _let_in(scope: Scope) -> Access:
    """Find out who opens what stays open, and put them into its scope.

    Raises:
        AppError: they are not let in, or have too many open.
    """
    connection = Connection(scope)
    check_socket_origin(connection)
    caller, access = await _authenticate(connection)
    _sockets(scope).check_room(caller.user_id)
    scope["user"], scope["auth"] = caller, access
    return access


def _sockets(scope: Scope) -> OpenSockets:
    sockets: OpenSockets = scope["litestar_app"].state.sockets
    return sockets


async def optional_caller(connection: Connection) -> Caller | None:
    """The caller of a public route that shows more to those who are logged in.

    Raises:
        Unauthenticated: a token was sent and is not valid.
    """
    if "authorization" not in connection.headers and access_cookie(connection) is None:
        return None
    caller, _ = await _authenticate(connection)
    return caller


def role_with_scopes(role: Role, scopes: Sequence[str] | None, needed: str | None) -> Role:
    """What is left of a role when an API key narrows it.

    Args:
        role: the user's own.
        scopes: of the key; None for a login by password, which narrows nothing.
        needed: the scope that the route names as sufficient, if it does.

    Raises:
        Forbidden: the key may not use this route at all.
    """
    if scopes is None or KeyScope.ADMIN in scopes:
        return role
    if KeyScope.TRADE in scopes or (needed is not None and needed in scopes):
        return Role.TRADER if role is Role.ADMIN else role
    if KeyScope.READ in scopes:
        return Role.VIEWER
    raise Forbidden("The scopes of this API key do not allow this.", code="scope_missing")


async def _authenticate(connection: Connection) -> tuple[Caller, Access]:
    state = connection.app.state
    now = state.clock.now()
    access = await _access(connection, now)
    login, user = await _going_on(state.database, access)
    needed = getattr(connection.scope.get("route_handler"), "opt", {}).get(SCOPE)
    caller = Caller(
        user_id=user.id,
        username=user.username,
        role=role_with_scopes(user.role, access.scopes, needed),
        zone=user.timezone,
        is_proven=_is_proven(login, state.settings, now=now),
        is_program=login.api_key_id is not None,
    )
    return caller, access


async def _going_on(database: Database, access: Access) -> tuple[Login, User]:
    async with database.read() as session:
        opened = await repository.login_of(session, access.login_id)
    if opened is None:
        raise _ended()
    if not goes_on(access, *opened, source=current_origin().source):
        raise _ended()
    return opened[0], opened[1]


def _is_proven(login: Login, settings: Settings, *, now: datetime) -> bool:
    longest = timedelta(seconds=settings.step_up_seconds)
    return login.proven_at is not None and now - login.proven_at < longest


def _ended() -> Unauthenticated:
    return Unauthenticated("This login has ended: log in again.")


async def _access(connection: Connection, now: datetime) -> Access:
    state = connection.app.state
    ticket = ticket_of(connection.scope)
    if ticket is not None:
        return await tickets.use(state.database, ticket, now=now)
    return tokens.read(state.key_ring, _token(connection), now=now)


def _token(connection: Connection) -> str:
    """The bearer's token; without one the cookie's, if our own page sent it."""
    if "authorization" in connection.headers:
        return _bearer(connection)
    cookie = access_cookie(connection)
    if cookie is None:
        raise _nobody()
    if connection.scope.get("method") not in SAFE_METHODS:
        check_same_origin(connection)
    return cookie


def _bearer(connection: Connection) -> str:
    scheme, _, token = connection.headers["authorization"].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _nobody()
    return token.strip()


def _nobody() -> Unauthenticated:
    return Unauthenticated("Log in first: send `Authorization: Bearer <access token>`.")
