"""docs/algorithms.md: its tables name every parameter with its default, and its example runs."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.algorithms.charting import chart
from app.algorithms.intents import Move
from app.algorithms.registry import SHIPPED, definition
from tests.unit.algorithms.builders import an_account, bars_of
from tests.unit.algorithms.markets import a_walk

PAGE = Path(__file__).resolve().parents[3] / "docs" / "algorithms.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_table_has_every_parameter_with_its_default(name: str) -> None:
    chapter = TEXT.partition(f"### `{name}`\n")[2].partition("\n## ")[0].partition("\n### ")[0]

    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", chapter, re.MULTILINE)

    fields = definition(name).validated({}).model_dump()
    assert [row[0] for row in rows] == list(fields)
    assert [None if row[1] == "none" else Decimal(row[1]) for row in rows] == [
        None if value is None else Decimal(str(value)) for value in fields.values()
    ]


def test_the_example_enters_and_leaves() -> None:
    [_, source] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    scope: dict[str, Any] = {"__name__": "example"}
    exec(source, scope)  # noqa: S102 our own page

    shown = chart(scope["ABOVE"], {}, bars_of(a_walk(1, 200, pull=0.05)), account=an_account())

    assert {mark.intent.move for mark in shown.marks} == set(Move)
