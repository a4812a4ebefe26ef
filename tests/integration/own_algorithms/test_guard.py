"""An algorithm in a process of its own: the same answers, and an end to what never ends."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from app.algorithms.algorithm import Definition
from app.algorithms.charting import chart
from app.core.errors import Invalid
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.guard import Guarded, Patience
from app.own_algorithms.loading import loaded
from tests.integration.own_algorithms.files import PATIENT, QUICK, keep, with_ways
from tests.unit.algorithms.builders import an_account, bars_of
from tests.unit.algorithms.markets import a_walk

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = ROOT / "docs" / "algorithms.md"
BARS: Final = bars_of(a_walk(1, 300, pull=0.05))
FOR_EVER: Final = "while True: pass"
# The same as an expression, behind something else.
ON_AND_ON: Final = "any(False for _ in iter(int, 1))"
# A server that waits for the file to come to its end.
SERVER: Final = """
import sys
from pathlib import Path
from app.own_algorithms.guard import Guarded, Patience
Guarded(Path(sys.argv[1]), Patience(load_seconds=600.0, start_seconds=120.0)).start()
"""
# Each way to be wrong, and what its author is told.
WRONG: Final = {
    "divides": ("1 / 0", "line 3: ZeroDivisionError: division by zero"),
    "leaves": ("import sys; sys.exit()", "line 5: SystemExit"),
    "shouts": ("return ['buy']", "TypeError: on_close answers with intents, not with str"),
    "floats": (
        "return [Intent(Move.ENTER, LONG, 'up', bar.closed_at, limit_price=bar.close)]",
        "ValueError: limit_price is a Decimal above 0",
    ),
    "looks_back": (
        "return [Intent(Move.ENTER, LONG, 'up', bar.opened_at)]",
        "ValueError: an intent is decided at the close of its candle",
    ),
    "gives_no_reason": (
        "return [Intent(Move.ENTER, LONG, '', bar.closed_at)]",
        "ValueError: a reason is a sentence of 300 characters at most",
    ),
    "counts_lines": ("self.lines = {1: 2.0}; return []", "ValueError: lines are 20 at most"),
    "draws_words": ("self.lines = {'sma': 'up'}; return []", "ValueError: could not convert"),
    "looks_out": (
        "self.outlook = 'long'; return []",
        "TypeError: the outlook is a PositionSide or None",
    ),
    "is_curious": ("import os; raise KeyError(os.environ.get('SECRET_KEY'))", "KeyError: None"),
}


def ten_lines() -> str:
    """The first example of the page."""
    source: str = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    return source


@asynccontextmanager
async def opened(path: Path, patience: Patience = PATIENT) -> AsyncIterator[Definition[Any]]:
    guarded = Guarded(path, patience)
    try:
        yield guarded.definition(await asyncio.to_thread(guarded.start))
    finally:
        await asyncio.to_thread(guarded.end)


async def run(definition: Definition[Any], **settings: Any) -> Any:
    return await asyncio.to_thread(chart, definition, settings, BARS, account=an_account())


def telling(marker: Path) -> str:
    """A line that writes down the number of the process."""
    return f"import os, pathlib; pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))"


def told(marker: Path) -> int:
    """The number that is written there, as soon as it is."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if marker.exists() and (text := marker.read_text()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("no process has begun")


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what nobody has buried yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


async def test_the_example_of_the_page_has_ten_lines_and_does_the_same_in_its_process(
    tmp_path: Path,
) -> None:
    path = keep(tmp_path, "above", ten_lines())
    here = chart(loaded(path), {"period": 15}, BARS, account=an_account())

    async with opened(path) as definition:
        shown = await run(definition, period=15)
        with pytest.raises(Invalid, match="above: speed: Extra inputs") as refused:
            definition.validated({"speed": 3})
        warm_up = definition.warm_up(definition.validated({"period": 30}))

    assert len([line for line in ten_lines().splitlines() if line]) == 10
    assert shown.marks == here.marks
    assert len(shown.marks) > 10
    assert shown.lines["sma"].tolist()[20:] == here.lines["sma"].tolist()[20:]
    assert shown.should_enter_long == here.should_enter_long
    assert refused.value.code == "bad_parameters"
    assert warm_up == 31


async def test_what_an_algorithm_gets_wrong_is_told_with_its_line_and_the_next_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "k" * 32)
    ways = {way: line for way, (line, _) in WRONG.items()}
    causes: dict[str, str] = {}

    async with opened(with_ways(tmp_path, "wrong", {**ways, "waits": "return []"})) as definition:
        for way in WRONG:
            with pytest.raises(AlgorithmFault) as caught:
                await run(definition, way=way)
            causes[way] = caught.value.cause
            assert caught.value.detail == "The algorithm wrong raised an error."
        calm = await run(definition, way="waits")

    assert {way: cause for way, cause in causes.items() if WRONG[way][1] not in cause} == {}
    assert calm.marks == ()


@pytest.mark.parametrize(
    "line",
    [
        FOR_EVER,
        # In C, where no thread could be interrupted.
        "import re; re.match('(a+)+b', 'a' * 60)",
    ],
)
async def test_one_that_never_ends_is_ended_and_the_rest_goes_on(tmp_path: Path, line: str) -> None:
    path = with_ways(tmp_path, "stuck", {"never_ends": line})

    async with opened(path, QUICK) as definition:
        working = asyncio.create_task(run(definition))
        # The event loop is free meanwhile.
        turns = 0
        while not working.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(AlgorithmFault, match="stuck gave no answer in time") as caught:
            await working
        with pytest.raises(AlgorithmFault, match="stuck gave no answer in time"):
            await run(definition)

    assert caught.value.code == "algorithm_stuck"
    assert turns > 2


async def test_all_of_its_answers_together_have_a_limit(tmp_path: Path) -> None:
    path = with_ways(tmp_path, "slow", {"dawdles": "import time; time.sleep(0.2); return []"})

    async with opened(path, Patience(60.0, 60.0, 1.0, 120.0)) as definition:
        with pytest.raises(AlgorithmFault, match="slow gave no answer in time"):
            await run(definition)


async def test_one_that_ends_its_process_is_told_as_that(tmp_path: Path) -> None:
    path = with_ways(tmp_path, "gone", {"quits": "import os; os._exit(3)"})

    async with opened(path) as definition:
        with pytest.raises(AlgorithmFault, match="gone ended its own process"):
            await run(definition)


async def test_whoever_waits_for_it_is_let_go_when_it_is_ended(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    path = with_ways(tmp_path, "stuck", {"never_ends": f"{telling(marker)}; {ON_AND_ON}"})
    guarded = Guarded(path, PATIENT)
    definition = guarded.definition(await asyncio.to_thread(guarded.start))
    working = asyncio.create_task(run(definition))
    pid = await asyncio.to_thread(told, marker)
    assert is_running(pid)

    await asyncio.to_thread(guarded.end)

    with pytest.raises(AlgorithmFault):
        await working
    assert not is_running(pid)


def test_it_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    path = keep(tmp_path, "stuck", f"{telling(marker)}; {ON_AND_ON}\n")
    command = [sys.executable, "-c", SERVER, str(path)]
    server = subprocess.Popen(command, cwd=ROOT)  # noqa: S603 our own
    pid = told(marker)

    server.kill()
    server.wait()

    until = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(pid)
