"""Rows that are facts: stored once, the same ever after, and refused when told otherwise.

A candle that has closed and a trade that was printed do not change. Who sends one again sends the
same, and nothing happens; who sends another of the same name is wrong, or the first one was, and a
person has to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Connection, Table, bindparam, select

from app.core.clock import iso
from app.core.decimals import plain
from app.core.errors import Conflict
from app.db.base import Base
from app.db.insert import Rows

# A thousand rows of sixteen columns are half of the parameters that SQLite and PostgreSQL take.
AT_ONCE: Final = 1000
SHOWN: Final = 3

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of rows that were to be kept."""

    inserted: int = 0
    duplicates_skipped: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(
            self.inserted + other.inserted, self.duplicates_skipped + other.duplicates_skipped
        )


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
        self._name = name.name
        self._values = tuple(one.name for one in values)
        self._conflict = conflict
        self._rows = Rows(table, unless_taken=True, at_once=AT_ONCE)
        self._stored = select(name, *values).where(
            *(one == bindparam(one.name, type_=one.type) for one in group),
            name.in_(bindparam("names", type_=name.type, expanding=True)),
        )

    def keep(self, connection: Connection, group: Row, facts: Sequence[Row]) -> Kept:
        """Insert what is new, in the caller's transaction; what is stored already is skipped.

        Also right when two writers race: the database lets the second wait for the first one's
        commit, skips what the first has stored, and shows it when it is compared. Whoever writes
        several groups in one transaction goes through them in a fixed order, as this does through
        the facts: else two writers might wait for each other.

        What is unknown contradicts nothing: a fact with fewer columns told is a duplicate, and
        what is stored stays as it is.

        Args:
            connection: the transaction; whoever is refused rolls it back.
            group: the values of the key that all these facts share.
            facts: the rest of their columns; all have the same, in any order.

        Raises:
            Conflict: of the kind given; the detail shows the first differences.
        """
        distinct = self._distinct(group, facts)
        inserted = 0
        for start in range(0, len(distinct), AT_ONCE):
            part = distinct[start : start + AT_ONCE]
            new = self._rows.count_new(connection, [{**group, **fact} for fact in part])
            if new < len(part):
                self._compare(connection, group, part)
            inserted += new
        return Kept(inserted, len(facts) - inserted)

    def _distinct(self, group: Row, facts: Sequence[Row]) -> list[Row]:
        """Each fact once, in the order of their names."""
        first: dict[Any, Row] = {}
        for fact in facts:
            other = first.setdefault(fact[self._name], fact)
            if other is not fact and self._differences(fact, self._told(other)):
                self._refuse(group, "came twice with different values", [(fact, self._told(other))])
        return [first[name] for name in sorted(first)]

    def _compare(self, connection: Connection, group: Row, facts: Sequence[Row]) -> None:
        names = [fact[self._name] for fact in facts]
        rows = connection.execute(self._stored, {**group, "names": names})
        stored: dict[Any, Sequence[Any]] = {name: values for name, *values in rows}
        # One that was neither inserted nor found is a KeyError here, and no duplicate.
        pairs = [(fact, stored[fact[self._name]]) for fact in facts]
        wrong = [(fact, found) for fact, found in pairs if self._differences(fact, found)]
        if wrong:
            self._refuse(group, "is stored with other values", wrong)

    def _told(self, fact: Row) -> list[Any]:
        return [fact.get(column) for column in self._values]

    def _differences(self, fact: Row, stored: Sequence[Any]) -> list[str]:
        told = self._told(fact)
        if told == stored:
            return []
        return [
            f"{column} {_shown(old)}, sent {_shown(new)}"
            for column, old, new in zip(self._values, stored, told, strict=True)
            if old is not None and new is not None and old != new
        ]

    def _refuse(self, group: Row, words: str, wrong: Sequence[tuple[Row, Sequence[Any]]]) -> None:
        shown = "; ".join(
            f"{_shown(fact[self._name])}: {', '.join(self._differences(fact, stored))}"
            for fact, stored in wrong[:SHOWN]
        )
        where = " ".join(map(str, group.values()))
        raise self._conflict(f"{where} {words}, and nothing of it was kept. {shown}.")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return plain(value) if isinstance(value, Decimal) else str(value)
