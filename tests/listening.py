"""What happens whenever a database commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.db.session import Database


@contextmanager
def at_each_commit(database: Database, happens: Callable[[Any], None]) -> Iterator[None]:
    """Call it with the connection before each commit of the block; what it raises, ends that."""
    engine = database.engine.sync_engine
    event.listen(engine, "commit", happens)
    try:
        yield
    finally:
        event.remove(engine, "commit", happens)


def no_space_left(_connection: Any) -> None:
    """A disk that is full."""
    raise OSError("no space left on device")


@contextmanager
def at_each_statement(
    database: Database, with_word: str, happens: Callable[[Any], None]
) -> Iterator[None]:
    """Call it with the connection before each statement of the block that has the word in it."""

    def listen(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if with_word in statement:
            happens(connection)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listen)
