"""Every query on users, invites, sessions, API keys and exchange accounts."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Select, Update, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import (
    ApiKey,
    ExchangeAccount,
    ExternalHolding,
    Invite,
    Login,
    RefreshToken,
    User,
)
from app.core.errors import NotFound
from app.db.changing import changed
from app.http.caller import Role

RowT = TypeVar("RowT")

_LOGINS: Final = (
    select(Login, User, ApiKey)
    .join(User, User.id == Login.user_id)
    .outerjoin(ApiKey, ApiKey.id == Login.api_key_id)
)


async def user_by_id(session: AsyncSession, user_id: UUID) -> User | None:
    """The user, or None."""
    return await session.get(User, user_id)


async def user_named(session: AsyncSession, username: str) -> User | None:
    """The user of that name in any case, or None."""
    return await _one(session, select(User).where(User.username == username.strip().lower()))


async def has_users(session: AsyncSession) -> bool:
    """Whether anybody was ever registered."""
    return await session.scalar(select(exists(select(User.id)))) or False


async def has_admin(session: AsyncSession) -> bool:
    """Whether an active admin exists."""
    query = select(exists(select(User.id).where(User.role == Role.ADMIN, User.is_active)))
    return await session.scalar(query) or False


async def invite_by_digest(session: AsyncSession, digest: str) -> Invite | None:
    """The invite, used or not, or None."""
    return await _one(session, select(Invite).where(Invite.digest == digest))


async def claim_invite(session: AsyncSession, invite_id: UUID, now: datetime) -> bool:
    """Use the invite up; False when somebody else was first."""
    unused = update(Invite).where(Invite.id == invite_id, Invite.used_at.is_(None))
    return await changed(session, unused.values(used_at=now)) == 1


async def api_key_named(session: AsyncSession, api_key: str) -> ApiKey | None:
    """The API key by its public part, or None."""
    return await _one(session, select(ApiKey).where(ApiKey.api_key == api_key))


async def api_key_of(session: AsyncSession, user_id: UUID, key_id: UUID) -> ApiKey:
    """One of the user's API keys.

    Raises:
        NotFound: not there, revoked, or not theirs.
    """
    owned = select(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id)
    found = await _one(session, owned.where(ApiKey.revoked_at.is_(None)))
    if found is None:
        raise NotFound("There is no such API key.")
    return found


def api_keys_of(user_id: UUID) -> Select[tuple[ApiKey]]:
    """The query for the user's API keys that were not revoked."""
    return select(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))


async def refresh_token(session: AsyncSession, digest: str) -> RefreshToken | None:
    """The refresh token by its digest, or None."""
    return await _one(session, select(RefreshToken).where(RefreshToken.digest == digest))


async def claim_refresh_token(
    session: AsyncSession, token_id: UUID, *, successor_id: UUID, now: datetime
) -> bool:
    """Use the token up; False when it was used before."""
    unused = update(RefreshToken).where(RefreshToken.id == token_id, RefreshToken.used_at.is_(None))
    return await changed(session, unused.values(used_at=now, successor_id=successor_id)) == 1


async def login_of(
    session: AsyncSession, login_id: UUID
) -> tuple[Login, User, ApiKey | None] | None:
    """A login, whose it is, and the API key that it was opened with, in one question."""
    for login, user, key in await session.execute(_LOGINS.where(Login.id == login_id)):
        return login, user, key
    return None


async def logins(
    session: AsyncSession, login_ids: Sequence[UUID]
) -> Sequence[tuple[Login, User, ApiKey | None]]:
    """These logins, each with whose it is and the API key that it was opened with."""
    found = await session.execute(_LOGINS.where(Login.id.in_(login_ids)))
    return [(login, user, key) for login, user, key in found]


async def end_login(session: AsyncSession, login_id: UUID, now: datetime) -> bool:
    """End one login; False when it had ended."""
    return await changed(session, _ending(now).where(Login.id == login_id)) == 1


async def end_logins_of_user(session: AsyncSession, user_id: UUID, now: datetime) -> int:
    """End every login of a user; how many there were."""
    return await changed(session, _ending(now).where(Login.user_id == user_id))


async def end_logins_of_key(session: AsyncSession, key_id: UUID, now: datetime) -> int:
    """End every login that was made with an API key; how many there were."""
    return await changed(session, _ending(now).where(Login.api_key_id == key_id))


def all_users() -> Select[tuple[User]]:
    """The query for everybody who is registered."""
    return select(User)


def open_invites(now: datetime) -> Select[tuple[Invite]]:
    """The query for invites, but for setting up, that still open the door."""
    return select(Invite).where(
        Invite.used_at.is_(None), Invite.expires_at > now, Invite.is_setup.is_(False)
    )


async def exchange_account(
    session: AsyncSession, user_id: UUID, account_id: UUID
) -> ExchangeAccount:
    """One of the user's exchange accounts.

    Raises:
        NotFound: not there, or not theirs.
    """
    owned = select(ExchangeAccount).where(
        ExchangeAccount.id == account_id, ExchangeAccount.user_id == user_id
    )
    found = await _one(session, owned)
    if found is None:
        raise NotFound("There is no such exchange account.")
    return found


async def exchange_account_named(
    session: AsyncSession, user_id: UUID, name: str
) -> ExchangeAccount | None:
    """The user's exchange account of that name, or None."""
    return await _one(
        session,
        select(ExchangeAccount).where(
            ExchangeAccount.user_id == user_id, ExchangeAccount.name == name
        ),
    )


async def exchange_account_with_key(
    session: AsyncSession, venue_key_digest: str
) -> ExchangeAccount | None:
    """Anybody's exchange account that has this venue key, or None."""
    return await _one(
        session, select(ExchangeAccount).where(ExchangeAccount.venue_key_digest == venue_key_digest)
    )


def exchange_accounts_of(user_id: UUID) -> Select[tuple[ExchangeAccount]]:
    """The query for the user's exchange accounts."""
    return select(ExchangeAccount).where(ExchangeAccount.user_id == user_id)


async def active_exchange_accounts(session: AsyncSession) -> Sequence[ExchangeAccount]:
    """Everybody's exchange accounts that are switched on: the worker's lanes."""
    query = select(ExchangeAccount).where(ExchangeAccount.is_active)
    return (await session.scalars(query.order_by(ExchangeAccount.id))).all()


async def external_of(session: AsyncSession, account_id: UUID) -> dict[str, Decimal]:
    """What the venue holds beyond our books, signed, by symbol."""
    query = select(ExternalHolding).where(ExternalHolding.account_id == account_id)
    return {row.symbol: row.quantity for row in await session.scalars(query)}


async def _one(session: AsyncSession, query: Select[tuple[RowT]]) -> RowT | None:
    return (await session.scalars(query)).one_or_none()


def _ending(now: datetime) -> Update:
    return update(Login).where(Login.ended_at.is_(None)).values(ended_at=now)
