"""Write, change, delete and look through entries of the diary."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.ids import new_id
from app.diary import repository
from app.diary.asking import Asked, Place
from app.diary.models import DiaryEntry
from app.diary.schemas import EntryIn, EntryOut, EntryPatch, LinkIn
from app.diary.subjects import Name, linked, same_story


async def write(
    session: AsyncSession, wanted: EntryIn, *, user_id: UUID, actor: str, today: date, now: datetime
) -> EntryOut:
    """Make an entry.

    Args:
        session: the caller's transaction.
        wanted: what it says.
        user_id: whose diary.
        actor: who writes, for the audit.
        today: the trader's day, for an entry that names none.
        now: time of writing.

    Raises:
        NotFound: it is to be about something that is not there, or somebody else's.
    """
    links = await linked(session, user_id, _names(wanted.links))
    entry = DiaryEntry(
        id=new_id(),
        user_id=user_id,
        day=wanted.day or today,
        text=wanted.text,
        created_at=now,
        updated_at=now,
    )
    session.add(entry)
    # Tags and links point at it.
    await session.flush()
    await repository.set_tags(session, entry.id, dict.fromkeys(wanted.tags))
    await repository.set_links(session, entry.id, links)
    await _audit(session, entry, "diary.written", actor, now)
    return await shown(session, entry)


async def change(
    session: AsyncSession, entry: DiaryEntry, wanted: EntryPatch, *, actor: str, now: datetime
) -> EntryOut:
    """Change what is given and leave the rest.

    Args:
        session: the caller's transaction.
        entry: locked, so that nobody else changes its tags and links meanwhile.
        wanted: None leaves a field as it is.
        actor: who writes, for the audit.
        now: time of the change.

    Raises:
        NotFound: it is to be about something new that is not there, or somebody else's.
    """
    entry.text = wanted.text or entry.text
    entry.day = wanted.day or entry.day
    entry.updated_at = now
    if wanted.tags is not None:
        await repository.set_tags(session, entry.id, dict.fromkeys(wanted.tags))
    if wanted.links is not None:
        known = (await repository.links_of(session, [entry.id]))[entry.id]
        links = await linked(session, entry.user_id, _names(wanted.links), known=known)
        await repository.set_links(session, entry.id, links)
    fields = sorted(wanted.model_dump(exclude_none=True))
    await _audit(session, entry, "diary.changed", actor, now, fields=",".join(fields))
    return await shown(session, entry)


async def delete(session: AsyncSession, entry: DiaryEntry, *, actor: str, now: datetime) -> None:
    """Remove an entry; nothing that was written is kept."""
    await repository.remove(session, entry)
    await _audit(session, entry, "diary.deleted", actor, now)


async def shown(session: AsyncSession, entry: DiaryEntry) -> EntryOut:
    """An entry with its tags and links."""
    [one] = await _shaped(session, [entry])
    return one


async def page(
    session: AsyncSession, user_id: UUID, asked: Asked
) -> tuple[list[EntryOut], Place | None]:
    """One page of the diary, latest day first, and where it ends if there is more."""
    about = None if asked.about is None else await same_story(session, user_id, asked.about)
    query = repository.listing(user_id, asked, about=about).limit(asked.limit + 1)
    rows = (await session.scalars(query)).all()
    entries = rows[: asked.limit]
    end = Place(entries[-1].day, entries[-1].id) if len(rows) > asked.limit else None
    return await _shaped(session, entries), end


async def whole(session: AsyncSession, user_id: UUID, asked: Asked) -> list[EntryOut]:
    """All that is asked for, page by page: no database takes any number of ids at once."""
    entries, end = await page(session, user_id, asked)
    while end is not None:
        more, end = await page(session, user_id, replace(asked, after=end))
        entries += more
    return entries


async def _shaped(session: AsyncSession, entries: Sequence[DiaryEntry]) -> list[EntryOut]:
    ids = [entry.id for entry in entries]
    tags = await repository.tags_of(session, ids)
    links = await repository.links_of(session, ids)
    return [EntryOut.of(entry, tags[entry.id], links[entry.id]) for entry in entries]


def _names(links: Sequence[LinkIn]) -> list[Name]:
    return [(one.kind, one.subject_id) for one in links]


async def _audit(
    session: AsyncSession,
    entry: DiaryEntry,
    action: str,
    actor: str,
    now: datetime,
    **detail: str,
) -> None:
    """The trail has the day and no word of what was written: a diary is its trader's own."""
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="diary_entry",
        subject_id=str(entry.id),
        user_id=entry.user_id,
        detail={"day": entry.day.isoformat(), **detail},
    )
