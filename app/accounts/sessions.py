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

from app.accounts import passwords, repository, service, tokens
from app.accounts.identity import Identity, Sent, bad_credentials
from app.accounts.keys import KeyRing
from app.accounts.models import ApiKey, Login, RefreshToken, User
from app.accounts.tokens import Access, digest_of
from app.audit.service import record
from app.core.errors import Unauthenticated
from app.core.ids import new_id, new_token
from app.core.origin import current_origin
from app.db.session import Database
from app.http.sender import is_listed
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
    keys: KeyRing
    settings: Settings

    async def open_by_password(self, username: str, sent: Sent, *, now: datetime) -> TokenPair:
        """Log in with a password, and a code where the user's codes are on.

        Raises:
            Unauthenticated: as `Identity.check`, and `bad_credentials` of a user who is off.
            TooMany: it was wrong too often of late.
        """
        user = await self._identity.check(username, sent, now=now)
        newer = (
            await passwords.hash_password(sent.password or "")
            if passwords.is_outdated(user.password_hash)
            else None
        )
        async with self.database.transaction() as session:
            return await self._open(session, user.id, now, newer_hash=newer)

    async def prove(self, username: str, sent: Sent, *, login_id: UUID, now: datetime) -> datetime:
        """Show once more that it is you, for what a stolen login must not do.

        Args:
            username: whose login it is.
            sent: the code of a user whose codes are on, else the password.
            login_id: the login that is proven by it.
            now: time of the proof.

        Returns:
            Until when that counts.

        Raises:
            Unauthenticated: as `Identity.check`.
            TooMany: it was wrong too often of late.
        """
        user = await self._identity.check(username, sent, now=now, is_code_enough=True)
        async with self.database.transaction() as session:
            login = await session.get_one(Login, login_id)
            login.proven_at = now
            await _audit(session, user, "session.proven", login_id, now)
        return now + timedelta(seconds=self.settings.step_up_seconds)

    async def change_password(
        self, username: str, sent: Sent, wanted: str, *, now: datetime
    ) -> TokenPair:
        """Set a new password: every login of the user ends, and this is a new one.

        Raises:
            Unauthenticated: as `Identity.check`, of the password as it is.
            Invalid: the new one is too short or too long.
            TooMany: it was wrong too often of late.
        """
        minimum = passwords.MIN_LENGTH_LOCAL if self.settings.is_local else passwords.MIN_LENGTH
        passwords.check_strength(wanted, minimum=minimum)
        user = await self._identity.check(username, sent, now=now)
        password_hash = await passwords.hash_password(wanted)
        async with self.database.transaction() as session:
            found = await session.get_one(User, user.id)
            await service.change_password(session, found, password_hash=password_hash, now=now)
            return await self._open(session, user.id, now)

    async def open_by_key(self, api_key: str, api_secret: str, *, now: datetime) -> TokenPair:
        """Log in with an API key.

        Raises:
            Unauthenticated: `bad_credentials`, whatever is wrong with the key, the address it is
                used from included.
        """
        async with self.database.transaction() as session:
            key = await repository.api_key_named(session, api_key)
            if key is None or not _fits(key, api_secret) or not key.is_valid(now):
                raise bad_credentials()
            if not may_use(key, current_origin().source):
                raise bad_credentials()
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

    @property
    def _identity(self) -> Identity:
        return Identity(self.database, self.keys)

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
            raise bad_credentials()
        if newer_hash is not None:
            user.password_hash = newer_hash
        login = Login(
            id=new_id(),
            user_id=user.id,
            api_key_id=None if key is None else key.id,
            opened_at=now,
            proven_at=now if key is None else None,
        )
        session.add(login)
        await session.flush()  # the refresh token points at it
        opened_with = "api_key" if key is not None else "password"
        await _audit(session, user, "session.opened", login.id, now, by=opened_with)
        return self._link(session, user, key, login_id=login.id, link_id=new_id(), now=now)

    async def _rotate(
        self, session: AsyncSession, refresh_token: str, now: datetime
    ) -> TokenPair | None:
        found = await repository.refresh_token(session, digest_of(refresh_token))
        if found is None or found.expires_at <= now:
            return None
        opened = await repository.login_of(session, found.login_id)
        if opened is None or not self._goes_on(*opened, now=now):
            return None
        login, user, key = opened
        next_id = new_id()
        is_first = await repository.claim_refresh_token(
            session, found.id, successor_id=next_id, now=now
        )
        if not is_first and not await self._is_in_grace(session, found, now):
            await repository.end_login(session, login.id, now)
            await _audit(session, user, "session.refresh_reused", login.id, now)
            return None
        await _audit(session, user, "session.refreshed", login.id, now)
        return self._link(session, user, key, login_id=login.id, link_id=next_id, now=now)

    def _goes_on(self, login: Login, user: User, key: ApiKey | None, *, now: datetime) -> bool:
        longest = timedelta(seconds=self.settings.login_seconds)
        if login.ended_at is not None or now - login.opened_at >= longest:
            return False
        return user.is_active and (key is None or key.is_valid(now))

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
        login_id: UUID,
        link_id: UUID,
        now: datetime,
    ) -> TokenPair:
        """The next refresh token of a login, with an access token."""
        text = new_token()
        session.add(
            RefreshToken(
                id=link_id,
                login_id=login_id,
                digest=digest_of(text),
                issued_at=now,
                expires_at=now + timedelta(seconds=self.settings.refresh_token_seconds),
            )
        )
        seconds = self.settings.access_token_seconds
        access = Access(
            user_id=user.id,
            epoch=user.token_epoch,
            login_id=login_id,
            scopes=tuple(key.scopes) if key is not None else None,
            expires_at=now + timedelta(seconds=seconds),
        )
        signed = tokens.issue(self.keys, access, now=now)
        return TokenPair(access_token=signed, refresh_token=text, expires_in=seconds)


async def close(session: AsyncSession, *, user_id: UUID, refresh_token: str, now: datetime) -> None:
    """End the login that a refresh token belongs to: its access tokens too, at once.

    A token that is unknown or somebody else's changes nothing and is not told apart.
    """
    found = await repository.refresh_token(session, digest_of(refresh_token))
    opened = None if found is None else await repository.login_of(session, found.login_id)
    if opened is None or opened[1].id != user_id:
        return
    login, user, _ = opened
    if await repository.end_login(session, login.id, now):
        await _audit(session, user, "session.closed", login.id, now)


def may_use(key: ApiKey | None, source: str | None) -> bool:
    """Whether a login of this key, if it is one, may be used from that address."""
    return key is None or key.allowed_ips is None or is_listed(source, key.allowed_ips)


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
