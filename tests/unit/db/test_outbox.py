"""No statement changes rows that are told of without saying so."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.db.outbox import told_tables
from app.tables import Base

APP = Path(__file__).parents[3] / "app"
NOTING = {"note", "note_change", "note_in"}
# Functions that change such rows and note nothing, each with why.
SILENT = {
    "app/jobs/holding.py _held": "those who execute it note what can be seen",
    "app/bots/running/holding.py _held": "likewise",
    "app/notifications/deliveries.py begin_anew": "the page that changes the address looks anew",
    "app/notifications/deliveries.py forget_waiting": "likewise",
    "app/pipeline/alarms/keeping.py <module>": "`keep` notes what has come again",
}


def test_every_statement_that_changes_told_rows_is_noted_or_silent_for_a_reason() -> None:
    found = {where: notes for path in APP.rglob("*.py") for where, notes in _updates(path)}

    assert {where for where, notes in found.items() if not notes} == SILENT.keys()
    # It means something that nothing else was found.
    assert "app/pipeline/orders/repository.py claim_for_sending" in found


def test_every_told_row_says_whose_it_is_and_has_a_kind_of_its_own() -> None:
    assert all("user_id" in table.__table__.columns for table in told_tables())
    assert len(set(told_tables().values())) == len(told_tables())
    assert {"alarm", "signal", "order", "position", "pnl"} <= set(told_tables().values())


def test_columns_that_are_not_told_of_exist() -> None:
    # A name that is misspelt would be told of all day.
    for table, unseen in _unseen():
        names = {column.key for column in Base.metadata.tables[table].columns}
        assert unseen <= names, table


def _unseen() -> Iterator[tuple[str, frozenset[str]]]:
    from app.db.outbox import _TELLINGS  # noqa: PLC0415 nothing else asks for it

    for table, telling in _TELLINGS.items():
        yield table.__tablename__, telling.unseen


def _updates(path: Path) -> Iterator[tuple[str, bool]]:
    """Functions that change told rows by statement, and whether each notes it."""
    names = {table.__name__ for table in told_tables()} | {"_ALARMS"}
    where = path.relative_to(APP.parent)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside: set[ast.AST] = set()
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for function in functions:
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        if any(_is_update(call, names) for call in calls):
            inside.update(calls)
            yield f"{where} {function.name}", any(_name(call) in NOTING for call in calls)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node not in inside and _is_update(node, names):
            yield f"{where} <module>", False


def _is_update(call: ast.Call, names: set[str]) -> bool:
    first = call.args[0] if call.args else None
    return _name(call) == "update" and isinstance(first, ast.Name) and first.id in names


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""
