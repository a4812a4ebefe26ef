"""Insert rows by the hundred, or unless their keys are taken, in one trip on every database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Insert,
    Row,
    Table,
    TableClause,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy import table as bare_table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from app.db.base import Base
from app.db.sqlite import is_plain, run_plain

# Rows in a statement: of the largest alerts they are 4 MiB, a quarter of what MariaDB takes in one.
AT_ONCE: Final = 64

Convert = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as the driver takes it, and how each value becomes the driver's.

    Attributes:
        statement: its text, up to the rows where each is written out.
        row: the places of one row; None where a parameter is all values of a column.
        places: the column of each place, in their order.
    """

    statement: str
    row: str | None
    places: tuple[tuple[str, Convert], ...]

    def filled(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement for so many rows, and its parameters."""
        columns = tuple(_column(rows, *place) for place in self.places)
        if self.row is None:
            return self.statement, columns
        statement = self.statement + ", ".join([self.row] * len(rows))
        return statement, tuple(chain.from_iterable(zip(*columns, strict=True)))


def _column(rows: Sequence[Mapping[str, Any]], name: str, convert: Convert) -> list[Any]:
    """The values of one column; what is the same as in the row before is not converted again."""
    if convert is None:
        return [row[name] for row in rows]
    values: list[Any] = []
    last = converted = None
    for row in rows:
        value = row[name]
        if value is not last:
            last, converted = value, convert(value)
        values.append(converted)
    return values


def _written(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> int:
    """Run it; how many rows it wrote."""
    if is_plain(connection):
        return run_plain(connection, statement, parameters)[1].rowcount
    return connection.exec_driver_sql(statement, parameters).rowcount


class Rows:
    """Inserts rows of one table, many in a statement, each value converted once.

    SQLAlchemy goes through every row several times, for defaults, casts and the order of the
    parameters, and the driver executes once for each: SQLite's gives the interpreter away and
    fights for it again row by row. At the close of a bar that was most of the work.

    Args:
        table: what to insert into.
        unless_taken: leave out rows whose keys are taken; the transaction stays usable, and the
            old rows as they are.
        at_once: rows in a statement; more where each is small.
    """

    def __init__(
        self, table: type[Base], *, unless_taken: bool = False, at_once: int = AT_ONCE
    ) -> None:
        self._mapped = cast("Table", table.__table__)
        self._unless_taken = unless_taken
        self._at_once = at_once
        self._prepared: dict[tuple[str, ...], _Prepared] = {}

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Insert them in the caller's transaction; whether all were new.

        Args and their order are those of `count_new`.
        """
        return self.count_new(connection, rows) == len(rows)

    def count_new(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert them in the caller's transaction; how many were new.

        Args:
            connection: the caller's transaction.
            rows: at least one, all of the same columns; the others stay empty, whatever default
                the mapping has for them. Where keys may be taken, in an order that everybody
                keeps: two transactions that wait for each other's would otherwise wait for ever.
        """
        prepared = self._for(connection.dialect, tuple(rows[0]))
        new = 0
        for start in range(0, len(rows), self._at_once):
            some = rows[start : start + self._at_once]
            new += _written(connection, *prepared.filled(some))
        return new

    def insert_numbered(self, connection: Connection, row: Mapping[str, Any]) -> int:
        """Insert one row of a table whose rows the database numbers; its number.

        Args:
            connection: the caller's transaction.
            row: its values, without the number; columns that are left out stay empty.
        """
        if is_plain(connection):
            prepared = self._for(connection.dialect, tuple(row))
            return cast("int", run_plain(connection, *prepared.filled([row]))[1].lastrowid)
        made = connection.execute(insert(self._mapped), row).inserted_primary_key
        return cast("Row[Any]", made)[0]  # type: ignore[no-any-return]  # it is its only column

    def _for(self, dialect: Dialect, columns: tuple[str, ...]) -> _Prepared:
        key = (dialect.name, *columns)
        found = self._prepared.get(key)
        if found is None:
            found = self._prepared[key] = self._prepare(dialect, columns)
        return found

    def _prepare(self, dialect: Dialect, names: tuple[str, ...]) -> _Prepared:
        # Asked for now, not at import: a foreign key has its type once both tables are known.
        types = {name: self._mapped.columns[name].type for name in names}
        # Without the defaults that the mapping has: a value that is left out is left out.
        bare = bare_table(self._mapped.name, *(column(name, kind) for name, kind in types.items()))
        takes_arrays = dialect.name == "postgresql"
        statement = self._of_arrays(bare, types) if takes_arrays else self._of_values(bare)
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        places = tuple(
            (name, types[name].dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        )
        if takes_arrays:
            return _Prepared(str(compiled), None, places)
        head, values, row = str(compiled).rpartition(" VALUES ")
        return _Prepared(head + values, row, places)

    def _of_values(self, bare: TableClause) -> Insert:
        statement = insert(bare)
        if not self._unless_taken:
            return statement
        return (
            statement.prefix_with("OR IGNORE", dialect="sqlite")
            .prefix_with("IGNORE", dialect="mysql")
            .prefix_with("IGNORE", dialect="mariadb")
        )

    def _of_arrays(self, bare: TableClause, types: Mapping[str, TypeEngine[Any]]) -> Insert:
        """PostgreSQL takes the rows as columns: one execution, which counts, instead of many."""
        arrays = [bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in types.items()]
        rows = select(*(func.unnest(array) for array in arrays))
        statement = postgresql.insert(bare).from_select(list(types), rows)
        return statement.on_conflict_do_nothing() if self._unless_taken else statement
