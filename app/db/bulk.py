"""Write rows by the thousand, unless their keys are taken, close to the speed of the driver."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Table

from app.db.base import Base
from app.db.copying import Copying
from app.db.insert import Rows
from app.db.texts import moment_texts, money_texts
from app.db.types import Money, UtcDateTime

# Ten columns each are 20,000 parameters; SQLite takes 32,766.
AT_ONCE: Final = 2000
# Rows for which PostgreSQL is worth the trips that COPY takes beside one INSERT of arrays.
WORTH_COPYING: Final = 100

Row = tuple[Any, ...]
Column = Sequence[Any]
Write = Callable[[Connection], int]


class Bulk:
    """Inserts rows of one table that share some columns, unless their keys are taken.

    Args:
        table: what to insert into.
        shared: columns that are the same in all rows of a batch.
        own: the other columns that are filled; the first of them tells the rows of a batch apart.
    """

    def __init__(self, table: type[Base], *, shared: Sequence[str], own: Sequence[str]) -> None:
        self._table = cast("Table", table.__table__)
        self._shared = tuple(shared)
        self._own = tuple(own)
        self._rows = Rows(table, unless_taken=True, at_once=AT_ONCE // 2)
        self._ways: dict[str, _FewStatements | Copying] = {}

    def ready(
        self, dialect: Dialect, shared: Mapping[str, Any], columns: Sequence[Column]
    ) -> Write:
        """Do all that needs no database; the result inserts, and gives how many were new.

        Args:
            dialect: of the database.
            shared: the values of the shared columns.
            columns: the values of each of the others, of at least one row, at most `AT_ONCE`, in
                an order that everybody keeps: two transactions that wait for each other's keys
                would otherwise wait for ever.
        """
        is_copied = dialect.name == "postgresql" and len(columns[0]) >= WORTH_COPYING
        if dialect.name == "sqlite" or is_copied:
            return self._way(dialect).ready(shared, columns)
        rows = zip(*columns, strict=True)
        named = [{**shared, **dict(zip(self._own, row, strict=True))} for row in rows]
        return partial(self._rows.count_new, rows=named)

    def _way(self, dialect: Dialect) -> "_FewStatements | Copying":
        found = self._ways.get(dialect.name)
        if found is None:
            found = self._ways[dialect.name] = self._new_way(dialect)
        return found

    def _new_way(self, dialect: Dialect) -> "_FewStatements | Copying":
        if dialect.name == "sqlite":
            return _FewStatements(dialect, self._table, self._shared, self._own)
        return Copying(dialect, self._table, self._shared, self._own)


class _FewStatements:
    """One statement for a full batch and a few for any other, for SQLite; shared values bound once.

    `executemany` would give the interpreter away and win it back for each row, which takes
    milliseconds beside a busy event loop, while everybody waits for the only writer.

    Every connection keeps its last 128 statements, and one of two thousand rows is three
    megabytes: batches of every size would fill the memory. So there are a dozen sizes.
    """

    def __init__(
        self, dialect: Dialect, table: Table, shared: Sequence[str], own: Sequence[str]
    ) -> None:
        names = ", ".join(map(dialect.identifier_preparer.quote, (*shared, *own)))
        common = (f"?{place}" for place in range(1, len(shared) + 1))
        self._row = f"({', '.join([*common, *('?' for _ in own)])})"
        self._insert = f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES "  # noqa: S608 our names
        self._shared = {name: _bound(dialect, table, name) for name in shared}
        self._own = [_bound(dialect, table, name) for name in own]

    def ready(self, shared: Mapping[str, Any], columns: Sequence[Column]) -> Write:
        """The statements and their values."""
        common = [bound([shared[name]])[0] for name, bound in self._shared.items()]
        own = (bound(column) for bound, column in zip(self._own, columns, strict=True))
        rows = zip(*own, strict=True)
        statements = [
            (
                self._insert + ", ".join([self._row] * size),
                (*common, *chain.from_iterable(islice(rows, size))),
            )
            for size in _sizes(len(columns[0]))
        ]
        return partial(_insert, statements=statements)


def _sizes(count: int) -> Sequence[int]:
    """Rows of each statement: all of a full batch, or else the powers of two that make them up."""
    if count == AT_ONCE:
        return [count]
    return [1 << bit for bit in reversed(range(count.bit_length())) if count >> bit & 1]


def _bound(dialect: Dialect, table: Table, name: str) -> Callable[[Column], Column]:
    """What turns the values of a column into the driver's."""
    kind = table.columns[name].type
    if isinstance(kind, Money):
        return money_texts
    if isinstance(kind, UtcDateTime):
        return moment_texts
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return list if process is None else partial(_each, process)


def _each(process: Callable[[Any], Any], column: Column) -> Column:
    return list(map(process, column))


def _insert(connection: Connection, *, statements: Sequence[tuple[str, Row]]) -> int:
    return sum(connection.exec_driver_sql(*one).rowcount for one in statements)
