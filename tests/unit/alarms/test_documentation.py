import re
from pathlib import Path

import pytest

from app.pipeline.alarms.meaning import Unreadable
from app.pipeline.alarms.reading import DIALECTS, understand
from app.pipeline.alarms.sentences import sentence

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(?:json|text)\n(.*?)```\n> ([^\n]*)", PAGE, re.DOTALL)
SOURCES = (Path(__file__).resolve().parents[3] / "app" / "pipeline" / "alarms").rglob("*.py")


def said(text: str) -> str:
    try:
        return " ".join(sentence(intent) for intent in understand(text.encode()).intents)
    except Unreadable as refused:
        return f"refused {refused.code}"


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize(("text", "answer"), EXAMPLES)
def test_every_example_says_what_the_page_says(text: str, answer: str) -> None:
    assert said(text) == answer.splitlines()[0]


def test_every_code_is_on_the_page() -> None:
    pattern = re.compile(r'(?:refuse\(\s*|Problem\(\s*|code=)f?"([a-z][a-z0-9_]+)"')
    used = {code for path in SOURCES for code in pattern.findall(path.read_text(encoding="utf-8"))}

    assert {code for code in used if f"`{code}`" not in PAGE} == set()


def test_every_field_of_every_dialect_has_a_unit_and_a_meaning() -> None:
    for dialect in DIALECTS:
        assert dialect.fields
        assert all(field.names and field.unit and field.meaning for field in dialect.fields)
