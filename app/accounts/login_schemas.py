"""Users, logins and API keys as they cross HTTP."""

from ipaddress import ip_network
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.accounts.identity import Sent
from app.accounts.models import Scope
from app.accounts.schemas import AT, ID, NO_CONTROLS, Name
from app.http.caller import Role
from app.http.schemas import In, Moment, MomentIn, Out

PRINTABLE = r"^[\x21-\x7e]+$"


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        # Python's own words repeat what was sent.
        raise ValueError("an address or a network, as 192.0.2.7 or 192.0.2.0/28") from None


Word = Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROLS)]
Opaque = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_CONTROLS)]
Network = Annotated[str, StringConstraints(max_length=50), AfterValidator(_network)]


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
    code: Code | None = None

    def sent(self) -> Sent:
        """What shows who it is."""
        return Sent(self.password.get_secret_value(), self.code)


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


class StepUpIn(In):
    """The code of your app, or a recovery code, where codes are on; else your password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"password": "correct horse battery"}, {"code": "492039"}]}
    )

    password: SecretStr | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.password is None and self.code is None:
            raise ValueError("send the password, or the code where codes are on")
        return self

    def sent(self) -> Sent:
        """What shows who it is."""
        password = None if self.password is None else self.password.get_secret_value()
        return Sent(password, self.code)


class StepUpOut(Out):
    """Until when this login may do what a stolen one must not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proven_until": AT}]})

    proven_until: Moment


class PasswordChangeIn(In):
    """The password as it is, and as it shall be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "current_password": "correct horse battery",
                    "new_password": "another horse, another battery",
                }
            ]
        }
    )

    current_password: SecretStr
    new_password: SecretStr
    code: Code | None = None

    def sent(self) -> Sent:
        """What shows who it is."""
        return Sent(self.current_password.get_secret_value(), self.code)


class TotpBegunOut(Out):
    """The secret for an authenticator app, shown this once; `uri` is what its QR code says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"uri": "otpauth://totp/Signalbox:ada?secret=…&issuer=Signalbox"}]
        }
    )

    uri: str


class TotpConfirmIn(In):
    """The code that the app shows now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "492039"}]})

    code: Code


class TotpOnOut(Out):
    """Codes are on. Each recovery code opens once without the app; they are shown this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"recovery_codes": ["mfrg-gzdf-mztw-q2lk", "…"]}]}
    )

    recovery_codes: list[str]


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


class TicketOut(Out):
    """Opens one WebSocket or event stream, once, within `expires_in` seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ticket": "…", "expires_in": 30}]})

    ticket: str
    expires_in: int


class SessionOut(Out):
    """A browser's login: its tokens are in cookies; `expires_in` seconds until a refresh is due."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"is_logged_in": True, "expires_in": 600}]}
    )

    is_logged_in: bool
    expires_in: int | None = None


class LoggedOutOut(Out):
    """The login has ended."""

    is_logged_in: bool = False


class ApiKeyIn(In):
    """A new API key; left out, `scopes` is whatever you may and `allowed_ips` is anywhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "signal script",
                    "scopes": ["read", "signals:write"],
                    "allowed_ips": ["203.0.113.7", "2001:db8::/64"],
                }
            ]
        }
    )

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)] | None = None
    allowed_ips: Annotated[list[Network], Field(min_length=1, max_length=50)] | None = None
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
                    "allowed_ips": None,
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
    allowed_ips: list[str] | None
    expires_at: Moment | None
    last_used_at: Moment | None
    created_at: Moment


class PersonOut(UserOut):
    """A user, as an admin sees them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": ID,
                    "username": "ada",
                    "role": "trader",
                    "timezone": "Europe/Berlin",
                    "is_active": True,
                    "created_at": AT,
                }
            ]
        }
    )

    is_active: bool
    created_at: Moment


class PersonChange(In):
    """What to change of a user; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}]})

    role: Role | None = None
    is_active: bool | None = None


class InviteIn(In):
    """A new invitation; good for a week unless `expires_at` says otherwise."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "trader"}]})

    role: Role = Role.TRADER
    expires_at: MomentIn | None = None


class InviteOut(Out):
    """An invitation that was not used yet, without its text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": ID, "role": "trader", "created_at": AT, "expires_at": AT}]
        }
    )

    id: UUID
    role: Role
    created_at: Moment
    expires_at: Moment


class NewInviteOut(InviteOut):
    """The one time that its text is shown: whoever has it can register once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": ID, "role": "trader", "created_at": AT, "expires_at": AT, "invite": "…"}
            ]
        }
    )

    invite: str
