"""Users, how they get in, and the exchange accounts they own."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.words import Word
from app.db.base import Base
from app.http.caller import Role
from app.trading.words import MarketType


class Scope(Word):
    """What an API key may be used for; a key never allows more than its user may do."""

    READ = "read"
    TRADE = "trade"
    SIGNALS_WRITE = "signals:write"
    ADMIN = "admin"


class User(Base):
    """A person.

    Attributes:
        username: lower case.
        timezone: IANA name: where the trader's day begins.
        token_epoch: part of every access token; raising it ends all of them.
        totp_secret: of the authenticator app, sealed; None without one.
        totp_since: since when logins need its code; None until a first one was right.
        totp_last_step: the 30 s of the last code that was taken, counted from 1970: none twice.
    """

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role]
    timezone: Mapped[str] = mapped_column(String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    token_epoch: Mapped[int] = mapped_column(default=0)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    created_at: Mapped[datetime]

    @property
    def why_no_entries(self) -> str | None:
        """Why nothing is opened for them, as a sentence; None while they may trade."""
        if not self.is_active:
            return "This user is switched off; what is open stays guarded."
        if self.role is Role.VIEWER:
            return "This user may look, not trade; what is open stays guarded."
        return None


class RecoveryCode(Base):
    """A way in without the authenticator app, once."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    used_at: Mapped[datetime | None]


class Invite(Base):
    """Permission to register once.

    Attributes:
        is_setup: printed at a start without an admin; void as soon as there is one.
    """

    __tablename__ = "invites"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[Role]
    is_setup: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A program's way in; the secret is shown once and stored as a digest.

    Attributes:
        allowed_ips: addresses and networks it works from; None: from anywhere.
    """

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    api_key: Mapped[str] = mapped_column(String(64), unique=True)
    secret_digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    allowed_ips: Mapped[list[str] | None]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    def is_valid(self, now: datetime) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Login(Base):
    """One login, from the password or the API key until it is ended.

    Attributes:
        api_key_id: the key it was opened with; None for a password.
        proven_at: when its user last showed that they are there, by password or code; None for a
            key's login, which never can.
        ended_at: by logging out, by a password change, or because a refresh token was used twice.
    """

    __tablename__ = "logins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    api_key_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
    opened_at: Mapped[datetime]
    proven_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One link of a login: used once, then followed by its successor."""

    __tablename__ = "refresh_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    successor_id: Mapped[UUID | None]


class Ticket(Base):
    """A way to open one stream of a login, once and soon: it stands where a token must not.

    Attributes:
        epoch: the user's `token_epoch` when it was given out.
        access_until: when the access token ends that asked for it: no stream outlives that.
        used_at: None until it has opened a stream.
    """

    __tablename__ = "tickets"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), index=True)
    epoch: Mapped[int]
    access_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class GuessCount(Base):
    """How often somebody was wrong of late about one name, or from one address.

    Attributes:
        subject: a digest of what is counted, so that no name or address is kept for its own sake.
        attempts: since the last success, or since all was forgotten.
        next_at: before then, no further attempt is even looked at.
    """

    __tablename__ = "guess_counts"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempts: Mapped[int]
    last_at: Mapped[datetime]
    next_at: Mapped[datetime]


class ExchangeAccount(Base):
    """A user's account at a venue.

    Attributes:
        credentials: sealed by the vault for this row and user; None while no key is known.
        key_hint: the last four characters of the venue's key.
        venue_key_digest: keeps one venue key from being registered twice.
        key_permissions: what the venue said of the key, the fields of `KeyPermissions` by name.
        permissions_checked_at: when the venue said so; None while it could not be asked.
        withdrawals_accepted_at: when an admin accepted that this key can move coins away.
    """

    __tablename__ = "exchange_accounts"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    exchange: Mapped[str] = mapped_column(String(32))
    market_type: Mapped[MarketType]
    is_paper: Mapped[bool]
    is_active: Mapped[bool] = mapped_column(default=True)
    credentials: Mapped[str | None] = mapped_column(Text)
    key_hint: Mapped[str | None] = mapped_column(String(4))
    venue_key_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    key_permissions: Mapped[dict[str, Any] | None]
    permissions_checked_at: Mapped[datetime | None]
    withdrawals_accepted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class AccountState(Base):
    """How far an exchange account is known to agree with its venue.

    Attributes:
        reconciled_at: when everything was last compared, whatever was found.
        failing_since: since when that has not worked; None while it does.
        reason: what stands in the way, as `code: sentence`; None while nothing does.
    """

    __tablename__ = "account_states"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"), primary_key=True)
    reconciled_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)


class ExternalHolding(Base):
    """What the venue holds of a symbol beyond our books: the trader's own, never ours.

    Attributes:
        quantity: signed base units (contracts on inverse), negative for a short; no row when flat.
    """

    __tablename__ = "external_holdings"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(80), primary_key=True)
    quantity: Mapped[Decimal]
    seen_at: Mapped[datetime]
