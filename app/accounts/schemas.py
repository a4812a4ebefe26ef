"""Logins, API keys and exchange accounts as they cross HTTP."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.accounts.models import ExchangeAccount, Scope
from app.accounts.vault import Credentials
from app.http.caller import Role
from app.http.schemas import In, Moment, MomentIn, Out
from app.trading.words import MarketType

ID = "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"
AT = "2026-01-31T12:00:00.000000Z"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
PRINTABLE = r"^[\x21-\x7e]+$"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=NO_CONTROLS),
]
Word = Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROLS)]
Opaque = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
ExchangeName = Annotated[
    str, BeforeValidator(_lower), StringConstraints(pattern=r"^[a-z0-9_]{2,32}$")
]
VenueSecret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class RegisterIn(In):
    """A new user."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "username": "ada",
                    "password": "correct horse battery",
                    "timezone": "Europe/Berlin",
                    "invite": "the text of an invitation",
                }
            ]
        }
    )

    username: Word
    password: SecretStr
    timezone: Word = "UTC"
    invite: Opaque | None = None


class UserOut(Out):
    """A user, as they see themselves."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": ID, "username": "ada", "role": "trader", "timezone": "Europe/Berlin"}
            ]
        }
    )

    id: UUID
    username: str
    role: Role
    timezone: str


class RegisteredOut(UserOut):
    """A new user, with what was made for them; what is secret in it is shown this once."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": ID,
                    "username": "ada",
                    "role": "admin",
                    "timezone": "Europe/Berlin",
                    "webhook_url": "http://127.0.0.1:8000/webhooks/tradingview/…",
                }
            ]
        },
    )


class CredentialsIn(In):
    """A password login; what OAuth2 clients add (`grant_type`, …) is ignored."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"username": "ada", "password": "correct horse battery"}]},
    )

    username: Word
    password: SecretStr


class KeyLoginIn(In):
    """An API key's login."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"api_key": "sbk_…", "api_secret": "…"}]}
    )

    api_key: Opaque
    api_secret: SecretStr


class RefreshIn(In):
    """A refresh token, good for one use."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "…"}]})

    refresh_token: Opaque


class TokensOut(Out):
    """What a login gives; `expires_in` is in seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJ…",
                    "refresh_token": "…",
                    "token_type": "bearer",
                    "expires_in": 600,
                }
            ]
        }
    )

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 the name of a scheme
    expires_in: int


class LoggedOutOut(Out):
    """The login has ended."""

    is_logged_in: bool = False


class ApiKeyIn(In):
    """A new API key; without `scopes` it may do whatever you may."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "signal script", "scopes": ["read", "signals:write"]}]
        }
    )

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)] | None = None
    expires_at: MomentIn | None = None


class NewApiKeyOut(Out):
    """The one time that the secret is shown."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": ID, "api_key": "sbk_…", "api_secret": "…"}]}
    )

    id: UUID
    api_key: str
    api_secret: str


class ApiKeyOut(Out):
    """An API key without its secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": ID,
                    "name": "signal script",
                    "api_key": "sbk_…",
                    "scopes": ["read", "signals:write"],
                    "expires_at": None,
                    "last_used_at": None,
                    "created_at": AT,
                }
            ]
        }
    )

    id: UUID
    name: str
    api_key: str
    scopes: list[str]
    expires_at: Moment | None
    last_used_at: Moment | None
    created_at: Moment


class _VenueKeys(In):
    api_key: VenueSecret | None = None
    api_secret: VenueSecret | None = None
    password: VenueSecret | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret go together: send both or neither")
        if self.password is not None and self.api_key is None:
            raise ValueError("password comes with api_key and api_secret")
        return self

    def credentials(self) -> Credentials | None:
        """The venue's keys, if they were sent."""
        if self.api_key is None or self.api_secret is None:
            return None
        return Credentials(
            api_key=self.api_key.get_secret_value(),
            api_secret=self.api_secret.get_secret_value(),
            password=self.password.get_secret_value() if self.password is not None else None,
        )


class ExchangeAccountIn(_VenueKeys):
    """A new exchange account; the keys are sealed and never shown again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "main",
                    "exchange": "binance",
                    "market_type": "spot",
                    "api_key": "…",
                    "api_secret": "…",
                }
            ]
        }
    )

    name: Name
    exchange: ExchangeName
    market_type: MarketType
    is_paper: bool = False


class ExchangeAccountChange(_VenueKeys):
    """What to change; what is left out stays. New keys replace the old ones whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_active": False}]})

    name: Name | None = None
    is_active: bool | None = None


class ExchangeAccountOut(Out):
    """An exchange account without its keys; `key_hint` is the end of the venue's key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": ID,
                    "name": "main",
                    "exchange": "binance",
                    "market_type": "spot",
                    "is_paper": False,
                    "is_active": True,
                    "key_hint": "x7Qz",
                    "created_at": AT,
                }
            ]
        }
    )

    id: UUID
    name: str
    exchange: str
    market_type: MarketType
    is_paper: bool
    is_active: bool
    key_hint: str | None
    created_at: Moment


def shape_account(account: ExchangeAccount) -> ExchangeAccountOut:
    """Row to what crosses HTTP."""
    return ExchangeAccountOut.model_validate(account)
