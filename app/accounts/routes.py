"""/auth: register, log in, stay logged in, prove it, log out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import SerializationException
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    RequestBody,
    Schema,
)
from litestar.params import JSONBody
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, service
from app.accounts.live import tickets
from app.accounts.login_schemas import (
    CredentialsIn,
    KeyLoginIn,
    LoggedOutOut,
    PasswordChangeIn,
    RefreshIn,
    RegisteredOut,
    RegisterIn,
    StepUpIn,
    StepUpOut,
    TicketOut,
    TokensOut,
    UserOut,
)
from app.accounts.sessions import Sessions, TokenPair, close
from app.accounts.tokens import Access
from app.core.errors import (
    Duplicate,
    Forbidden,
    Invalid,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from app.http.answers import RefusingOperation
from app.http.caller import Caller, Role, require_person
from app.http.session import database_of

PUBLIC = {"public": True}


@dataclass
class _TokenOperation(RefusingOperation):
    """Describes a body that Litestar cannot know: the handler reads JSON and forms alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
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
    opt={**PUBLIC, "raises": [Duplicate, Forbidden, Unavailable]},
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
    opt={**PUBLIC, "raises": [Invalid, TooLarge, TooMany, Unauthenticated]},
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
    credentials = await _credentials(request)
    return _shape(
        await sessions.open_by_password(credentials.username, credentials.sent(), now=now)
    )


@post(
    "/login",
    opt={**PUBLIC, "raises": [TooMany, Unauthenticated]},
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
    opt={**PUBLIC, "raises": [Unauthenticated]},
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


@post(
    "/step-up",
    guards=[require_person],
    status_code=200,
    operation_id="step_up",
    opt={"raises": [TooMany]},
    summary="Show once more that it is you",
)
async def step_up(
    data: JSONBody[StepUpIn],
    request: Request[Any, Any, Any],
    sessions: NamedDependency[Sessions],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> StepUpOut:
    """For some minutes this login may do what a stolen one must not."""
    access: Access = request.auth
    until = await sessions.prove(caller.username, data.sent(), login_id=access.login_id, now=now)
    return StepUpOut(proven_until=until)


@post(
    "/password",
    guards=[require_person],
    status_code=200,
    operation_id="change_password",
    opt={"raises": [TooMany]},
    summary="Change your password: every login of yours ends, and a new one begins",
)
async def change_password(
    data: JSONBody[PasswordChangeIn],
    sessions: NamedDependency[Sessions],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> TokensOut:
    """Change the caller's password."""
    pair = await sessions.change_password(
        caller.username,
        data.sent(),
        data.new_password.get_secret_value(),
        now=now,
    )
    return _shape(pair)


@post(
    "/ticket",
    status_code=201,
    operation_id="create_ticket",
    opt={"raises": [TooMany]},
    summary="Get a ticket that opens one WebSocket or event stream, as `?ticket=`",
)
async def create_ticket(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> TicketOut:
    """For a browser, which can send no header with these."""
    access: Access = request.auth
    text = await tickets.issue(session, access, now=now)
    return TicketOut(ticket=text, expires_in=int(tickets.LIFE.total_seconds()))


@get("/me", operation_id="get_me", summary="Who you are")
async def me(caller: NamedDependency[Caller]) -> UserOut:
    """Show the caller."""
    return UserOut(
        id=caller.user_id, username=caller.username, role=caller.role, timezone=caller.zone
    )


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
        step_up,
        change_password,
        create_ticket,
        me,
    ],
    tags=["auth"],
)
