"""`pytest -k security` ends with a table: what an auditor asks, and how the tests answer.

The questions are those of docs/security.md, and a test is about the one whose number is in its
name: `test_security_07_…`. A test that tries many things in one go says how many:
`record_property("forged tokens", 612)`. Where all of them ran and none failed, `--keep-table` puts
the figures into the page as well.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = Path(__file__).parents[1] / "docs" / "security.md"
OTHERS: Final = 0
_QUESTION: Final = re.compile(r"^\| (\d+) \| ([^|]+) \| (tested|open[^|]*) \|$", re.MULTILINE)
_KEPT: Final = re.compile(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ([^|]*) \|$", re.MULTILINE)
_NAME: Final = re.compile(r"(?:^|::)test_security_(?:(\d\d)_)?[^:]*$")
_BLOCK: Final = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """One of the forty; `verdict` is `tested`, or `open` with the reason."""

    text: str
    verdict: str


@dataclass(slots=True)
class Answer:
    """What the tests of one question came to.

    Attributes:
        outcomes: by case; True when it passed.
        tried: what was tried inside them, by its name.
    """

    outcomes: dict[str, bool] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> int:
        """Cases that did; those that were skipped are no cases."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> int:
        """Cases that did not, those that could not even begin included."""
        return len(self.outcomes) - self.passed

    @property
    def in_words(self) -> str:
        """What was tried: `612 forged tokens`."""
        return ", ".join(f"{count:,} {name}" for name, count in sorted(self.tried.items()))


def questions(page: str) -> dict[int, Question]:
    """The forty questions, by their number."""
    return {
        int(number): Question(text, verdict) for number, text, verdict in _QUESTION.findall(page)
    }


def kept(page: str) -> dict[int, tuple[int, int, int, str]]:
    """The results in the page by number: cases, passed, failed, and what was tried."""
    return {
        int(number): (int(cases), int(passed), int(failed), tried.strip())
        for number, cases, passed, failed, tried in _KEPT.findall(page)
    }


def answers(reports: Iterable[pytest.TestReport]) -> dict[int, Answer]:
    """Results by number; `OTHERS` are about security, and about none of the forty."""
    found: defaultdict[int, Answer] = defaultdict(Answer)
    for report in reports:
        named = _NAME.search(report.nodeid.partition("[")[0])
        if named is None or report.skipped:
            continue
        answer = found[int(named[1] or OTHERS)]
        # A case that passes and cannot be tidied up after is reported twice, and has failed.
        is_fine = answer.outcomes.get(report.nodeid, True)
        answer.outcomes[report.nodeid] = is_fine and report.passed
        if report.when == "call":
            told = {name: n for name, n in report.user_properties if isinstance(n, int)}
            answer.tried.update(told)
    return dict(found)


def table(asked: Mapping[int, Question], found: Mapping[int, Answer]) -> list[str]:
    """For the terminal: each of the forty, also those that no test was run for."""
    lines = [f"{'':>3} {'cases':>5} {'passed':>6} {'failed':>6}  question"]
    for number, question in sorted(asked.items()):
        answer = found.get(number, Answer())
        said = (
            question.text if question.verdict == "tested" else f"{question.text} {question.verdict}"
        )
        lines.append(_line(str(number), answer, said))
    if OTHERS in found:
        lines.append(_line("", found[OTHERS], "others"))
    return lines


def _line(number: str, answer: Answer, said: str) -> str:
    tried = f" ({answer.in_words})" if answer.tried else ""
    counts = f"{len(answer.outcomes):>5} {answer.passed:>6} {answer.failed:>6}"
    return f"{number:>3} {counts}  {said.strip()}{tried}"


def with_results(page: str, found: Mapping[int, Answer], *, now: datetime) -> str:
    """The page with these results in place of the last ones."""
    rows = [
        f"| {number} | {len(one.outcomes)} | {one.passed} | {one.failed} | {one.in_words} |"
        for number, one in sorted(found.items())
        if number != OTHERS
    ]
    others = found.get(OTHERS, Answer())
    block = [
        f"As of {now:%Y-%m-%d}, besides {len(others.outcomes)} cases about none of the forty:",
        "",
        "| | cases | passed | failed | tried in them |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return _BLOCK.sub(lambda _: "\n".join(block) + "\n", page)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-table", action="store_true", help="-k security: keep its table in docs/security.md"
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table where tests about security were asked for; under xdist once, at the end."""
    asked = config.getoption("keyword")
    found = answers(_reports(terminalreporter.stats)) if "security" in asked else {}
    if not found:
        return
    page = PAGE.read_text(encoding="utf-8")
    terminalreporter.section("security")
    for line in table(questions(page), found):
        terminalreporter.line(line)
    is_whole = asked == "security" and not any(one.failed for one in found.values())
    if config.getoption("--keep-table") and is_whole:
        now = datetime.now(UTC)  # noqa: TID251 the day that the page shows
        PAGE.write_text(with_results(page, found, now=now), encoding="utf-8")


def _reports(stats: Mapping[str, Sequence[object]]) -> Iterable[pytest.TestReport]:
    for outcome in ("passed", "failed", "error"):
        yield from (one for one in stats.get(outcome, ()) if isinstance(one, pytest.TestReport))
