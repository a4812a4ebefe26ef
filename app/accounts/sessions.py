"""Logins: opened by a password or an API key, carried on by refresh tokens, ended at once.

Hashing takes a tenth of a second and SQLite has one writer, so the functions that open a login
take the database and hold a transaction only for the write.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, repository, tokens
from app.accounts.keys import Keys
from app.accounts.models import ApiKey, RefreshToken, User
from app.accounts.tokens import Access, digest_of
from app.audit.service import record
from app.core.errors import Unauthenticated
from app.core.ids import new_id, new_token
from app.db.session import Database
from app.settings import Settings

# Two tabs may use the same refresh token at once; later than this it was stolen.
GRACE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login gives; `expires_in` is the access token's life in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, carries on and ends logins."""

    database: Database
    keys: Keys
    settings: Settings

    async def open_by_password(self, username: str, password: str, *, now: datetime) -> TokenPair:
        """Log in with a password.

        Raises:
            Unauthenticated: `bad_credentials`, whether the user or the password is wrong.
        """
        async with self.database.read() as session:
            user = await repository.user_named(session, username)
        known_hash = user.password_hash if user is not None else None
        if not await passwords.is_correct(known_hash, password) or user is None:
            raise _bad_credentials()
        newer = (
            await passwords.hash_password(password)
            if passwords.is_outdated(user.password_hash)
            else None
        )
        async with self.database.transaction() as session:
            return await self._open(session, user.id, now, newer_hash=newer)

    async def open_by_key(self, api_key: str, api_secret: str, *, now: datetime) -> TokenPair:
        """Log in with an API key.

        Raises:
            Unauthenticated: `bad_credentials`, whatever is wrong with the key.
        """
        async with self.database.transaction() as session:
            key = await repository.api_key_named(session, api_key)
            if key is None or not _fits(key, api_secret) or not key.is_valid(now):
                raise _bad_credentials()
            key.last_used_at = now
            return await self._open(session, key.user_id, now, key=key)

    async def refresh(self, refresh_token: str, *, now: datetime) -> TokenPair:
        """Trade a refresh token for a new pair; the old one is used up.

        One that was used up before, outside the grace, ends the whole login: either its owner or
        a thief is holding a copy, and nobody can tell which.

        Raises:
            Unauthenticated: unknown, used up, past its time, or its login was ended.
        """
        async with self.database.transaction() as session:
            # A refusal here must be committed, so it is returned and raised outside.
            pair = await self._rotate(session, refresh_token, now)
        if pair is None:
            raise Unauthenticated(
                "This refresh token is not valid any more: log in.", code="refresh_invalid"
            )
        return pair

    async def _open(
        self,
        session: AsyncSession,
        user_id: UUID,
        now: datetime,
        *,
        key: ApiKey | None = None,
        newer_hash: str | None = None,
    ) -> TokenPair:
        user = await repository.user_by_id(session, user_id)
        if user is None or not user.is_active:
            raise _bad_credentials()
        if newer_hash is not None:
            user.password_hash = newer_hash
        opened_with = "api_key" if key is not None else "password"
        session_id = new_id()
        await _audit(session, user, "session.opened", session_id, now, by=opened_with)
        return self._link(session, user, key, session_id=session_id, link_id=new_id(), now=now)

    async def _rotate(
        self, session: AsyncSession, refresh_token: str, now: datetime
    ) -> TokenPair | None:
        found = await repository.refresh_token(session, digest_of(refresh_token))
        if found is None or found.revoked_at is not None or found.expires_at <= now:
            return None
        user = await repository.user_by_id(session, found.user_id)
        key = await session.get(ApiKey, found.api_key_id) if found.api_key_id else None
        if user is None or not user.is_active or (key is not None and not key.is_valid(now)):
            return None
        next_id = new_id()
        is_first = await repository.claim_refresh_token(
            session, found.id, successor_id=next_id, now=now
        )
        if not is_first and not await self._is_in_grace(session, found, now):
            await repository.revoke_session(session, found.family_id, now)
            await _audit(session, user, "session.refresh_reused", found.family_id, now)
            return None
        return self._link(session, user, key, session_id=found.family_id, link_id=next_id, now=now)

    async def _is_in_grace(self, session: AsyncSession, found: RefreshToken, now: datetime) -> bool:
        # Under a lock, because MySQL would show the row as it was when this transaction began.
        await session.refresh(found, ["used_at"], with_for_update=True)
        return found.used_at is not None and now - found.used_at <= GRACE

    def _link(
        self,
        session: AsyncSession,
        user: User,
        key: ApiKey | None,
        *,
        session_id: UUID,
        link_id: UUID,
        now: datetime,
    ) -> TokenPair:
        """The next refresh token of a login, with an access token."""
        text = new_token()
        session.add(
            RefreshToken(
                id=link_id,
                user_id=user.id,
                family_id=session_id,
                api_key_id=key.id if key is not None else None,
                digest=digest_of(text),
                issued_at=now,
                expires_at=now + timedelta(seconds=self.settings.refresh_token_seconds),
            )
        )
        access = Access(
            user_id=user.id,
            epoch=user.token_epoch,
            session_id=session_id,
            scopes=tuple(key.scopes) if key is not None else None,
        )
        seconds = self.settings.access_token_seconds
        signed = tokens.issue(self.keys, access, now=now, lifetime=timedelta(seconds=seconds))
        return TokenPair(access_token=signed, refresh_token=text, expires_in=seconds)


async def close(session: AsyncSession, *, user_id: UUID, refresh_token: str, now: datetime) -> None:
    """End the login that a refresh token belongs to: its access tokens too, at once.

    A token that is unknown or somebody else's changes nothing and is not told apart.
    """
    found = await repository.refresh_token(session, digest_of(refresh_token))
    if found is None or found.user_id != user_id:
        return
    user = await repository.user_by_id(session, user_id)
    ended = await repository.revoke_session(session, found.family_id, now)
    if ended and user is not None:
        await _audit(session, user, "session.closed", found.family_id, now)


def _fits(key: ApiKey, api_secret: str) -> bool:
    return hmac.compare_digest(key.secret_digest, digest_of(api_secret))


async def _audit(
    session: AsyncSession,
    user: User,
    action: str,
    session_id: UUID,
    now: datetime,
    **detail: str,
) -> None:
    await record(
        session,
        now=now,
        actor=user.username,
        action=action,
        subject_kind="session",
        subject_id=str(session_id),
        user_id=user.id,
        detail=detail,
    )


def _bad_credentials() -> Unauthenticated:
    return Unauthenticated("Wrong name, key or password.", code="bad_credentials")
