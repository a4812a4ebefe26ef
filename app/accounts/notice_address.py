"""A user's own address for notices: kept sealed, with the secret that signs what is sent there."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import KeyRing
from app.accounts.models import User
from app.accounts.sealing.columns import NOTICE_ADDRESS
from app.accounts.sealing.envelope import seal, unseal
from app.audit.service import record
from app.core.errors import Conflict, NotFound, TooMany
from app.core.ids import new_token
from app.core.scrub import register_secret
from app.db.changing import changed
from app.notifications.deliveries import begin_anew, forget_waiting
from app.notifications.models import NoticeAddress

TEST_EVERY: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where notices go; never printed.

    Attributes:
        url: as the user wrote it; it may have a token in it.
        secret: signs what is sent.
    """

    url: str = field(repr=False)
    secret: str = field(repr=False)


async def set_address(
    session: AsyncSession,
    ring: KeyRing,
    user_id: UUID,
    *,
    url: str,
    host: str,
    actor: str,
    now: datetime,
) -> tuple[NoticeAddress, str]:
    """Send the user's notices there from now on, also those that wait.

    Returns:
        The row, and the new secret in clear text, which is shown this once.

    Raises:
        Conflict: another request was setting it at the same moment.
    """
    destination = Destination(url, new_token())
    sealed = _sealed(ring, user_id, destination)
    address = await session.get(NoticeAddress, user_id)
    if address is None:
        address = NoticeAddress(id=user_id, host=host, sealed=sealed, set_at=now, tested_at=None)
        session.add(address)
    address.host, address.sealed, address.set_at = host, sealed, now
    try:
        # Two requests may find no row at once: the second one is to be told here.
        await session.flush()
    except IntegrityError as error:
        raise Conflict("The address was set a moment ago: look at it, then try again.") from error
    await begin_anew(session, user_id, now=now)
    await _record(session, user_id, "notice_address.set", actor=actor, now=now, host=host)
    return address, destination.secret


async def remove_address(
    session: AsyncSession, user_id: UUID, *, actor: str, now: datetime
) -> None:
    """Send nothing any more; what waits is forgotten, and stays in the list of notices.

    Raises:
        NotFound: there is none.
    """
    address = await owned(session, user_id)
    await session.delete(address)
    await forget_waiting(session, user_id)
    await _record(session, user_id, "notice_address.removed", actor=actor, now=now)


async def begin_test(
    session: AsyncSession, ring: KeyRing, user_id: UUID, *, actor: str, now: datetime
) -> Destination:
    """Where to send a test to; not more often than every few seconds.

    Raises:
        NotFound: there is no address.
        TooMany: the last test was a moment ago.
        Unavailable: the address does not open with the keys of this installation.
    """
    address = await owned(session, user_id)
    rested = or_(NoticeAddress.tested_at.is_(None), NoticeAddress.tested_at <= now - TEST_EVERY)
    claim = update(NoticeAddress).where(NoticeAddress.id == user_id, rested).values(tested_at=now)
    if await changed(session, claim) != 1:
        seconds = int(TEST_EVERY.total_seconds())
        raise TooMany(f"One test in {seconds} s is enough.", retry_after_seconds=seconds)
    await _record(session, user_id, "notice_address.tested", actor=actor, now=now)
    return _opened(ring, address)


async def destination_of(session: AsyncSession, ring: KeyRing, user_id: UUID) -> Destination | None:
    """Where a user's notices go; None without an address, and for a user who is switched off.

    Raises:
        Unavailable: the address does not open with the keys of this installation.
    """
    address = await session.get(NoticeAddress, user_id)
    user = await session.get(User, user_id)
    if address is None or user is None or not user.is_active:
        return None
    return _opened(ring, address)


async def owned(session: AsyncSession, user_id: UUID) -> NoticeAddress:
    """The user's address.

    Raises:
        NotFound: there is none.
    """
    address = await session.get(NoticeAddress, user_id)
    if address is None:
        raise NotFound("You have no address for notices.")
    return address


def _sealed(ring: KeyRing, user_id: UUID, destination: Destination) -> str:
    _keep_out_of_logs(destination)
    plain = json.dumps({"url": destination.url, "secret": destination.secret})
    return seal(ring, plain.encode(), NOTICE_ADDRESS.place(user_id, user_id))


def _opened(ring: KeyRing, address: NoticeAddress) -> Destination:
    plain = unseal(ring, address.sealed, NOTICE_ADDRESS.place(address.id, address.id))
    destination = Destination(**json.loads(plain))
    _keep_out_of_logs(destination)
    return destination


def _keep_out_of_logs(destination: Destination) -> None:
    register_secret(destination.url)
    register_secret(destination.secret)


async def _record(
    session: AsyncSession, user_id: UUID, action: str, *, actor: str, now: datetime, **detail: str
) -> None:
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="user",
        subject_id=str(user_id),
        user_id=user_id,
        detail=detail,
    )
