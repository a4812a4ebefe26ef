"""Nothing in the program changes or deletes what is in the audit trail."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[3] / "app"
TABLES: Final = frozenset({"AuditEntry", "AuditSeal"})
BY_TEXT: Final = re.compile(r"\b(update|delete\s+from|truncate)\s+(table\s+)?audit_", re.IGNORECASE)


def changes(source: str) -> Iterator[str]:
    """Statements that would change the trail."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) in {"update", "delete"}:
            named = {_name(one) for argument in node.args for one in ast.walk(argument)}
            if named & TABLES:
                yield ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found.group() for found in BY_TEXT.finditer(node.value))


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_security_38_no_statement_changes_or_deletes_the_trail() -> None:
    found = {
        str(path.relative_to(APP)): statements
        for path in sorted(APP.rglob("*.py"))
        if (statements := list(changes(path.read_text())))
    }

    assert found == {}


def test_a_statement_that_would_is_seen() -> None:
    assert list(changes("update(AuditEntry).values(actor='x')"))
    assert list(changes("sa.delete(models.AuditSeal.__table__)"))
    assert list(changes("text('DELETE FROM audit_entries')"))
    assert not list(changes("update(Signal).values(actor='x')"))
