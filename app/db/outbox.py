"""The outbox: which rows have changed, written down in the transaction that changes them.

A table says `@told_as("order")` once, and every change that a session makes to a row of it is noted
where the session commits, all of them in one statement. What changes rows by a statement of its own
says so with `note`. Nothing is noted of what has changed in them: who reads the outbox looks at the
row, and finds the truth of that moment.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    String,
    delete,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Mapped, Session, attributes, mapped_column

from app.core.clock import SystemClock
from app.db.base import Base
from app.db.insert import Rows

RowT = TypeVar("RowT", bound=type[Base])

# In the `info` that listeners of a database hear after a commit: something was noted.
TOLD: Final = "outbox"
_NOTED: Final = "outbox_noted"
AT_ONCE: Final = 1_000
# These rows are small.
_ROWS_IN_A_STATEMENT: Final = 500


class Outbox(Base):
    """One note: this row of this user has changed.

    Without a foreign key: on MariaDB its check would wait for whoever holds the user's row. And
    without a second index: the next readers want what is new.

    Attributes:
        id: its order is that of the notes, which on a server is not quite that of the commits.
        kind: of the row, as its table says.
        subject: the row's id, or what identifies it among its kind.
    """

    __tablename__ = "outbox"
    # SQLite would give the ids of rows that were pruned again.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 SQLAlchemy's name

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    user_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    noted_at: Mapped[datetime]


class Change(NamedTuple):
    """A row that has changed, and whose it is."""

    user_id: UUID
    kind: str
    subject: str


class Noted(NamedTuple):
    """A change, and its number in the outbox."""

    id: int
    user_id: UUID
    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Telling:
    kind: str
    subject: Callable[[Any], str]
    unseen: frozenset[str]


_TELLINGS: Final[dict[type[Base], _Telling]] = {}
_NEW: Final = Rows(Outbox, at_once=_ROWS_IN_A_STATEMENT)


def told_as(
    kind: str,
    *,
    subject: Callable[[Any], str] = lambda row: str(row.id),
    unseen: Collection[str] = (),
) -> Callable[[RowT], RowT]:
    """Have every change to a table's rows noted; they have a `user_id`.

    Args:
        kind: what one of them is called.
        subject: what identifies a row among its kind.
        unseen: columns that nobody is shown; a change of these alone is not noted.
    """

    def register(table: RowT) -> RowT:
        _TELLINGS[table] = _Telling(kind, subject, frozenset(unseen))
        return table

    return register


def told_tables() -> Mapping[type[Base], str]:
    """The tables whose changes are noted, with their kinds."""
    return {table: telling.kind for table, telling in _TELLINGS.items()}


def change_of(row: Base) -> Change:
    """What is noted when a row changes whose table is told."""
    telling = _TELLINGS[type(row)]
    return Change(cast("Any", row).user_id, telling.kind, telling.subject(row))


def note(session: AsyncSession, row: Base) -> None:
    """Note, in the caller's transaction, that a statement of the caller's has changed this row.

    Args:
        session: the caller's transaction.
        row: as the caller has it; only whose and which it is matters.
    """
    _note(session.sync_session, change_of(row))


def note_in(connection: Connection, changes: Iterable[Change]) -> None:
    """As `note`, at once, where there is no session: readers find it with their next look."""
    rows = [_values(change) for change in dict.fromkeys(changes)]
    if rows:
        _NEW.insert(connection, rows)


async def after(session: AsyncSession, last_id: int) -> Sequence[Noted]:
    """The next notes after that one, by their ids; `AT_ONCE` at most."""
    return await _noted(session, _SELECTED.where(Outbox.id > last_id).limit(AT_ONCE))


async def those(session: AsyncSession, ids: Collection[int]) -> Sequence[Noted]:
    """Those of the ids that are there."""
    return await _noted(session, _SELECTED.where(Outbox.id.in_(ids))) if ids else ()


async def of_user(
    session: AsyncSession, user_id: UUID, *, after: int, until: int, limit: int
) -> Mapping[tuple[str, str], int]:
    """What has changed of a user's, by kind and subject, each with its newest number.

    Args:
        session: where to ask.
        user_id: whose.
        after: exclusive.
        until: inclusive.
        limit: so many at most, the oldest first.
    """
    newest = func.max(Outbox.id)
    query = (
        select(Outbox.kind, Outbox.subject, newest)
        .where(Outbox.user_id == user_id, Outbox.id > after, Outbox.id <= until)
        .group_by(Outbox.kind, Outbox.subject)
        .order_by(newest)
        .limit(limit)
    )
    return {(kind, subject): number for kind, subject, number in await session.execute(query)}


async def bounds(session: AsyncSession) -> tuple[int, int]:
    """The oldest and the newest id that are there; twice 0 when there is none."""
    row = (await session.execute(select(func.min(Outbox.id), func.max(Outbox.id)))).one()
    return row[0] or 0, row[1] or 0


async def forget_before(session: AsyncSession, moment: datetime) -> None:
    """Drop old notes. The newest one stays: it says how far the numbers have come."""
    _, newest = await bounds(session)
    await session.execute(delete(Outbox).where(Outbox.noted_at < moment, Outbox.id < newest))


_SELECTED: Final = select(Outbox.id, Outbox.user_id, Outbox.kind, Outbox.subject).order_by(
    Outbox.id
)


async def _noted(session: AsyncSession, query: Select[Any]) -> Sequence[Noted]:
    return [Noted(*row) for row in await session.execute(query)]


def _note(session: Session, change: Change) -> None:
    # A dict keeps their order, and each but once.
    session.info.setdefault(_NOTED, {})[change] = None


def _values(change: Change) -> dict[str, Any]:
    # By the machine's clock, whatever time the change itself goes by: it only says what is old.
    return {**change._asdict(), "noted_at": SystemClock().now()}


@event.listens_for(Session, "after_flush")
def _note_flushed(session: Session, _: Any) -> None:
    for row in (*session.new, *session.deleted):
        if type(row) in _TELLINGS:
            _note(session, change_of(row))
    for row in session.dirty:
        telling = _TELLINGS.get(type(row))
        if telling is not None and _is_seen(row, telling):
            _note(session, change_of(row))


def _is_seen(row: Base, telling: _Telling) -> bool:
    """Whether something about it has changed that is shown to anybody."""
    state: InstanceState[Any] = inspect(row)
    return any(
        attributes.get_history(row, name).has_changes()
        for name in state.committed_state
        if name not in telling.unseen
    )


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_NOTED, None)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Last of all before the commit: the shorter a number is taken and not there, the better."""
    if session.in_nested_transaction():
        return
    session.flush()  # what it writes is noted, too
    changes = session.info.pop(_NOTED, None)
    if changes:
        note_in(session.connection(), changes)
        session.info[TOLD] = True
