"""Tickets: a browser opens a WebSocket or an event stream with an address, and nothing else.

Addresses are logged by whoever stands in between, so no token may be in one. A ticket is worthless
by the time that somebody reads it: it opens one stream, once, within seconds.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository
from app.accounts.models import Ticket
from app.accounts.tokens import Access, digest_of
from app.core.errors import TooMany, Unauthenticated
from app.core.ids import new_token
from app.db.changing import changed
from app.db.session import Database

LIFE: Final = timedelta(seconds=30)
# Of one login, in the time that a ticket lives: a page has a handful of streams.
MOST: Final = 60
MAX_LENGTH: Final = 100


async def issue(session: AsyncSession, access: Access, *, now: datetime) -> str:
    """A new ticket, whose text is stored nowhere.

    Args:
        session: the caller's transaction.
        access: on whose behalf.
        now: time of the request.

    Raises:
        TooMany: the login has asked for more than anybody needs.
    """
    of_login = Ticket.login_id == access.login_id
    await session.execute(delete(Ticket).where(of_login, Ticket.expires_at <= now))
    living = await session.scalar(select(func.count()).select_from(Ticket).where(of_login))
    if (living or 0) >= MOST:
        raise TooMany(
            "Too many tickets: wait until some of them have ended.",
            code="too_many_tickets",
            retry_after_seconds=int(LIFE.total_seconds()),
        )
    text = new_token()
    session.add(
        Ticket(
            digest=digest_of(text),
            login_id=access.login_id,
            epoch=access.epoch,
            access_until=access.expires_at,
            expires_at=now + LIFE,
        )
    )
    return text


async def use(database: Database, text: str, *, now: datetime) -> Access:
    """What a ticket allows, once; whether its login still goes on is the caller's question.

    Of processes that are shown the same ticket one is first, whichever.

    Raises:
        Unauthenticated: `ticket_invalid`: unknown, used, or past its time.
    """
    digest = digest_of(text) if len(text) <= MAX_LENGTH else ""
    async with database.read() as session:
        ticket = await session.get(Ticket, digest)
        opened = None if ticket is None else await repository.login_of(session, ticket.login_id)
    # Looked at before it is claimed: guessing must not occupy a database that has one writer.
    if ticket is None or opened is None or not _is_good(ticket, now):
        raise _invalid()
    async with database.transaction() as session:
        is_first = await _claim(session, digest, now)
    if not is_first:
        raise _invalid()
    _, user, key = opened
    return Access(
        user_id=user.id,
        epoch=ticket.epoch,
        login_id=ticket.login_id,
        scopes=None if key is None else tuple(key.scopes),
        expires_at=ticket.access_until,
    )


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Drop the tickets that open nothing any more."""
    await session.execute(delete(Ticket).where(Ticket.expires_at <= now))


async def _claim(session: AsyncSession, digest: str, now: datetime) -> bool:
    unused = update(Ticket).where(Ticket.digest == digest, Ticket.used_at.is_(None))
    return await changed(session, unused.values(used_at=now)) == 1


def _is_good(ticket: Ticket, now: datetime) -> bool:
    return ticket.used_at is None and now < ticket.expires_at


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "This ticket opens nothing: it works once, within 30 s. Ask for another one.",
        code="ticket_invalid",
    )
