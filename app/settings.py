"""Everything that may differ between installations, read once from the environment or `.env`."""

from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")


class Environment(StrEnum):
    """Where this runs: `local` trusts the loopback, `production` trusts nobody."""

    LOCAL = "local"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """One value per setting of the contract; durations are in seconds."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    environment: Environment = Environment.LOCAL
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    data_dir: Path = Path("data")
    log_dir: Path = Path("logs")
    log_level: str = "INFO"
    database_url: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    secret_key_file: str = ""
    secret_key_previous: SecretStr = SecretStr("")
    admin_username: str = ""
    admin_password: SecretStr = SecretStr("")
    open_registration: bool = False
    webhook_allowed_ips: Annotated[tuple[str, ...], NoDecode] = TRADINGVIEW_ADDRESSES
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    paper_url: str = ""
    paper_control: bool = False
    paper_seed: int = 1
    paper_data: str = ""

    access_token_seconds: int = 600
    refresh_token_seconds: int = 30 * 24 * 3600
    login_seconds: int = 90 * 24 * 3600
    step_up_seconds: int = 300
    price_max_age_seconds: float = 3.0
    sweep_seconds: float = 2.0
    reconcile_seconds: float = 30.0
    reconcile_without_stream_seconds: float = 5.0
    exchange_timeout_seconds: float = 10.0
    rate_reserve_percent: int = Field(default=20, ge=0, le=90)
    inbox_most_waiting: int = Field(default=2_048, ge=1)
    inbox_patience_seconds: float = 2.4
    webhook_read_seconds: float = Field(default=3.0, gt=0)
    dedup_window_seconds: int = 90
    future_alert_seconds: int = 5
    protection_deadline_seconds: float = 10.0
    trigger_grace_seconds: float = 0.5
    liquidation_margin_fraction: Decimal = Decimal("0.2")

    @field_validator("webhook_allowed_ips", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhook_allowed_ips", "trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if "/" in part:
                ip_network(part)
            else:
                ip_address(part)
        return value

    @model_validator(mode="after")
    def _secrets(self) -> "Settings":
        if bool(self.admin_username) != bool(self.admin_password.get_secret_value()):
            raise ValueError("ADMIN_USERNAME and ADMIN_PASSWORD go together: set both or neither")
        key = self.secret_key.get_secret_value()
        if key and self.secret_key_file:
            raise ValueError("SECRET_KEY and SECRET_KEY_FILE exclude each other: set one of them")
        if self.environment is Environment.PRODUCTION and not (key or self.secret_key_file):
            raise ValueError(
                "SECRET_KEY is required in production: set 32 random bytes or more, "
                "or SECRET_KEY_FILE"
            )
        previous = self.secret_key_previous.get_secret_value()
        for name, secret in (("SECRET_KEY", key), ("SECRET_KEY_PREVIOUS", previous)):
            if secret and len(secret.encode()) < 32:
                raise ValueError(f"{name} is too short: 32 bytes at least")
        return self

    @property
    def is_local(self) -> bool:
        """Whether this is a developer's or trader's own machine."""
        return self.environment is Environment.LOCAL

    @property
    def resolved_database_url(self) -> str:
        """The database to use: the one that was set, else SQLite in the data folder."""
        url = self.database_url.get_secret_value()
        return url or f"sqlite+aiosqlite:///{self.data_dir / 'signalbox.db'}"
