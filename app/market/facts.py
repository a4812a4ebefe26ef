"""Rows that are facts: stored once, the same ever after, and refused when told otherwise.

A candle that has closed and a trade that was printed do not change. Who sends one again sends the
same, and nothing happens; who sends another of the same name is wrong, or the first one was, and a
person has to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from operator import itemgetter, lt
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Table, bindparam, select

from app.core.clock import iso
from app.core.decimals import plain
from app.core.errors import Conflict
from app.db.base import Base
from app.db.bulk import AT_ONCE, Bulk, Column, Write

SHOWN: Final = 3

# Its name, then what it says; None where nobody said it.
Fact = tuple[Any, ...]
_NAME: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of rows that were to be kept."""

    inserted: int = 0
    duplicates_skipped: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(
            self.inserted + other.inserted, self.duplicates_skipped + other.duplicates_skipped
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """Facts on their way into the database; all that can be done without it is done.

    Attributes:
        group: the values of the key that they share.
        parts: their columns, each fact once, in the order of their names, with what writes them.
        sent: how many there were, doubles included.
    """

    group: Mapping[str, Any]
    parts: Sequence[tuple[Sequence[Column], Write]]
    sent: int


class Facts:
    """Keeps the facts of one table.

    Args:
        table: its primary key is the name of a fact, the last column of it told apart by `keep`;
            the other columns are what the fact says, NULL where nobody said it.
        conflict: raised when facts contradict each other.
    """

    def __init__(self, table: type[Base], *, conflict: type[Conflict]) -> None:
        mapped = cast("Table", table.__table__)
        *group, name = mapped.primary_key.columns
        values = [one for one in mapped.columns if not one.primary_key]
        self._columns = (name.name, *(one.name for one in values))
        self._conflict = conflict
        self._bulk = Bulk(table, shared=[one.name for one in group], own=self._columns)
        self._stored = select(name, *values).where(
            *(one == bindparam(one.name, type_=one.type) for one in group),
            name.in_(bindparam("names", type_=name.type, expanding=True)),
        )

    def ready(self, dialect: Dialect, group: Mapping[str, Any], columns: Sequence[Column]) -> Ready:
        """Make facts ready to be kept.

        Args:
            dialect: of the database that they are for.
            group: the values of the key that all these facts share.
            columns: the names of facts, in any order, then what they say in each of the other
                columns, in their order in the table.

        Raises:
            Conflict: of the kind given; one came twice with different values.
        """
        distinct = self._distinct(group, columns)
        starts = range(0, len(distinct[0]), AT_ONCE)
        parts = [[column[start : start + AT_ONCE] for column in distinct] for start in starts]
        written = [(part, self._bulk.ready(dialect, group, part)) for part in parts]
        return Ready(group, written, len(columns[0]))

    def keep(self, connection: Connection, ready: Ready) -> Kept:
        """Insert what is new, in the caller's transaction; what is stored already is skipped.

        Also right when two writers race: the database lets the second wait for the first one's
        commit, skips what the first has stored, and shows it when it is compared. Whoever writes
        several groups in one transaction goes through them in a fixed order, as this does through
        the facts: else two writers might wait for each other.

        What is unknown contradicts nothing: a fact with fewer columns told is a duplicate, and
        what is stored stays as it is.

        Args:
            connection: the transaction; whoever is refused rolls it back.
            ready: as `ready` made them.

        Raises:
            Conflict: of the kind given; the detail shows the first differences.
        """
        inserted = 0
        for columns, write in ready.parts:
            new = write(connection)
            if new < len(columns[0]):
                self._compare(connection, ready.group, columns)
            inserted += new
        return Kept(inserted, ready.sent - inserted)

    def _distinct(self, group: Mapping[str, Any], columns: Sequence[Column]) -> Sequence[Column]:
        """Each fact once, in the order of their names; mostly they come like that."""
        names = columns[0]
        if all(map(lt, names, islice(names, 1, None))):
            return columns
        first: dict[Any, Fact] = {}
        for fact in sorted(zip(*columns, strict=True), key=_NAME):
            other = first.setdefault(_NAME(fact), fact)
            if other is not fact and self._differences(fact, other):
                self._refuse(group, "came twice with different values", [(fact, other)])
        return list(zip(*first.values(), strict=True))

    def _compare(
        self, connection: Connection, group: Mapping[str, Any], columns: Sequence[Column]
    ) -> None:
        rows = connection.execute(self._stored, {**group, "names": columns[0]})
        stored: dict[Any, Fact] = {row[0]: tuple(row) for row in rows}
        # One that was neither inserted nor found is a KeyError here, and no duplicate.
        facts = zip(*columns, strict=True)
        pairs = [(fact, stored[_NAME(fact)]) for fact in facts]
        wrong = [(fact, found) for fact, found in pairs if self._differences(fact, found)]
        if wrong:
            self._refuse(group, "is stored with other values", wrong)

    def _differences(self, fact: Fact, stored: Fact) -> list[str]:
        if fact == stored:
            return []
        return [
            f"{column} {_shown(old)}, sent {_shown(new)}"
            for column, old, new in zip(self._columns, stored, fact, strict=True)
            if old is not None and new is not None and old != new
        ]

    def _refuse(
        self, group: Mapping[str, Any], words: str, wrong: Sequence[tuple[Fact, Fact]]
    ) -> None:
        shown = "; ".join(
            f"{_shown(_NAME(fact))}: {', '.join(self._differences(fact, stored))}"
            for fact, stored in wrong[:SHOWN]
        )
        where = " ".join(map(str, group.values()))
        raise self._conflict(f"{where} {words}, and nothing of it was kept. {shown}.")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return plain(value) if isinstance(value, Decimal) else str(value)
