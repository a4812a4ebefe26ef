"""Processes that run backtests, and what becomes of those that do not come to an end."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from app.backtests.processes import crew as crews
from app.backtests.processes.crew import Crew, ProcessEnded
from app.backtests.processes.messages import Answer, Case, Ran
from tests.backtest_builders import COUNT, PARAMETERS, a_ground

BAD = (sys.executable, str(Path(__file__).with_name("bad_algorithms.py")))


def bad_crew(processes: int = 1, silence_seconds: float = 60) -> Crew:
    return Crew(processes, command=BAD, silence_seconds=silence_seconds)


async def test_a_process_runs_a_case_and_says_how_far_it_is() -> None:
    heard: list[float] = []

    async def note(fraction: float) -> None:
        heard.append(fraction)

    found = await Crew(1).run(a_ground(), Case(3, PARAMETERS, is_recorded=True), note)

    assert isinstance(found, Ran)
    assert (found.number, found.figures["candles"]) == (3, COUNT)
    assert {part.strand.value for part in found.parts} >= {"trades", "fills", "equity"}
    assert heard == sorted(heard)
    assert len(heard) > 50
    assert all(0 < fraction <= 1 for fraction in heard)


async def test_what_an_algorithm_prints_goes_where_nobody_takes_it_for_an_answer() -> None:
    found = await bad_crew().run(a_ground(algorithm="prints"), Case(0, {}))

    assert isinstance(found, Ran)


@pytest.mark.parametrize(
    ("algorithm", "says"),
    [("dies", "was ended by signal 9: there was not enough memory"), ("leaves", "with status 3")],
)
async def test_a_process_that_dies_is_a_sentence(algorithm: str, says: str) -> None:
    with pytest.raises(ProcessEnded, match=says) as failure:
        await bad_crew().run(a_ground(algorithm=algorithm), Case(0, {}))

    assert failure.value.code == "process_ended"


async def test_an_algorithm_that_never_comes_back_is_ended() -> None:
    crew = bad_crew(silence_seconds=2)

    with pytest.raises(ProcessEnded, match="Nothing was heard for 2 s") as failure:
        await crew.run(a_ground(algorithm="hangs"), Case(0, {}))

    assert failure.value.code == "algorithm_stuck"


async def test_whoever_gives_up_ends_the_process_at_once() -> None:
    started = asyncio.Event()

    async def give_up() -> None:
        async with bad_crew().one(a_ground(algorithm="hangs")) as child:
            running = asyncio.create_task(child.run(Case(0, {})))
            started.set()
            await running

    task = asyncio.create_task(give_up())
    await started.wait()
    await asyncio.sleep(0.05)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    # Far from what the algorithm would take; what a busy machine takes to see a process off.
    assert time.monotonic() - began < 30


async def test_many_cases_are_answered_once_each_by_several_processes() -> None:
    answers: list[Answer] = []

    async def note(answer: Answer) -> None:
        answers.append(answer)

    cases = [Case(number, {}) for number in range(7)]
    await bad_crew(2).run_all(a_ground(algorithm="goes"), cases, note)

    assert sorted(answer.number for answer in answers) == list(range(7))


async def test_one_that_dies_ends_the_others() -> None:
    async def note(_: Answer) -> None:
        """Nobody is interested."""

    cases = [Case(number, {}) for number in range(2)]
    with pytest.raises(ProcessEnded):
        await bad_crew(2).run_all(a_ground(algorithm="dies"), cases, note)


def test_a_process_has_no_secret_of_the_server() -> None:
    assert set(crews.ENVIRONMENT) == {
        "PATH",
        "PYTHONPATH",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
    }
