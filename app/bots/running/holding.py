"""Who has a bot in hand: what is written about it names the holder, and who lost it writes nothing.

As with jobs (docs/decisions/0041): an id that is new with each beginning is what an epoch would be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.bots.lateness import Owed
from app.bots.models import Bot, BotMarket
from app.bots.repository import own
from app.bots.status import AT_WORK, BotStatus
from app.core.ids import new_id
from app.db.changing import changed
from app.db.outbox import note

# A market does not wait for whoever was killed.
HELD_FOR: Final = timedelta(seconds=15)
# Said again when less than that is left.
HELD_AT_LEAST: Final = timedelta(seconds=10)


class Lost(Exception):
    """The bot was stopped, or somebody else has it by now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A bot in hand; its columns are of the moment when it was taken."""

    bot: Bot
    holder: UUID


async def free_ones(session: AsyncSession, *, now: datetime, limit: int) -> list[Bot]:
    """Bots that are started and in nobody's hands.

    Args:
        session: where to ask.
        now: whoever was to be heard of before then is gone.
        limit: so many at most.
    """
    query = select(Bot).where(_is_free(now))
    return list((await session.scalars(query.order_by(Bot.id).limit(limit))).all())


async def take(session: AsyncSession, found: Bot, *, now: datetime) -> Hold | None:
    """Take a bot that is free; None when somebody else was first."""
    holder = new_id()
    claim = update(Bot).where(Bot.id == found.id, _is_free(now))
    claim = claim.values(
        status=BotStatus.STARTING, holder=holder, held_until=now + HELD_FOR, updated_at=now
    )
    if not await changed(session, claim):
        return None
    note(session, found)
    return Hold(await own(session, found.id, found.user_id), holder)


def _is_free(now: datetime) -> ColumnElement[bool]:
    has_lapsed = and_(Bot.held_until.is_not(None), Bot.held_until < now)
    return and_(Bot.status.in_(AT_WORK), or_(Bot.holder.is_(None), has_lapsed))


async def held_until(session: AsyncSession, hold: Hold) -> datetime | None:
    """Until when its holder is believed; None when it is not ours any more."""
    query = select(Bot.held_until).where(Bot.id == hold.bot.id, Bot.holder == hold.holder)
    until: datetime | None = await session.scalar(query)
    return until


async def hold_on(session: AsyncSession, hold: Hold, *, now: datetime) -> None:
    """Be believed for as long again."""
    await session.execute(_held(hold).values(held_until=now + HELD_FOR))


async def give_back(session: AsyncSession, hold: Hold) -> None:
    """Let somebody else go on with it: this process ends."""
    await session.execute(_held(hold).values(holder=None, held_until=None))


async def note_running(session: AsyncSession, hold: Hold, *, now: datetime) -> None:
    """It is warmed up on all its markets.

    Raises:
        Lost: it is not ours any more.
    """
    statement = _held(hold).values(status=BotStatus.RUNNING, updated_at=now)
    if not await changed(session, statement):
        raise Lost
    note(session, hold.bot)


async def note_failed(session: AsyncSession, hold: Hold, reason: str, *, now: datetime) -> bool:
    """It has ended by itself; False when it is not ours any more."""
    values = {"status": BotStatus.FAILED, "reason": reason, "updated_at": now}
    statement = _held(hold).values(**values, holder=None, held_until=None)
    note(session, hold.bot)
    return await changed(session, statement) == 1


async def advance(
    session: AsyncSession, hold: Hold, symbol: str, closed_at: datetime, owed: Owed | None
) -> None:
    """Write down how far it has come on a market, together with what it has asked for there.

    The bot's own row is written first: whoever stops it, or takes it over, waits for this
    transaction or is seen by it.

    Raises:
        Lost: it is not ours any more; the transaction has to be given up.
    """
    if not await changed(session, _held(hold).values(holder=hold.holder)):
        raise Lost
    values: Mapping[str, Any] = {
        "last_closed_at": closed_at,
        "owed": None if owed is None else owed.as_json(),
        "waits_for": None,
    }
    await session.execute(_market(hold, symbol).values(**values))
    note(session, hold.bot)


async def progress(session: AsyncSession, hold: Hold, symbol: str) -> BotMarket:
    """How far it has come on a market, by what is written down.

    Raises:
        Lost: it is not ours any more.
    """
    query = (
        select(BotMarket)
        .join(Bot, Bot.id == BotMarket.bot_id)
        .where(BotMarket.bot_id == hold.bot.id, BotMarket.symbol == symbol)
        .where(Bot.holder == hold.holder)
    )
    found: BotMarket | None = await session.scalar(query)
    if found is None:
        raise Lost
    return found


async def note_waiting(session: AsyncSession, hold: Hold, symbol: str, reason: str | None) -> None:
    """Write down why it does not get on; None when it does.

    Raises:
        Lost: it is not ours any more.
    """
    if not await changed(session, _held(hold).values(holder=hold.holder)):
        raise Lost
    await session.execute(_market(hold, symbol).values(waits_for=reason))
    note(session, hold.bot)


def _held(hold: Hold) -> Update:
    return (
        update(Bot)
        .where(Bot.id == hold.bot.id, Bot.holder == hold.holder)
        .execution_options(synchronize_session=False)
    )


def _market(hold: Hold, symbol: str) -> Update:
    return (
        update(BotMarket)
        .where(BotMarket.bot_id == hold.bot.id, BotMarket.symbol == symbol)
        .execution_options(synchronize_session=False)
    )
