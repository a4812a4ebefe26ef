"""Who is calling: every route but those marked `opt={"public": True}` needs an access token."""

from collections.abc import Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from app.accounts import repository, tokens
from app.accounts.models import Scope, User
from app.accounts.tokens import Access
from app.core.errors import Forbidden, Unauthenticated
from app.db.session import Database
from app.http.caller import Caller, Role

PUBLIC = "public"
SCOPE = "scope"

Connection = ASGIConnection[Any, Any, Any, Any]


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Puts a `Caller` into `scope["user"]`, or refuses.

    A handler may name in `opt={"scope": "signals:write"}` what an API key needs for it; without
    that, `trade` is needed to act and `read` to look.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_from_auth_key=PUBLIC)

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        caller, access = await _authenticate(connection)
        return AuthenticationResult(user=caller, auth=access)


async def optional_caller(connection: Connection) -> Caller | None:
    """The caller of a public route that shows more to those who are logged in.

    Raises:
        Unauthenticated: a token was sent and is not valid.
    """
    if "authorization" not in connection.headers:
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
    if scopes is None or Scope.ADMIN in scopes:
        return role
    if Scope.TRADE in scopes or (needed is not None and needed in scopes):
        return Role.TRADER if role is Role.ADMIN else role
    if Scope.READ in scopes:
        return Role.VIEWER
    raise Forbidden("The scopes of this API key do not allow this.", code="scope_missing")


async def _authenticate(connection: Connection) -> tuple[Caller, Access]:
    state = connection.app.state
    access = tokens.read(state.key_ring, _bearer(connection), now=state.clock.now())
    user = await _user_of(state.database, access)
    needed = getattr(connection.scope.get("route_handler"), "opt", {}).get(SCOPE)
    role = role_with_scopes(user.role, access.scopes, needed)
    caller = Caller(user_id=user.id, username=user.username, role=role, zone=user.timezone)
    return caller, access


async def _user_of(database: Database, access: Access) -> User:
    async with database.read() as session:
        user = await repository.user_by_id(session, access.user_id)
        is_ended = await repository.is_session_revoked(session, access.session_id)
    if user is None or not user.is_active or user.token_epoch != access.epoch or is_ended:
        raise Unauthenticated("This login has ended: log in again.")
    return user


def _bearer(connection: Connection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Log in first: send `Authorization: Bearer <access token>`.")
    return token.strip()
