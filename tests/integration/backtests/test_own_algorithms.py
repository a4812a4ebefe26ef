"""Backtests of the operator's own files, and of files that go wrong in them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from loguru import logger

from app.backtests.processes.child import answer
from app.backtests.processes.crew import Crew
from app.backtests.processes.messages import Case, Ran
from app.backtests.runs.plan import Plan, digest_of
from app.jobs.models import Job
from app.jobs.status import JobStatus
from app.own_algorithms.loading import loaded
from app.own_algorithms.shelf import Shelf
from tests.backtest_builders import COUNT, a_ground, a_plan
from tests.integration.backtests.yard import Yard
from tests.integration.own_algorithms.files import PATIENT, keep, with_ways

ABOVE = """
    from app.algorithms.writing import LONG, Field, Parameters, Sma, following

    class Above(Parameters):
        period: int = Field(default=20, ge=2)

    @following("Long above.", Above, warm_up=lambda chosen: chosen.period + 1)
    class AboveItsAverage:
        def __init__(self, chosen):
            self.average = Sma(chosen.period)

        def side(self, bar):
            self.lines = {"sma": self.average.update(bar.close)}
            return LONG if bar.close > (self.lines["sma"] or bar.close) else None
"""
WAYS = {
    "idle": "return []",
    "divides": "1 / 0",
    "leaves": "raise SystemExit(3)",
    "loops": "while True: pass",
    "floats": ("return [Intent(Move.ENTER, LONG, 'up', bar.closed_at, limit_price=bar.close)]"),
}


def plan_of_file(path: Path) -> Plan:
    found = loaded(path)
    circumstances = replace(a_plan().circumstances, algorithm_digest=digest_of(found))
    return a_plan(definition=found, circumstances=circumstances)


@pytest.fixture
def own(yard: Yard, tmp_path: Path) -> Yard:
    """A trader whose server looks into a folder, with processes as a server has them."""
    yard.programs = partial(Shelf(tmp_path, PATIENT).opened, patience=PATIENT)
    yard.crew = Crew(1)
    return yard


async def comes_to_nothing(own: Yard, path: Path, parameters: Mapping[str, Any]) -> str:
    asked = await own.asked(plan_of_file(path), parameters=parameters)
    return await fails(own, asked)


async def fails(own: Yard, backtest_id: UUID) -> str:
    own.open()
    job: Job = await own.comes_to(backtest_id, JobStatus.FAILED)
    assert (await own.row(backtest_id)).result is None
    return str(job.reason)


async def test_a_file_of_ones_own_is_run_like_any_other(own: Yard, tmp_path: Path) -> None:
    path = keep(tmp_path, "above", ABOVE)
    asked = await own.asked(plan_of_file(path), parameters={"period": 5})
    own.open()

    await own.comes_to(asked, JobStatus.DONE)

    alone = answer(loaded(path), a_ground(), Case(0, {"period": 5}), lambda _: None)
    row = await own.row(asked)
    assert isinstance(alone, Ran)
    assert row.result is not None
    assert row.result["figures"] == alone.figures
    assert alone.figures["trades"] > 0
    assert alone.figures["candles"] == COUNT


async def test_a_file_that_has_changed_since_is_not_run(own: Yard, tmp_path: Path) -> None:
    path = keep(tmp_path, "above", ABOVE)
    asked = await own.asked(plan_of_file(path), parameters={})
    keep(tmp_path, "above", f"{ABOVE}\n")

    assert (await fails(own, asked)).startswith("algorithm_changed: The file of above")


async def test_a_file_that_is_gone_is_no_algorithm(own: Yard, tmp_path: Path) -> None:
    path = keep(tmp_path, "above", ABOVE)
    asked = await own.asked(plan_of_file(path), parameters={})
    path.unlink()

    assert (await fails(own, asked)).startswith("unknown_algorithm: ")


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        ("divides", "ZeroDivisionError: division by zero"),
        ("leaves", "SystemExit: 3"),
        ("floats", "ValueError: limit_price is a Decimal above 0"),
    ],
)
async def test_one_that_goes_wrong_is_a_sentence_and_its_line_is_in_the_log(
    own: Yard, tmp_path: Path, way: str, cause: str
) -> None:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message.record["extra"])), level="WARNING")
    path = with_ways(tmp_path, "wrong", WAYS)

    reason = await comes_to_nothing(own, path, {"way": way})

    logger.remove(sink)
    assert reason == "algorithm_failed: The algorithm wrong raised an error."
    assert any(cause in one for one in said)


async def test_one_that_never_comes_back_is_ended_and_the_next_is_run(
    own: Yard, tmp_path: Path
) -> None:
    own.crew = Crew(1, silence_seconds=5)
    path = with_ways(tmp_path, "stuck", WAYS)
    stuck = await comes_to_nothing(own, path, {"way": "loops"})
    await own.close()

    own.crew = Crew(1)
    asked = await own.asked(plan_of_file(path), parameters={"way": "idle"})
    own.open()
    await own.comes_to(asked, JobStatus.DONE)

    assert stuck.startswith("algorithm_stuck: Nothing was heard for 5 s")


async def test_in_a_sweep_the_others_are_run(own: Yard, tmp_path: Path) -> None:
    path = with_ways(tmp_path, "some", WAYS)
    plan, grid = plan_of_file(path), {"way": ["idle", "divides", "nothing", "idle"]}
    asked = await own.asked(plan, parameters={}, grid=grid)
    own.open()
    await own.comes_to(asked, JobStatus.DONE)

    runs = {one.number: one for one in await own.runs(asked)}

    assert [runs[number].figures is not None for number in range(4)] == [True, False, False, True]
    refusals = [runs[number].refusal or "" for number in (1, 2)]
    assert [one.partition(":")[0] for one in refusals] == ["algorithm_failed"] * 2
