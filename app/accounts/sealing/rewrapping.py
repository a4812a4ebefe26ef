"""Every sealed text under the current key: in small steps, stopped and taken up at any moment.

There is nothing to remember in between: a text says itself which key it is under.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    TableClause,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    select,
    table,
    update,
)

from app.accounts.keys import KeyRing
from app.accounts.sealing.columns import SEALED_COLUMNS, SealedColumn
from app.accounts.sealing.envelope import key_id_of, prefix_of, rewrap
from app.core.errors import Unavailable
from app.db.session import Database, Writing

BATCH: Final = 100
FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A text that no key on the ring opens.

    Attributes:
        key_id: the key it names; empty before version 2.
    """

    table: str
    row_id: UUID
    key_id: str


async def count_waiting(
    database: Database, ring: KeyRing, columns: Sequence[SealedColumn] = SEALED_COLUMNS
) -> int:
    """How many texts are not under the current key yet."""
    total = 0
    async with database.read() as session:
        for sealed in columns:
            rows = _table(sealed)
            query = select(func.count()).select_from(rows).where(_is_waiting(rows, sealed, ring))
            total += await session.scalar(query) or 0
    return total


async def rewrap_all(
    database: Database,
    ring: KeyRing,
    columns: Sequence[SealedColumn] = SEALED_COLUMNS,
    *,
    on_progress: Callable[[int], object],
) -> list[Unreadable]:
    """Bring every text under the current key, also what is sealed meanwhile.

    A text that somebody changes between our look and our write is left as they made it, and looked
    at once more.

    Args:
        database: may be in use by servers.
        ring: has the keys that the texts are under now.
        columns: where they are.
        on_progress: hears how many more are done.

    Returns:
        Those that do not open; they are as they were.
    """
    unreadable: list[Unreadable] = []
    for sealed in columns:
        while True:
            done, bad = await _once_through(database, ring, sealed, on_progress)
            if done == 0:
                break
        unreadable += bad
    return unreadable


async def _once_through(
    database: Database,
    ring: KeyRing,
    sealed: SealedColumn,
    on_progress: Callable[[int], object],
) -> tuple[int, list[Unreadable]]:
    done, unreadable, after = 0, list[Unreadable](), FIRST
    while rows := await _next(database, ring, sealed, after):
        changes = []
        for row_id, user_id, text in rows:
            try:
                new = rewrap(ring, text, sealed.place(row_id, user_id))
            except Unavailable:
                unreadable.append(Unreadable(sealed.table, row_id, key_id_of(text)))
            else:
                changes.append({"row_id": row_id, "old": text, "new": new})
        if changes:
            await _write(database, sealed, changes)
        on_progress(len(changes))
        done, after = done + len(changes), rows[-1][0]
    return done, unreadable


async def _next(
    database: Database, ring: KeyRing, sealed: SealedColumn, after: UUID
) -> Sequence[Row[Any]]:
    rows = _table(sealed)
    query = (
        select(rows.c.id, rows.c[sealed.owner], rows.c[sealed.column])
        .where(_is_waiting(rows, sealed, ring), rows.c.id > after)
        .order_by(rows.c.id)
        .limit(BATCH)
    )
    async with database.read() as session:
        return (await session.execute(query)).all()


async def _write(
    database: Database, sealed: SealedColumn, changes: Sequence[dict[str, Any]]
) -> None:
    rows = _table(sealed)
    # Only where the text is still the one that was read.
    swap = (
        update(rows)
        .where(rows.c.id == bindparam("row_id"), rows.c[sealed.column] == bindparam("old"))
        .values({sealed.column: bindparam("new")})
    )

    def work(writing: Writing) -> None:
        writing.connection.execute(swap, changes)

    await database.together(work)


def _is_waiting(rows: TableClause, sealed: SealedColumn, ring: KeyRing) -> ColumnElement[bool]:
    text = rows.c[sealed.column]
    return and_(text.is_not(None), text.not_like(f"{prefix_of(ring.current.key_id)}%"))


def _table(sealed: SealedColumn) -> TableClause:
    """The three columns this needs; the models would bring the whole house along."""
    names = dict.fromkeys(("id", sealed.owner))
    ids = [column(name, Uuid) for name in names]
    return table(sealed.table, *ids, column(sealed.column, Text))
