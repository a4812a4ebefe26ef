"""Every row of the fault matrix about alerts and orders has a test that carries its number."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = (*range(11, 17), 23, *range(32, 71))
NAMED = re.compile(r"test_row_(\d+)_")


def test_every_row_has_a_test_named_after_it() -> None:
    found = {int(named.group(1)) for name in _test_names() if (named := NAMED.match(name))}

    missing = [row for row in ROWS if row not in found]
    assert not missing, f"rows without a test: {', '.join(map(str, missing))}"


def test_the_number_of_a_row_can_be_read() -> None:
    odd = [name for name in _test_names() if name.startswith("test_row_") and not NAMED.match(name)]

    assert odd == []


def _test_names() -> Iterator[str]:
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name
