"""A question that a batch asks: compiled once where SQLAlchemy's way to it costs more than it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.types import TypeEngine

from app.db.sqlite import is_plain, run_plain

Convert = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Form:
    """The statement for so many values, and how values become the driver's and come back."""

    text: str
    to_driver: Convert
    from_driver: tuple[Convert, ...]


class Question:
    """A select with one list of values.

    Args:
        statement: its list is an expanding `bindparam`, and its only parameter.
        name: of that parameter.
        kind: the type of the values.
    """

    def __init__(self, statement: Select[Any], name: str, kind: TypeEngine[Any]) -> None:
        self._statement = statement
        self._name = name
        self._kind = kind
        self._forms: dict[int, _Form] = {}

    def ask(self, connection: Connection, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of the answer, each value as its column's type says."""
        if not is_plain(connection):
            return connection.execute(self._statement, {self._name: values}).all()
        form = self._forms.get(len(values))
        if form is None:
            form = self._forms[len(values)] = self._form(connection.dialect, values)
        parameters = [_converted(one, form.to_driver) for one in values]
        rows, _ = run_plain(connection, form.text, parameters)
        return [tuple(map(_converted, row, form.from_driver)) for row in rows]

    def _form(self, dialect: Dialect, values: Sequence[Any]) -> _Form:
        """Of SQLite alone, so the number of the values is all that it goes by."""
        filled = self._statement.params({self._name: list(values)})
        compiled = filled.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        return _Form(
            str(compiled),
            self._kind.dialect_impl(dialect).bind_processor(dialect),
            tuple(
                one.type.dialect_impl(dialect).result_processor(dialect, None)
                for one in self._statement.selected_columns
            ),
        )


def _converted(value: Any, convert: Convert) -> Any:
    return value if convert is None else convert(value)
