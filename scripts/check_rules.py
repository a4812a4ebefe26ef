"""House rules that ruff cannot say: run as `python scripts/check_rules.py`."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

# Requests and steps; the schema; the paper exchange, which keeps a store of its own.
COMMITS = (
    "app/db/session.py",
    "app/db/sqlite.py",
    "app/db/migrate.py",
    "app/db/migrations",
    "app/paper_exchange",
)
EXACT = (Path("app/pipeline"), Path("app/trading"))
# Whatever can ask another machine, installed or near.
CLIENTS = (
    *("aiohttp", "httpx", "requests", "urllib3", "websockets", "aiodns", "apprise"),
    *("urllib.request", "http.client", "ftplib", "smtplib", "xmlrpc.client", "telnetlib"),
)
CONNECTING = ("open_connection", "create_connection", "sock_connect")
# Addresses that users set are asked by outgoing.py alone. The others ask no such address: the
# operator's own paper exchange, the server that a demo is shown on, and this process itself.
ASKING = (
    "app/exchanges",
    "app/paper_exchange",
    "app/http/outgoing.py",
    "app/desk/welcome.py",
    "app/desk/rehearsal/routes.py",
    "app/commands/demo/server.py",
)


def main() -> int:
    """Print every broken rule as `file:line: sentence`; 1 when there is one."""
    files = [
        path for root in ("app", "tests", "scripts") for path in sorted(Path(root).rglob("*.py"))
    ]
    found = [
        f"{path}:{line}: {text}" for path in files for line, text in check(path, path.read_text())
    ]
    print("\n".join([*found, f"{len(files)} files, {len(found)} broken rules"]))
    return 1 if found else 0


def check(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Line and sentence for each rule that this file breaks."""
    lines = source.splitlines()
    is_exact = any(path.is_relative_to(folder) for folder in EXACT)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _call(node, path, lines)
        if is_exact and (where := _float_annotation(node)):
            yield (
                where,
                "no float for money: use Decimal (a name ending in `seconds` may be a float)",
            )
        if where := _mock_import(node):
            yield where, "no unittest.mock: write a fake, see tests/fakes"
        if path.is_relative_to("app") and not _is_in(path, ASKING) and (where := _client(node)):
            yield where, "only app/http/outgoing.py asks other machines"


def _call(node: ast.Call, path: Path, lines: list[str]) -> Iterator[tuple[int, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    in_app = path.is_relative_to("app")
    if name == "commit" and in_app and not _is_in(path, COMMITS):
        yield node.lineno, "only app/db/session.py commits"
    if name == "Decimal" and any(_is_float(argument) for argument in node.args):
        yield node.lineno, 'Decimal of a float literal: write Decimal("0.1")'
    if name == "relationship" and not any(_is_lazy_raise(keyword) for keyword in node.keywords):
        yield node.lineno, 'relationship() needs lazy="raise"'
    if (
        name == "flush"
        and in_app
        and "#" not in "".join(lines[max(0, node.lineno - 2) : node.lineno])
    ):
        yield node.lineno, "say in a comment why this flush is needed"


def _is_in(path: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(place) for place in places)


def _is_float(node: ast.expr) -> bool:
    operand = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(operand, ast.Constant) and isinstance(operand.value, float)


def _is_lazy_raise(keyword: ast.keyword) -> bool:
    return keyword.arg == "lazy" and ast.unparse(keyword.value) == "'raise'"


def _float_annotation(node: ast.AST) -> int:
    """Line of an annotation that mentions float, or 0."""
    name, annotation = "", None
    if isinstance(node, ast.arg):
        name, annotation = node.arg, node.annotation
    elif isinstance(node, ast.AnnAssign):
        name, annotation = ast.unparse(node.target), node.annotation
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name, annotation = node.name, node.returns
    if annotation is None or name.lower().endswith("seconds"):
        return 0
    mentions = any(
        isinstance(part, ast.Name) and part.id == "float" for part in ast.walk(annotation)
    )
    return annotation.lineno if mentions else 0


def _mock_import(node: ast.AST) -> int:
    """Line of an import of unittest.mock, or 0."""
    names = _imported(node)
    return getattr(node, "lineno", 0) if _names_any(names, ("unittest.mock",)) else 0


def _client(node: ast.AST) -> int:
    """Line of an import of what asks other machines, or of a connection, or 0."""
    if isinstance(node, ast.Attribute) and node.attr in CONNECTING:
        return node.lineno
    return getattr(node, "lineno", 0) if _names_any(_imported(node), CLIENTS) else 0


def _imported(node: ast.AST) -> list[str]:
    """What an import names, in full; nothing for any other node."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return []


def _names_any(names: list[str], modules: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for name in names for one in modules)


if __name__ == "__main__":
    sys.exit(main())
