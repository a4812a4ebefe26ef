import json
import re
import shlex
from pathlib import Path

import pytest

from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.sentences import sentence
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
LARGEST_PICTURE = 150 * 1024


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def bodies(text: str) -> list[str]:
    """What each curl line of a page sends."""
    lines = [line for block in blocks(text, "bash") for line in block.splitlines()]
    return re.findall(r"-d '([^']*)'", "\n".join(lines))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))

    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://", "#"))
        and not (page.parent / link.partition("#")[0]).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_every_json_example_is_json(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    examples = [*blocks(text, "json"), *bodies(text)]

    assert examples
    assert all(isinstance(json.loads(example), dict) for example in examples)


@pytest.mark.parametrize("block", blocks(QUICKSTART, "bash"))
def test_every_command_of_the_quickstart_is_well_quoted(block: str) -> None:
    assert shlex.split(block)


def test_the_quickstart_explains_an_alert_in_our_words() -> None:
    [alert] = re.findall(r"echo '(\{.*\})' \| \.venv/bin/python -m app explain", QUICKSTART)

    said = " ".join(sentence(intent) for intent in understand(alert.encode()).intents)

    assert f"{said}\nformat  native" in QUICKSTART


def test_the_settings_table_names_every_setting_once_and_no_other() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURATION, re.MULTILINE)

    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_table_of_other_systems_has_every_row() -> None:
    text = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-G]\d+) \|", text, re.MULTILINE)

    counts = {"A": 9, "B": 10, "D": 5, "E": 9, "G": 9}
    assert rows == [f"{letter}{n}" for letter, last in counts.items() for n in range(1, last + 1)]


def test_decisions_are_numbered_without_a_gap_and_have_every_chapter() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for chapter in ("Status", "Context", "Decision", "Consequences", "Alternatives"):
            assert f"## {chapter}\n" in text, page.name


def test_pictures_are_small() -> None:
    pictures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in {".svg", ".png"}]

    assert pictures
    assert all(path.stat().st_size <= LARGEST_PICTURE for path in pictures)
