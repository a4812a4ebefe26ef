"""Walk the chain of seals and say what is not as it was sealed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import repository
from app.audit.chain import BEFORE_THE_FIRST, digest_after
from app.audit.repository import Head
from app.core.clock import iso
from app.core.words import Word

PIECE: Final = 1_000
MOST_FLAWS: Final = 1_000
# Entries are sealed within seconds, in the order they were made. This much allows for a process
# that stood still with a transaction open; a clock that was set back by more is reported.
LATE: Final = timedelta(hours=1)
Row = Mapping[Any, Any]


class FlawKind(Word):
    """What was done to the trail."""

    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One place where the trail is not what was sealed.

    Attributes:
        number: of the seal; None where there is none.
        entry_id: of the entry; None where it is not known any more.
        sentence: for a person.
    """

    kind: FlawKind
    number: int | None
    entry_id: UUID | None
    sentence: str


@dataclass(slots=True)
class Verification:
    """What a walk over the whole chain found.

    Attributes:
        head: the newest seal, to be kept elsewhere.
        sealed: how many seals were looked at.
        unsealed: how many entries have no seal yet; nothing proves them.
        oldest_unsealed_at: since when the first of them waits.
        flaws: the first `MOST_FLAWS`, in the order of the chain.
        flaw_count: all of them.
    """

    head: Head
    sealed: int = 0
    unsealed: int = 0
    oldest_unsealed_at: datetime | None = None
    flaws: list[Flaw] = field(default_factory=list)
    flaw_count: int = 0

    def note(
        self, kind: FlawKind, sentence: str, *, number: int | None = None, entry: UUID | None = None
    ) -> None:
        """Count a flaw, and keep it while there are not too many."""
        self.flaw_count += 1
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(Flaw(kind, number, entry, sentence))


@dataclass(slots=True)
class _Link:
    """The last link that was looked at; before the first one there is nothing.

    Attributes:
        at: the time its entry says; None where that cannot be read.
    """

    number: int = 0
    digest: str = BEFORE_THE_FIRST
    entry_id: UUID | None = None
    at: datetime | None = None


async def verify(
    session: AsyncSession,
    *,
    kept: Head | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    piece: int = PIECE,
) -> Verification:
    """Compute every digest anew, from the first seal to the head.

    Args:
        session: reads; a worker may go on sealing meanwhile.
        kept: a head of earlier that was kept elsewhere. Without one nobody can see that the end of
            the chain was cut off, or that all of it was computed anew.
        on_progress: hears after each piece how many seals were looked at in it.
        piece: how many seals are read at once.
    """
    found = Verification(await repository.head(session))
    last = _Link()
    while rows := await _piece(session, last.number, piece):
        for row in rows:
            last = _look(found, last, row)
        on_progress(len(rows))
    await _look_at_unsealed(session, found, last)
    if kept is not None:
        await _look_for(session, found, kept)
    return found


async def _piece(session: AsyncSession, after: int, limit: int) -> Sequence[Row]:
    query = repository.sealed(after=after, limit=limit)
    try:
        return (await session.execute(query)).mappings().all()
    except (ValueError, TypeError):
        # Something in it is not even of its type: each row by itself, to say which.
        numbers = await session.scalars(repository.numbers(after=after, limit=limit))
        return [await _single(session, number) for number in numbers.all()]


async def _single(session: AsyncSession, number: int) -> Row:
    query: Select[Any] = repository.sealed(after=number - 1, limit=1)
    try:
        return (await session.execute(query)).mappings().one()
    except (ValueError, TypeError):
        return {"number": number}


def _look(found: Verification, last: _Link, row: Row) -> _Link:
    """Hold one seal against the one before it and against its entry."""
    number = row["number"]
    found.sealed += 1
    follows = number == last.number + 1
    if not follows:
        _note_missing(found, last.number + 1, number - 1)
    if "digest" not in row:
        sentence = f"Number {number} cannot be read: its entry or its seal was changed."
        found.note(FlawKind.CHANGED, sentence, number=number)
        return _Link(number, "", None, last.at)
    entry_id, at = row["entry_id"], row["at"]
    if row["id"] is None:
        sentence = f"Entry {entry_id} (number {number}) was removed; its seal is still there."
        found.note(FlawKind.REMOVED, sentence, number=number, entry=entry_id)
        return _Link(number, row["digest"], entry_id, last.at)
    # What follows a hole, or a seal that cannot be read, has nothing to be computed from.
    if follows and last.digest and not _is_sealed_by(row, last.digest):
        found.note(FlawKind.CHANGED, _changed(row, last), number=number, entry=entry_id)
    if last.at is not None and last.at - at > LATE:
        sentence = (
            f"Entry {entry_id} (number {number}) says {iso(at)}, but was sealed after one of"
            f" {iso(last.at)}: it was added later, or the clock was set back."
        )
        found.note(FlawKind.ADDED, sentence, number=number, entry=entry_id)
    return _Link(number, row["digest"], entry_id, at)


def _is_sealed_by(row: Row, previous: str) -> bool:
    try:
        return bool(digest_after(previous, row) == row["digest"])
    except (ValueError, TypeError, AttributeError):
        return False


def _changed(row: Row, last: _Link) -> str:
    number = row["number"]
    sentence = f"Entry {row['entry_id']} (number {number}) is not what was sealed: it was changed"
    if last.number:
        return f"{sentence}, or its seal or the one before it was: entry {last.entry_id}."
    return f"{sentence}, or its seal was."


def _note_missing(found: Verification, first: int, last: int) -> None:
    which = f"Number {first} is" if first == last else f"Numbers {first} to {last} are"
    sentence = f"{which} missing: the seals were removed, and maybe their entries."
    found.note(FlawKind.REMOVED, sentence, number=first)


async def _look_at_unsealed(session: AsyncSession, found: Verification, last: _Link) -> None:
    try:
        row = (await session.execute(repository.unsealed_figures())).one()
        found.unsealed, found.oldest_unsealed_at = row
        if last.at is None or not found.unsealed:
            return
        late = await session.execute(repository.unsealed_before(last.at - LATE, limit=MOST_FLAWS))
        for entry_id, at in late.all():
            sentence = (
                f"Entry {entry_id} says {iso(at)} and has no seal, though entries of"
                f" {iso(last.at)} have: it was added later, or its seal was removed."
            )
            found.note(FlawKind.ADDED, sentence, entry=entry_id)
    except (ValueError, TypeError):
        found.note(FlawKind.ADDED, "An entry without a seal cannot be read: it was not made here.")


async def _look_for(session: AsyncSession, found: Verification, kept: Head) -> None:
    """Whether a head of earlier is still in the chain."""
    if kept.number > found.head.number:
        sentence = (
            f"The chain ends at number {found.head.number}, before the head that was kept"
            f" ({kept.number}): its end was cut off."
        )
        found.note(FlawKind.CUT, sentence, number=kept.number)
    elif await repository.digest_of(session, kept.number) != kept.digest:
        sentence = (
            f"Number {kept.number} is not the head that was kept: what came before it was sealed"
            " anew, or is another installation's."
        )
        found.note(FlawKind.CHANGED, sentence, number=kept.number)
