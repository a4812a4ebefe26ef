"""What happens whenever a database commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.db.session import Database


@contextmanager
def at_each_commit(database: Database, happens: Callable[[Any], None]) -> Iterator[None]:
    """Call it with the connection before each commit of the block; what it raises, ends that."""
    with _listening(database, "commit", happens):
        yield


@contextmanager
def at_each_statement(
    database: Database, with_word: str, happens: Callable[[Any], None]
) -> Iterator[None]:
    """Call it with the connection before each statement of the block that has the word in it."""

    def listen(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if with_word in statement:
            happens(connection)

    with _listening(database, "before_cursor_execute", listen):
        yield


@contextmanager
def statements_of(database: Database, into: list[str]) -> Iterator[None]:
    """Note each statement of the block."""

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        into.append(statement)

    with _listening(database, "before_cursor_execute", listen):
        yield


@contextmanager
def _listening(database: Database, name: str, listen: Callable[..., None]) -> Iterator[None]:
    engine = database.engine.sync_engine
    event.listen(engine, name, listen)
    try:
        yield
    finally:
        event.remove(engine, name, listen)


def no_space_left(_connection: Any) -> None:
    """A disk that is full."""
    raise OSError("no space left on device")
