"""`docs/planted-bugs.md`: every planted bug, and what caught it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from scripts.planted_bugs.bug import Bug, Chapter
from scripts.planted_bugs.trying import ROOT, Outcome

PATH: Final = ROOT / "docs" / "planted-bugs.md"
INTRODUCTION: Final = """\
# Planted bugs

Tests that never fail prove nothing. `make bugs` plants {count} bugs of the kind that has cost
traders money, one at a time, each in a copy of the code, and runs the tests that should see it.
One that survives is a hole in the tests, and ends the run with status 1. This page is written by
the run itself (`python -m scripts.planted_bugs --write`); the patches are in
`scripts/planted_bugs/`, and a test sees that each still applies to the code as it is.
"""


def page(chapters: Iterable[Chapter], outcomes: Mapping[str, Outcome]) -> str:
    """The whole page.

    Args:
        chapters: every bug there is.
        outcomes: what became of each, by its name.
    """
    chapters = tuple(chapters)
    count = sum(len(chapter.bugs) for chapter in chapters)
    parts = [INTRODUCTION.format(count=count)]
    for chapter in chapters:
        rows = [_row(bug, outcomes[bug.name]) for bug in chapter.bugs]
        table = [
            "| bug | what it does, and where such a bug costs money | caught by |",
            "|---|---|---|",
        ]
        parts.append("\n".join([f"## {chapter.title}\n", *table, *rows]) + "\n")
    return "\n".join(parts)


def names_on(text: str) -> list[str]:
    """The bugs that a page lists, in order."""
    return [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]


def _row(bug: Bug, outcome: Outcome) -> str:
    path, _, test = outcome.by.partition("::")
    caught = f"`{test}` in {Path(path).relative_to('tests').with_suffix('')}"
    return f"| `{bug.name}` | {bug.wrong} {bug.cost} | {caught} |"
