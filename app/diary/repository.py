"""Every query on the diary."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.symbols import symbol_is
from app.diary.asking import Asked, Place
from app.diary.models import DiaryEntry, DiaryLink, DiaryTag, Link


async def owned(session: AsyncSession, entry_id: UUID, user_id: UUID) -> DiaryEntry:
    """An entry of this user.

    Raises:
        NotFound: no such entry, or somebody else's.
    """
    return _of_user(await session.get(DiaryEntry, entry_id), entry_id, user_id)


async def locked(session: AsyncSession, entry_id: UUID, user_id: UUID) -> DiaryEntry:
    """As `owned`; nobody else can change the entry until the caller's transaction ends."""
    row = await session.get(DiaryEntry, entry_id, with_for_update=True)
    return _of_user(row, entry_id, user_id)


def listing(
    user_id: UUID, asked: Asked, *, about: Collection[UUID] | None
) -> Select[tuple[DiaryEntry]]:
    """The user's entries, latest day first, narrowed by what is asked; of any number.

    Args:
        user_id: whose diary.
        asked: the filters, and where to go on.
        about: ids of what `asked.about` stands for; an entry is about one of them.
    """
    query = select(DiaryEntry).where(DiaryEntry.user_id == user_id)
    if asked.after is not None:
        query = query.where(_is_after(asked.after))
    if asked.since is not None:
        query = query.where(DiaryEntry.day >= asked.since)
    if asked.until is not None:
        query = query.where(DiaryEntry.day < asked.until)
    if asked.tag is not None:
        is_tagged = DiaryTag.tag == asked.tag
        query = query.where(exists().where(DiaryTag.entry_id == DiaryEntry.id, is_tagged))
    if about is not None:
        query = query.where(_is_linked(DiaryLink.subject_id.in_(about)))
    if asked.symbol is not None:
        query = query.where(_is_linked(symbol_is(DiaryLink.symbol, asked.symbol)))
    if asked.text is not None:
        query = query.where(DiaryEntry.text.icontains(asked.text, autoescape=True))
    return query.order_by(DiaryEntry.day.desc(), DiaryEntry.id.desc())


async def tags_of(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """The tags of each of these entries, in their order."""
    query = (
        select(DiaryTag.entry_id, DiaryTag.tag)
        .where(DiaryTag.entry_id.in_(entry_ids))
        .order_by(DiaryTag.place)
    )
    found: dict[UUID, list[str]] = {entry_id: [] for entry_id in entry_ids}
    for entry_id, tag in await session.execute(query):
        found[entry_id].append(tag)
    return found


async def links_of(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, list[Link]]:
    """What each of these entries is about, in their order."""
    query = (
        select(
            DiaryLink.entry_id,
            DiaryLink.kind,
            DiaryLink.subject_id,
            DiaryLink.symbol,
            DiaryLink.label,
        )
        .where(DiaryLink.entry_id.in_(entry_ids))
        .order_by(DiaryLink.place)
    )
    found: dict[UUID, list[Link]] = {entry_id: [] for entry_id in entry_ids}
    for entry_id, *columns in await session.execute(query):
        found[entry_id].append(Link(*columns))
    return found


async def set_tags(session: AsyncSession, entry_id: UUID, tags: Iterable[str]) -> None:
    """Give an entry these tags and no others."""
    await session.execute(delete(DiaryTag).where(DiaryTag.entry_id == entry_id))
    rows = [{"entry_id": entry_id, "place": place, "tag": tag} for place, tag in enumerate(tags)]
    if rows:
        await session.execute(insert(DiaryTag), rows)


async def set_links(session: AsyncSession, entry_id: UUID, links: Iterable[Link]) -> None:
    """Let an entry be about these and nothing else."""
    await session.execute(delete(DiaryLink).where(DiaryLink.entry_id == entry_id))
    rows = [
        {"entry_id": entry_id, "place": place, **link._asdict()} for place, link in enumerate(links)
    ]
    if rows:
        await session.execute(insert(DiaryLink), rows)


async def remove(session: AsyncSession, entry: DiaryEntry) -> None:
    """Delete an entry with its tags and links."""
    await session.execute(delete(DiaryTag).where(DiaryTag.entry_id == entry.id))
    await session.execute(delete(DiaryLink).where(DiaryLink.entry_id == entry.id))
    await session.delete(entry)


def _of_user(row: DiaryEntry | None, entry_id: UUID, user_id: UUID) -> DiaryEntry:
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no entry {entry_id}.")
    return row


def _is_linked(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(DiaryLink.entry_id == DiaryEntry.id, condition)


def _is_after(place: Place) -> ColumnElement[bool]:
    is_same_day = and_(DiaryEntry.day == place.day, DiaryEntry.id < place.entry_id)
    return or_(DiaryEntry.day < place.day, is_same_day)
