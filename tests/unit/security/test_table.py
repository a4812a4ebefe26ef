"""The table that `pytest -k security` ends with."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.security_table import OTHERS, Answer, Question, answers, kept, table, with_results

ROOT = Path(__file__).parents[3]
ASKED = {6: Question("Is it believed?", "tested"), 14: Question("Is it checked?", "open: none yet")}
STORY = """
import pytest

@pytest.mark.parametrize("n", [3, 4])
def test_security_06_all_are_refused(n, record_property):
    record_property("forged tokens", n)

def test_security_08_a_token_ends():
    assert False

@pytest.fixture
def broken():
    yield
    raise RuntimeError

def test_security_40_what_cannot_be_tidied_up(broken): pass
def test_security_of_everything_else(): pass
def test_other(): assert False
"""


def a_report(name: str, *, outcome: str = "passed", when: str = "call", **tried: int) -> object:
    return pytest.TestReport(
        nodeid=f"tests/x.py::{name}",
        location=("x.py", 1, name),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]  # one of its three words
        longrepr=None,
        when=when,  # type: ignore[arg-type]  # likewise
        user_properties=list(tried.items()),
    )


def found_in(*reports: object) -> dict[int, Answer]:
    return answers(one for one in reports if isinstance(one, pytest.TestReport))


def test_cases_are_counted_by_the_number_in_their_name() -> None:
    found = found_in(
        a_report("test_security_06_a[sqlite]", tokens=600),
        a_report("test_security_06_a[postgresql]", tokens=600),
        a_report("Test::test_security_06_b", outcome="failed"),
        a_report("test_security_06_c", outcome="skipped"),
        a_report("test_security_06x_d"),
        a_report("test_security_of_everything"),
        a_report("test_other[security_07]"),
    )

    assert found.keys() == {6, OTHERS}
    assert (found[6].passed, found[6].failed, found[6].in_words) == (2, 1, "1,200 tokens")
    assert (found[OTHERS].passed, found[OTHERS].failed) == (2, 0)


def test_a_case_that_passes_and_cannot_be_tidied_up_has_failed() -> None:
    name = "test_security_06_a"
    told = (a_report(name), a_report(name, outcome="failed", when="teardown"))

    for reports in (told, told[::-1]):
        assert (found_in(*reports)[6].passed, found_in(*reports)[6].failed) == (0, 1)


def test_the_table_has_a_line_for_each_question_also_for_those_that_are_open() -> None:
    lines = table(ASKED, found_in(a_report("test_security_06_a", tokens=2)))

    assert [line.split() for line in lines[1:]] == [
        ["6", "1", "1", "0", *["Is", "it", "believed?", "(2", "tokens)"]],
        ["14", "0", "0", "0", *["Is", "it", "checked?", "open:", "none", "yet"]],
    ]


def test_results_in_the_page_are_replaced_and_read_back() -> None:
    page = "above\n<!-- results -->\nold\n<!-- end of results -->\nbelow\n"
    found = found_in(a_report("test_security_06_a", tokens=1200), a_report("test_security_x"))

    written = with_results(page, found, now=datetime(2026, 1, 31, tzinfo=UTC))

    assert kept(written) == {6: (1, 1, 0, "1,200 tokens")}
    assert "As of 2026-01-31, besides 1 cases" in written
    assert "old" not in written
    assert written.startswith("above\n")
    assert written.endswith("\nbelow\n")
    assert with_results(written, found, now=datetime(2026, 1, 31, tzinfo=UTC)) == written


@pytest.mark.parametrize("asked", ["security", "other"])
def test_it_is_printed_once_where_it_was_asked_for_also_with_several_processes(
    tmp_path: Path, asked: str
) -> None:
    (tmp_path / "test_story.py").write_text(STORY)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    processes = ["-p", "xdist.plugin", "-n", "2"] if asked == "security" else []
    ran = subprocess.run(  # noqa: S603 our own tests
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.security_table", "-k", asked),
            *("-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"), *processes),
            str(tmp_path),
        ],
        cwd=ROOT,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # most of the time goes into loading the rest
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [line.split()[:4] for line in ran.stdout.splitlines()]
    assert ran.returncode == 1, ran.stdout
    assert ran.stdout.count("cases passed failed  question") == (asked == "security")
    if asked == "security":
        assert "(7 forged tokens)" in ran.stdout
        assert ["6", "2", "2", "0"] in lines
        assert ["8", "1", "0", "1"] in lines
        assert ["40", "1", "0", "1"] in lines
        assert ["1", "1", "0", "others"] in lines
