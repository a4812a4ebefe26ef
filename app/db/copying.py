"""PostgreSQL's COPY for rows whose keys may be taken."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Table, bindparam, select

from app.db.texts import moment_texts, money_texts
from app.db.types import Money, UtcDateTime

NULL: Final = r"\N"
_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Column = Sequence[Any]


class Copying:
    """Copies rows into their table, or beside it where some of them may be there already.

    COPY knows no `ON CONFLICT`: one key that is taken ends all of it. Where nothing is stored from
    the first to the last of the rows it goes straight into the table, and back to a savepoint when
    somebody has stored one at that very moment.
    Otherwise it fills a temporary table, without an index or a log and made once in each
    connection, and the rows are inserted from there.

    Args:
        dialect: PostgreSQL's.
        table: where the rows go.
        shared: columns that are the same in all rows.
        own: the others; the rows come in the order of the first of them.
    """

    def __init__(
        self, dialect: Dialect, table: Table, shared: Sequence[str], own: Sequence[str]
    ) -> None:
        quoted = dialect.identifier_preparer.quote
        self._table = table.name
        self._beside = f"{table.name}_arrivals"
        self._columns = (*shared, *own)
        self._shared = {name: _copied(dialect, table, name) for name in shared}
        self._own = [_copied(dialect, table, name) for name in own]
        name = table.columns[own[0]]
        mine = (table.columns[one] for one in shared)
        self._is_any_there = (
            select(name)
            .where(
                *(column == bindparam(column.name, type_=column.type) for column in mine),
                name >= bindparam("first", type_=name.type),
                name <= bindparam("last", type_=name.type),
            )
            .limit(1)
        )
        # The names are those of our tables.
        columns = ", ".join(map(quoted, self._columns))
        self._make = (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self._beside}"
            f" (LIKE {self._table}) ON COMMIT DELETE ROWS"
        )
        self._move = (
            f"INSERT INTO {self._table} ({columns})"  # noqa: S608
            f" SELECT {columns} FROM {self._beside}"
            f" ORDER BY {quoted(own[0])} ON CONFLICT DO NOTHING"
        )
        self._empty = f"DELETE FROM {self._beside}"  # noqa: S608

    def ready(
        self, shared: Mapping[str, Any], columns: Sequence[Column]
    ) -> Callable[[Connection], int]:
        """The lines to copy; the result inserts them, and gives how many were new."""
        common = "\t".join(copied([shared[name]])[0] for name, copied in self._shared.items())
        own = (copied(column) for copied, column in zip(self._own, columns, strict=True))
        lines = f"\n{common}\t".join(map("\t".join, zip(*own, strict=True)))
        return partial(
            self._write,
            span={**shared, "first": columns[0][0], "last": columns[0][-1]},
            count=len(columns[0]),
            lines=f"{common}\t{lines}\n".encode(),
        )

    def _write(
        self, connection: Connection, *, span: Mapping[str, Any], count: int, lines: bytes
    ) -> int:
        # The first statement also begins the transaction: COPY goes past SQLAlchemy.
        is_any_there = connection.execute(self._is_any_there, span).first() is not None
        if not is_any_there and self._is_copied(connection, lines):
            return count
        connection.exec_driver_sql(self._make)
        self._copy(connection, self._beside, lines)
        new = connection.exec_driver_sql(self._move).rowcount
        connection.exec_driver_sql(self._empty)
        return new

    def _is_copied(self, connection: Connection, lines: bytes) -> bool:
        """Copy them into the table itself; False when a key was taken meanwhile."""
        from asyncpg.exceptions import UniqueViolationError  # noqa: PLC0415 PostgreSQL's alone

        try:
            with connection.begin_nested():
                self._copy(connection, self._table, lines)
        except UniqueViolationError:
            return False
        return True

    def _copy(self, connection: Connection, table: str, lines: bytes) -> None:
        driver = cast("Any", connection.connection.dbapi_connection)
        driver.run_async(partial(self._send, table, lines))

    def _send(self, table: str, lines: bytes, driver: Any) -> Awaitable[str]:
        copying: Awaitable[str] = driver.copy_to_table(
            table, source=_at_once(lines), columns=self._columns
        )
        return copying


async def _at_once(lines: bytes) -> AsyncIterator[bytes]:
    """As asyncpg takes it without a thread, in which it would read a file."""
    yield lines


def _copied(dialect: Dialect, table: Table, name: str) -> Callable[[Column], Sequence[str]]:
    """What turns the values of a column into cells of COPY's text format."""
    kind = table.columns[name].type
    if isinstance(kind, Money):
        return _money_cells
    if isinstance(kind, UtcDateTime):
        return _moment_cells
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return partial(_cells, process)


def _money_cells(column: Column) -> Sequence[str]:
    return [NULL if text is None else text for text in money_texts(column)]


def _moment_cells(column: Column) -> Sequence[str]:
    return [f"{text}+00" for text in moment_texts(column)]


def _cells(process: Callable[[Any], Any] | None, column: Column) -> Sequence[str]:
    values = column if process is None else map(process, column)
    return [NULL if value is None else str(value).translate(_ESCAPED) for value in values]
