"""Everything that may differ between installations, read once from the environment or `.env`."""

import re
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")
# Networks that say nothing about who is at the other end: no sender on the internet has them.
NOT_PUBLIC: Final = {
    "unspecified": ("0.0.0.0/8", "::/128"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"),
        *("fc00::/7", "fec0::/10"),
    ),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "reserved": (
        *("240.0.0.0/4", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
        *("192.88.99.0/24", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16"),
        # IPv4 written as IPv6 is read as IPv4; what is carried in tunnels names another machine.
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
        *("2001::/23", "2002::/16"),
    ),
}

BUILT_SCREEN: Final = Path(__file__).resolve().parents[1] / "frontend" / "dist"
# A host that outgoing addresses may name: `ntfy.lan`, `10.0.0.9:8080`, `[fd00::9]:8080`.
LISTED_HOST: Final = re.compile(
    r"(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?"
)

Network = IPv4Network | IPv6Network


class Environment(StrEnum):
    """Where this runs: `local` trusts the loopback, `production` trusts nobody."""

    LOCAL = "local"
    PRODUCTION = "production"


class Access(StrEnum):
    """Who may see what is not for traders: the API's pages, the figures for Prometheus."""

    ANYONE = "anyone"
    LOOPBACK = "loopback"
    ADMIN = "admin"
    NOBODY = "nobody"


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
    secret_key_keyring: str = ""
    secret_key_previous: SecretStr = SecretStr("")
    admin_username: str = ""
    admin_password: SecretStr = SecretStr("")
    open_registration: bool = False
    webhook_allowed_ips: Annotated[tuple[str, ...], NoDecode] = TRADINGVIEW_ADDRESSES
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    outgoing_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    api_pages_for: Literal["", Access.ANYONE, Access.ADMIN, Access.NOBODY] = ""
    metrics_for: Literal[Access.LOOPBACK, Access.ADMIN, Access.NOBODY] = Access.LOOPBACK
    paper_url: str = ""
    paper_control: bool = False
    paper_seed: int = 1
    paper_data: str = ""
    algorithms_dir: str = ""
    screen_dir: str = ""

    access_token_seconds: int = Field(default=600, ge=30, le=86_400)
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
    webhook_address_per_minute: int = Field(default=60_000, ge=1)
    webhook_token_per_minute: int = Field(default=6_000, ge=1)
    webhook_guesses_per_minute: int = Field(default=300, ge=1)
    sockets_per_user: int = Field(default=20, ge=1)
    symbols_per_socket: int = Field(default=100, ge=1)
    backtest_processes: int = Field(default=0, ge=0, le=256)
    dedup_window_seconds: int = 90
    future_alert_seconds: int = 5
    protection_deadline_seconds: float = 10.0
    trigger_grace_seconds: float = 0.5
    liquidation_margin_fraction: Decimal = Decimal("0.2")

    @field_validator(
        "webhook_allowed_ips", "trusted_proxies", "outgoing_allowed_hosts", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhook_allowed_ips", "trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            _network(part)
        return value

    @field_validator("secret_key_keyring")
    @classmethod
    def _entry(cls, value: str) -> str:
        service, _, name = value.rpartition("/")
        if value and not (service.strip() and name.strip()):
            raise ValueError("name an entry of the keyring as service/name: signalbox/secret")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _few_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if _network(part).prefixlen == 0:
                raise ValueError(
                    f"{part} would believe everybody about who sends: name each proxy's address"
                )
        return value

    @field_validator("outgoing_allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if LISTED_HOST.fullmatch(part) is None:
                raise ValueError(
                    f"{part!r} is no host: write ntfy.lan, 10.0.0.9:8080 or [fd00::9]:8080, "
                    "in lower case and without https://"
                )
        return value

    @model_validator(mode="after")
    def _public_senders(self) -> "Settings":
        if self.is_local:
            return self
        proxies = [_network(part) for part in self.trusted_proxies]
        for part in self.webhook_allowed_ips:
            network = _network(part)
            if (special := _special_part(network)) is not None:
                raise ValueError(
                    f"WEBHOOK_ALLOWED_IPS: {part} is or contains what is {special}: "
                    "outside ENVIRONMENT=local name public addresses only"
                )
            if any(_overlap(one, network) for one in proxies):
                raise ValueError(
                    f"WEBHOOK_ALLOWED_IPS: {part} is or contains one of TRUSTED_PROXIES: "
                    "whatever a proxy says nothing about would count as an alert's sender"
                )
        return self

    @model_validator(mode="after")
    def _secrets(self) -> "Settings":
        if bool(self.admin_username) != bool(self.admin_password.get_secret_value()):
            raise ValueError("ADMIN_USERNAME and ADMIN_PASSWORD go together: set both or neither")
        key = self.secret_key.get_secret_value()
        places = sum(map(bool, (key, self.secret_key_file, self.secret_key_keyring)))
        if places > 1:
            raise ValueError(
                "SECRET_KEY, SECRET_KEY_FILE and SECRET_KEY_KEYRING exclude each other: "
                "set one of them"
            )
        if self.environment is Environment.PRODUCTION and not places:
            raise ValueError(
                "SECRET_KEY is required in production: set 32 random bytes or more, "
                "or SECRET_KEY_FILE, or SECRET_KEY_KEYRING"
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
    def is_behind_https(self) -> bool:
        """Whether browsers reach it by HTTPS only: in production a named proxy stands in front."""
        return not self.is_local and bool(self.trusted_proxies)

    @property
    def shows_pages_to(self) -> Access:
        """Who may read the API's pages: what was set, else anyone here and admins in production."""
        return self.api_pages_for or (Access.ANYONE if self.is_local else Access.ADMIN)

    @property
    def resolved_algorithms_dir(self) -> Path:
        """The folder of own algorithms: the one that was set, else one in the data folder."""
        return Path(self.algorithms_dir) if self.algorithms_dir else self.data_dir / "algorithms"

    @property
    def resolved_screen_dir(self) -> Path:
        """The folder of the built screen: the one that was set, else that of `make screen`."""
        return Path(self.screen_dir) if self.screen_dir else BUILT_SCREEN

    @property
    def resolved_database_url(self) -> str:
        """The database to use: the one that was set, else SQLite in the data folder."""
        url = self.database_url.get_secret_value()
        return url or f"sqlite+aiosqlite:///{self.data_dir / 'signalbox.db'}"


def _network(text: str) -> Network:
    """An address or a network; there is no word for all of them.

    Raises:
        ValueError: it is neither.
    """
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network: write 192.0.2.7 or 192.0.2.0/28"
        ) from None


def _special_part(network: Network) -> str | None:
    """What is not public about a network, as `loopback (127.0.0.0/8)`; None when nothing is."""
    for kind, specials in NOT_PUBLIC.items():
        for special in specials:
            if _overlap(network, ip_network(special)):
                return f"{kind} ({special})"
    return None


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)
