"""Exchange accounts as they cross HTTP."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.accounts.key_rights import KeyFault, permissions_of, warnings_of
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Credentials
from app.core.errors import AuthRefused, ExchangeError
from app.http.schemas import In, Moment, Out
from app.trading.words import MarketType

ID = "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"
AT = "2026-01-31T12:00:00.000000Z"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=NO_CONTROLS),
]
ExchangeName = Annotated[
    str, BeforeValidator(_lower), StringConstraints(pattern=r"^[a-z0-9_]{2,32}$")
]
VenueSecret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class _VenueKeys(In):
    api_key: VenueSecret | None = None
    api_secret: VenueSecret | None = None
    password: VenueSecret | None = None
    accept_withdrawal_rights: Literal["yes, this key can withdraw"] | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret go together: send both or neither")
        if self.password is not None and self.api_key is None:
            raise ValueError("password comes with api_key and api_secret")
        return self

    @property
    def accepts_withdrawals(self) -> bool:
        """Whether it was typed out that coins may be moved away with the key."""
        return self.accept_withdrawal_rights is not None

    @property
    def needs_proof(self) -> bool:
        """Whether a stolen login could do harm with it."""
        return self.api_key is not None or self.accepts_withdrawals

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
    """A new exchange account; the keys are sealed and never shown again.

    A key that allows withdrawals or transfers is refused, unless an admin types in
    `accept_withdrawal_rights` that they know.
    """

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

    @model_validator(mode="after")
    def _accepts_something(self) -> Self:
        if self.accepts_withdrawals and self.api_key is None:
            raise ValueError("accept_withdrawal_rights comes with api_key and api_secret")
        return self


class ExchangeAccountChange(_VenueKeys):
    """What to change; what is left out stays. New keys replace the old ones whole.

    `accept_withdrawal_rights` is for the new keys, or alone for those the account has; only for
    admins.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_active": False}]})

    name: Name | None = None
    is_active: bool | None = None


class KeyPermissionsOut(Out):
    """What the venue says the key may do; null is not verified, never no."""

    is_verified: bool
    reading: bool | None
    spot_trading: bool | None
    contract_trading: bool | None
    withdrawals: bool | None
    transfers: bool | None
    is_address_bound: bool | None


class KeyWarningOut(Out):
    """What is wrong with the key, or not known of it."""

    code: str
    detail: str


class ExchangeAccountOut(Out):
    """An exchange account without its keys; `key_hint` is the end of the venue's key.

    `permissions_checked_at` is null while the venue has not been asked or did not answer.
    `withdrawals_accepted_at` says since when an admin accepts that this key can move coins away.
    """

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
                    "key_permissions": {
                        "is_verified": True,
                        "reading": True,
                        "spot_trading": True,
                        "contract_trading": False,
                        "withdrawals": False,
                        "transfers": False,
                        "is_address_bound": True,
                    },
                    "permissions_checked_at": AT,
                    "withdrawals_accepted_at": None,
                    "warnings": [],
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
    key_permissions: KeyPermissionsOut | None
    permissions_checked_at: Moment | None
    withdrawals_accepted_at: Moment | None
    warnings: list[KeyWarningOut]


def shape_account(
    account: ExchangeAccount, failure: ExchangeError | None = None
) -> ExchangeAccountOut:
    """Row to what crosses HTTP.

    Args:
        account: the row.
        failure: why the venue could not be asked just now what the key may do.
    """
    warnings = [KeyWarningOut.model_validate(one) for one in warnings_of(account)]
    if failure is not None:
        warnings = [_with_reason(one, failure) for one in warnings]
    has_key = account.credentials is not None
    return ExchangeAccountOut(
        id=account.id,
        name=account.name,
        exchange=account.exchange,
        market_type=account.market_type,
        is_paper=account.is_paper,
        is_active=account.is_active,
        key_hint=account.key_hint,
        created_at=account.created_at,
        key_permissions=(
            KeyPermissionsOut.model_validate(permissions_of(account)) if has_key else None
        ),
        permissions_checked_at=account.permissions_checked_at,
        withdrawals_accepted_at=account.withdrawals_accepted_at,
        warnings=warnings,
    )


def _with_reason(warning: KeyWarningOut, failure: ExchangeError) -> KeyWarningOut:
    if warning.code != KeyFault.UNVERIFIED:
        return warning
    code = "key_refused" if isinstance(failure, AuthRefused) else warning.code
    return KeyWarningOut(code=code, detail=f"{warning.detail} ({failure.detail})")
