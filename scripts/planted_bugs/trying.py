"""Plant one bug in a copy of the tree, run the tests that should catch it, and say what came."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from scripts.planted_bugs.bug import Bug

ROOT: Final = Path(__file__).resolve().parents[2]
# One of the databases is enough to see a bug, and needs no server.
SELECTION: Final = ("--every-database", "-k", "not postgresql")
PATIENCE_SECONDS: Final = 180.0
TESTS_FAILED: Final = 1
SHOWN_LINES: Final = 25
# Parameters may hold anything, blanks too.
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) ([^\s\[]+)(.*)$", re.MULTILINE)
# A patch that is no Python any more is noticed by every test, and proves nothing about them.
_NO_BUG: Final = re.compile(r"\b(?:NameError|ImportError|ModuleNotFoundError|UnboundLocalError)\b")


class Verdict(StrEnum):
    """What became of a planted bug; only `CAUGHT` is good."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    BROKEN = "no verdict"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One bug, tried.

    Attributes:
        by: node id of the first test that failed, without parameters; empty when none did.
        said: the end of what pytest printed, where there is no verdict.
    """

    bug: Bug
    verdict: Verdict
    seconds: float
    by: str = ""
    said: str = ""


def copy_of_tree(folder: Path) -> Path:
    """A copy of what git keeps, or would keep, as it is at this moment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run_clean(tree: Path, bugs: Iterable[Bug], *, jobs: int) -> str:
    """Run every test that is named, without any bug; what went wrong, or nothing.

    It also leaves the compiled files that the copies share.
    """
    tests = sorted({test for bug in bugs for test in bug.tests})
    side_by_side = ("-n", str(jobs)) if jobs > 1 else ()
    ran = _pytest(tree, [*side_by_side, *tests], patience_seconds=PATIENCE_SECONDS * 5)
    return "" if ran.returncode == 0 else _end_of(ran.stdout)


def try_out(bug: Bug, *, tree: Path, folder: Path) -> Outcome:
    """Plant a bug in a copy of the tree and run its tests.

    Args:
        bug: which.
        tree: the copy without bugs, from `copy_of_tree`.
        folder: where the copy with this bug goes; it is removed afterwards.

    Raises:
        NotThere: the bug does not apply.
    """
    began = time.monotonic()
    planted = bug.planted_in((tree / bug.file).read_text())
    shutil.copytree(tree, folder, copy_function=os.link)
    # The link goes, not the file that it shares with the other copies.
    (folder / bug.file).unlink()
    (folder / bug.file).write_text(planted)
    try:
        ran = _pytest(folder, ["-x", *bug.tests], patience_seconds=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        said = f"its tests were not done after {PATIENCE_SECONDS:g} s"
        return Outcome(bug, Verdict.BROKEN, time.monotonic() - began, said=said)
    finally:
        shutil.rmtree(folder)
    return judged(bug, ran, time.monotonic() - began)


def judged(bug: Bug, ran: subprocess.CompletedProcess[str], seconds: float) -> Outcome:
    """What a run of the tests says about the bug that was planted before it."""
    if ran.returncode == 0:
        return Outcome(bug, Verdict.SURVIVED, seconds)
    failed = _FAILED.search(ran.stdout)
    is_no_bug = failed is None or _NO_BUG.search(failed[2])
    if ran.returncode != TESTS_FAILED or failed is None or is_no_bug:
        return Outcome(bug, Verdict.BROKEN, seconds, said=_end_of(ran.stdout))
    return Outcome(bug, Verdict.CAUGHT, seconds, by=failed[1])


def _pytest(
    folder: Path, arguments: Sequence[str], *, patience_seconds: float
) -> subprocess.CompletedProcess[str]:
    own = ["-q", "--no-header", "-p", "no:cacheprovider", "--basetemp", str(folder / ".basetemp")]
    return subprocess.run(  # noqa: S603 our own tests
        [sys.executable, "-m", "pytest", *own, *SELECTION, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience_seconds,
        check=False,
    )


def _end_of(text: str) -> str:
    return "\n".join(text.splitlines()[-SHOWN_LINES:])
