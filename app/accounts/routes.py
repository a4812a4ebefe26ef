"""/auth: register, log in, stay logged in, log out, API keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import SerializationException
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import FromPath, JSONBody
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import api_keys, passwords, repository, service
from app.accounts.models import ApiKey
from app.accounts.schemas import (
    ApiKeyIn,
    ApiKeyOut,
    CredentialsIn,
    KeyLoginIn,
    LoggedOutOut,
    NewApiKeyOut,
    RefreshIn,
    RegisteredOut,
    RegisterIn,
    TokensOut,
    UserOut,
)
from app.accounts.sessions import Sessions, TokenPair, close
from app.core.errors import Invalid
from app.http.caller import Caller, Role
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.http.session import database_of

PUBLIC = {"public": True}


@dataclass
class _TokenOperation(Operation):
    """Describes a body that Litestar cannot know: the handler reads JSON and forms alike."""

    def __post_init__(self) -> None:
        body = OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                required=["username", "password"],
                properties={
                    "username": Schema(type=OpenAPIType.STRING),
                    "password": Schema(type=OpenAPIType.STRING),
                },
            ),
            examples={"login": Example(value={"username": "ada", "password": "…"})},
        )
        kinds = (RequestEncodingType.JSON, RequestEncodingType.URL_ENCODED)
        self.request_body = RequestBody({kind.value: body for kind in kinds}, required=True)


@post(
    "/register",
    opt=PUBLIC,
    operation_id="register",
    summary="Become a user, by invite unless registration is open",
)
async def register(
    data: JSONBody[RegisterIn], request: Request[Any, Any, Any], now: NamedDependency[datetime]
) -> RegisteredOut:
    """Make a user and everything that a new user has."""
    state = request.app.state
    password = data.password.get_secret_value()
    is_by_invite = data.invite is not None or not state.settings.open_registration
    minimum = passwords.MIN_LENGTH_LOCAL if state.settings.is_local else passwords.MIN_LENGTH
    passwords.check_strength(password, minimum=minimum)
    service.valid_username(data.username)
    if is_by_invite:
        async with database_of(request).read() as session:
            await service.check_invite(session, data.invite, now=now)
    # Hashing is slow on purpose: before the transaction, and only for those who may register.
    password_hash = await passwords.hash_password(password)
    async with database_of(request).transaction() as session:
        role = Role.TRADER
        if is_by_invite:
            role = await service.use_invite(session, data.invite, now=now)
        user = await service.register(
            session,
            username=data.username,
            password_hash=password_hash,
            role=role,
            timezone=data.timezone,
            now=now,
        )
        extra = await state.on_registered(session, user, now)
    return RegisteredOut.model_validate({**UserOut.model_validate(user).model_dump(), **extra})


@post(
    "/token",
    opt=PUBLIC,
    status_code=200,
    operation_id="create_token",
    operation_class=_TokenOperation,
    summary="Log in with a password, sent as JSON or as a form",
)
async def create_token(
    request: Request[Any, Any, Any],
    sessions: NamedDependency[Sessions],
    now: NamedDependency[datetime],
) -> TokensOut:
    """Open a login."""
    sent = await _credentials(request)
    password = sent.password.get_secret_value()
    return _shape(await sessions.open_by_password(sent.username, password, now=now))


@post(
    "/login",
    opt=PUBLIC,
    status_code=200,
    operation_id="login_with_api_key",
    summary="Log in with an API key",
)
async def login(
    data: JSONBody[KeyLoginIn],
    sessions: NamedDependency[Sessions],
    now: NamedDependency[datetime],
) -> TokensOut:
    """Open a login for a program."""
    secret = data.api_secret.get_secret_value()
    return _shape(await sessions.open_by_key(data.api_key, secret, now=now))


@post(
    "/refresh",
    opt=PUBLIC,
    status_code=200,
    operation_id="refresh_token",
    summary="Trade a refresh token for a new pair",
)
async def refresh(
    data: JSONBody[RefreshIn],
    sessions: NamedDependency[Sessions],
    now: NamedDependency[datetime],
) -> TokensOut:
    """Carry a login on."""
    return _shape(await sessions.refresh(data.refresh_token, now=now))


@post("/logout", status_code=200, operation_id="logout", summary="End a login at once")
async def logout(
    data: JSONBody[RefreshIn],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> LoggedOutOut:
    """End the login that the refresh token belongs to."""
    await close(session, user_id=caller.user_id, refresh_token=data.refresh_token, now=now)
    return LoggedOutOut()


@get("/me", operation_id="get_me", summary="Who you are")
async def me(caller: NamedDependency[Caller]) -> UserOut:
    """Show the caller."""
    return UserOut(
        id=caller.user_id, username=caller.username, role=caller.role, timezone=caller.zone
    )


@post(
    "/api-keys",
    operation_id="create_api_key",
    summary="Make an API key; its secret is shown this once",
)
async def create_api_key(
    data: JSONBody[ApiKeyIn],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> NewApiKeyOut:
    """Make an API key."""
    key, secret = await api_keys.create_api_key(
        session, caller, name=data.name, scopes=data.scopes, expires_at=data.expires_at, now=now
    )
    return NewApiKeyOut(id=key.id, api_key=key.api_key, api_secret=secret)


@get("/api-keys", operation_id="list_api_keys", summary="Your API keys, without their secrets")
async def list_api_keys(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Page[ApiKeyOut]:
    """List the API keys that were not revoked."""
    return await page_of(
        session,
        repository.api_keys_of(caller.user_id),
        paging,
        id_column=ApiKey.id,
        time_column=ApiKey.created_at,
        shape=ApiKeyOut.model_validate,
    )


@delete(
    "/api-keys/{key_id:uuid}",
    operation_id="delete_api_key",
    summary="Revoke an API key and end its logins",
)
async def delete_api_key(
    key_id: FromPath[UUID],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Revoke an API key."""
    await api_keys.revoke_api_key(session, caller, key_id, now=now)


def _shape(pair: TokenPair) -> TokensOut:
    return TokensOut.model_validate(pair)


async def _credentials(request: Request[Any, Any, Any]) -> CredentialsIn:
    kind = request.content_type[0]
    try:
        if kind == RequestEncodingType.URL_ENCODED:
            return CredentialsIn.model_validate(dict(await request.form()))
        return CredentialsIn.model_validate(await request.json())
    except SerializationException:
        raise Invalid("Send username and password as JSON or as a form.") from None
    except ValidationError as error:
        fields = [
            f"{item['loc'][0] if item['loc'] else 'body'}: {item['msg']}" for item in error.errors()
        ]
        raise Invalid("; ".join(fields)) from None


router = Router(
    path="/auth",
    route_handlers=[
        register,
        create_token,
        login,
        refresh,
        logout,
        me,
        create_api_key,
        list_api_keys,
        delete_api_key,
    ],
    tags=["auth"],
)
