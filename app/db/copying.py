"""PostgreSQL's COPY for rows whose keys may be taken: into a table beside, and from there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Table

from app.db.texts import moment_texts, money_texts
from app.db.types import Money, UtcDateTime

NULL: Final = r"\N"
_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Column = Sequence[Any]


class Copying:
    """Copies rows into a table of the connection's own, and inserts them from there.

    COPY itself knows no `ON CONFLICT`: one key that is taken would end all of it. The table beside
    is temporary, has no index and is in no log; it is made once in each connection.

    Args:
        dialect: PostgreSQL's.
        table: where the rows go.
        shared: columns that are the same in all rows.
        own: the others; rows are inserted in the order of the first of them.
    """

    def __init__(
        self, dialect: Dialect, table: Table, shared: Sequence[str], own: Sequence[str]
    ) -> None:
        quoted = dialect.identifier_preparer.quote
        self._beside = f"{table.name}_arrivals"
        self._columns = tuple(own)
        columns = ", ".join(map(quoted, own))
        common = [f"${place}" for place in range(1, len(shared) + 1)]
        # The names are those of our tables.
        self._make = (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self._beside} ON COMMIT DELETE ROWS"  # noqa: S608
            f" AS SELECT {columns} FROM {table.name} WITH NO DATA"
        )
        self._move = (
            f"INSERT INTO {table.name} ({', '.join(map(quoted, shared))}, {columns})"  # noqa: S608
            f" SELECT {', '.join(common)}, {columns} FROM {self._beside}"
            f" ORDER BY {quoted(own[0])} ON CONFLICT DO NOTHING"
        )
        self._empty = f"DELETE FROM {self._beside}"  # noqa: S608
        self._shared = {
            name: table.columns[name].type.dialect_impl(dialect).bind_processor(dialect)
            for name in shared
        }
        self._own = [_copied(dialect, table, name) for name in own]

    def ready(
        self, shared: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]
    ) -> Callable[[Connection], int]:
        """The lines to copy; the result inserts them, and gives how many were new."""
        common = tuple(
            shared[name] if process is None else process(shared[name])
            for name, process in self._shared.items()
        )
        columns = [
            copied(column)
            for copied, column in zip(self._own, zip(*rows, strict=True), strict=True)
        ]
        lines = "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"
        return partial(self._copy, common=common, lines=lines.encode())

    def _copy(self, connection: Connection, *, common: tuple[Any, ...], lines: bytes) -> int:
        # The first statement begins the transaction; COPY goes past SQLAlchemy, which would not.
        connection.exec_driver_sql(self._make)
        driver = cast("Any", connection.connection.dbapi_connection)
        driver.run_async(partial(self._send, lines))
        new = connection.exec_driver_sql(self._move, common).rowcount
        connection.exec_driver_sql(self._empty)
        return new

    def _send(self, lines: bytes, driver: Any) -> Awaitable[str]:
        copying: Awaitable[str] = driver.copy_to_table(
            self._beside, source=_at_once(lines), columns=self._columns
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
