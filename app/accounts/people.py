"""Who may come in, and what they may do: for admins."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository, service
from app.accounts.models import Invite, User
from app.audit.service import record
from app.core.errors import Conflict, Invalid, NotFound
from app.http.caller import Caller, Role
from app.market.capture import service as captures

INVITE_LIFETIME: Final = timedelta(days=7)
LONGEST_LIFETIME: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invite and its clear text, which is stored nowhere."""

    row: Invite
    text: str = field(repr=False)


async def invite(
    session: AsyncSession,
    caller: Caller,
    *,
    role: Role,
    expires_at: datetime | None,
    now: datetime,
) -> NewInvite:
    """Let somebody register once.

    Raises:
        Invalid: `expires_at` lies in the past, or more than 90 days ahead.
    """
    lifetime = INVITE_LIFETIME if expires_at is None else expires_at - now
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise Invalid("expires_at: within the next 90 days")
    row, text = service.new_invite(session, role=role, now=now, lifetime=lifetime)
    await _audit_invite(session, caller, row, "invite.created", now)
    return NewInvite(row, text)


async def withdraw_invite(
    session: AsyncSession, caller: Caller, invite_id: UUID, *, now: datetime
) -> None:
    """Make an invite void.

    Raises:
        NotFound: there is none, or it was used or withdrawn.
    """
    row = await session.get(Invite, invite_id)
    if row is None or row.is_setup or not await repository.claim_invite(session, row.id, now):
        raise NotFound("There is no such invite.")
    await _audit_invite(session, caller, row, "invite.withdrawn", now)


async def change_person(
    session: AsyncSession,
    caller: Caller,
    user_id: UUID,
    *,
    role: Role | None,
    is_active: bool | None,
    now: datetime,
) -> User:
    """Give a user another role, or switch them off or on; from their next request on.

    A user who is switched off is logged out everywhere; their open positions stay guarded. Of who
    may not trade any more no series is kept up to date.

    Raises:
        NotFound: there is no such user.
        Conflict: `last_admin`: nobody would be left who could undo it.
    """
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    was_admin = user.role is Role.ADMIN and user.is_active
    user.role = user.role if role is None else role
    user.is_active = user.is_active if is_active is None else is_active
    await session.flush()  # the question below is about what is so from now on
    if was_admin and not await repository.has_admin(session):
        raise Conflict("This is the last admin: make another one first.", code="last_admin")
    if not user.is_active or user.role is Role.VIEWER:
        await captures.end_all(session, user.id)
    if not user.is_active:
        await service.log_out_everywhere(session, user, now=now)
    await service.audit_user(
        session,
        user,
        "user.changed",
        now,
        actor=caller.username,
        role=user.role.value,
        is_active=str(user.is_active).lower(),
    )
    return user


async def _audit_invite(
    session: AsyncSession, caller: Caller, row: Invite, action: str, now: datetime
) -> None:
    await record(
        session,
        now=now,
        actor=caller.username,
        action=action,
        subject_kind="invite",
        subject_id=str(row.id),
        user_id=caller.user_id,
        detail={"role": row.role.value},
    )
