"""Exchange accounts as they cross HTTP."""

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

from app.accounts.models import ExchangeAccount
from app.accounts.vault import Credentials
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
