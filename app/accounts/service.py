"""Users and invites: who may come in, and the very first one."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, repository
from app.accounts.models import Invite, User
from app.accounts.tokens import digest_of
from app.audit.service import record
from app.core.errors import Duplicate, Forbidden, Invalid
from app.core.ids import new_id, new_token
from app.db.session import Database
from app.http.caller import Role
from app.settings import Settings

DEFAULT_TIMEZONE: Final = "UTC"
SETUP_LIFETIME: Final = timedelta(days=30)
_USERNAME: Final = re.compile(r"[a-z0-9_.@-]{3,64}")

OnRegistered = Callable[[AsyncSession, User, datetime], Awaitable[dict[str, str]]]
"""What else a new user gets, in the same transaction; its fields join the answer."""


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first start made.

    Attributes:
        user: the admin from the settings.
        invite: clear text of a fresh set-up invite, while there is no admin.
        extra: what `on_registered` gave, as `webhook_url`.
    """

    user: User | None = None
    invite: str | None = field(default=None, repr=False)
    extra: dict[str, str] = field(default_factory=dict, repr=False)


async def register(
    session: AsyncSession,
    *,
    username: str,
    password_hash: str,
    role: Role,
    timezone: str,
    now: datetime,
) -> User:
    """Make a user and nothing else.

    Args:
        session: the caller's transaction.
        username: in any case; stored in lower case.
        password_hash: of `passwords.hash_password`, made before the transaction began.
        role: what they may do.
        timezone: IANA name.
        now: time of creation.

    Raises:
        Invalid: the name or the time zone cannot be used.
        Duplicate: the name is taken.
    """
    name = valid_username(username)
    if await repository.user_named(session, name) is not None:
        raise _taken(name)
    user = User(
        id=new_id(),
        username=name,
        password_hash=password_hash,
        role=role,
        timezone=valid_timezone(timezone),
        is_active=True,
        token_epoch=0,
        created_at=now,
    )
    session.add(user)
    try:
        # Rows that point at the user follow in the same transaction.
        await session.flush()
    except IntegrityError as error:
        raise _taken(name) from error
    await audit_user(session, user, "user.registered", now, actor=name, role=role.value)
    return user


async def check_invite(session: AsyncSession, invite: str | None, *, now: datetime) -> Invite:
    """The invite, if it still opens the door.

    Raises:
        Forbidden: `invite_required` without one; `invite_invalid` when unknown, used, past its
            time, or for setting up what has an admin already.
    """
    if not invite:
        raise Forbidden("Registering here needs an invite.", code="invite_required")
    found = await repository.invite_by_digest(session, digest_of(invite))
    if found is None or found.used_at is not None or found.expires_at <= now:
        raise _invite_invalid()
    if found.is_setup and await repository.has_admin(session):
        raise _invite_invalid()
    return found


async def use_invite(session: AsyncSession, invite: str | None, *, now: datetime) -> Role:
    """Use the invite up; the role it gives.

    Raises:
        Forbidden: as `check_invite`, or somebody else was first.
    """
    found = await check_invite(session, invite, now=now)
    if not await repository.claim_invite(session, found.id, now):
        raise _invite_invalid()
    return found.role


def new_invite(
    session: AsyncSession,
    *,
    role: Role,
    now: datetime,
    lifetime: timedelta = SETUP_LIFETIME,
    is_setup: bool = False,
) -> tuple[Invite, str]:
    """Make an invite; the row, and its clear text, which is stored nowhere."""
    text = new_token()
    row = Invite(
        id=new_id(),
        digest=digest_of(text),
        role=role,
        is_setup=is_setup,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    return row, text


async def change_password(
    session: AsyncSession, user: User, *, password_hash: str, now: datetime
) -> None:
    """Set a new password; every login made with the old one ends."""
    user.password_hash = password_hash
    await log_out_everywhere(session, user, now=now)
    await audit_user(session, user, "user.password_changed", now, actor=user.username)


async def log_out_everywhere(session: AsyncSession, user: User, *, now: datetime) -> None:
    """End every login of the user: access tokens by the epoch, refresh tokens by revoking."""
    user.token_epoch += 1
    await repository.end_logins_of_user(session, user.id, now)
    await audit_user(session, user, "user.logged_out_everywhere", now, actor=user.username)


async def ensure_first_admin(
    database: Database,
    settings: Settings,
    now: datetime,
    on_registered: OnRegistered | None = None,
) -> FirstStart:
    """Make the admin of the settings when nobody is registered, else a way to become it.

    Returns:
        Nothing in it when there is an admin. A set-up invite is fresh at every start and void as
        soon as an admin exists.
    """
    async with database.read() as session:
        if await repository.has_admin(session):
            return FirstStart()
        is_empty = not await repository.has_users(session)
    if not settings.admin_username or not is_empty:
        async with database.transaction() as session:
            _, text = new_invite(session, role=Role.ADMIN, now=now, is_setup=True)
        return FirstStart(invite=text)
    return await _make_admin(database, settings, now, on_registered)


def valid_username(username: str) -> str:
    """The name in lower case.

    Raises:
        Invalid: not 3 to 64 of the characters a name may have.
    """
    name = username.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise Invalid(
            "username: 3 to 64 of the characters a-z 0-9 _ . @ -", code="username_invalid"
        )
    return name


def valid_timezone(timezone: str) -> str:
    """The name of the zone.

    Raises:
        Invalid: no zone of that name is known.
    """
    try:
        return ZoneInfo(timezone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            "timezone: an IANA name such as Europe/Berlin", code="timezone_unknown"
        ) from None


async def _make_admin(
    database: Database, settings: Settings, now: datetime, on_registered: OnRegistered | None
) -> FirstStart:
    password = settings.admin_password.get_secret_value()
    minimum = passwords.MIN_LENGTH_LOCAL if settings.is_local else passwords.MIN_LENGTH
    try:
        passwords.check_strength(password, minimum=minimum)
    except Invalid as error:
        raise Invalid(f"ADMIN_PASSWORD: {error.detail}", code=error.code) from None
    password_hash = await passwords.hash_password(password)
    async with database.transaction() as session:
        user = await register(
            session,
            username=settings.admin_username,
            password_hash=password_hash,
            role=Role.ADMIN,
            timezone=DEFAULT_TIMEZONE,
            now=now,
        )
        extra = await on_registered(session, user, now) if on_registered else {}
    return FirstStart(user=user, extra=extra)


async def audit_user(
    session: AsyncSession, user: User, action: str, now: datetime, *, actor: str, **detail: str
) -> None:
    """Write down what was done to a user, by themselves or by an admin."""
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="user",
        subject_id=str(user.id),
        user_id=user.id,
        detail=detail,
    )


def _taken(name: str) -> Duplicate:
    return Duplicate(f"The username {name!r} is taken.", code="username_taken")


def _invite_invalid() -> Forbidden:
    return Forbidden(
        "This invite does not exist, was used, or is past its time.", code="invite_invalid"
    )
