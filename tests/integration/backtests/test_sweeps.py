"""Sweeps: every combination once, whatever happens to whoever runs them."""

from typing import Any

from app.backtests.processes.crew import Crew
from app.backtests.runs.models import SweepRow
from app.backtests.sweeps.schemas import Figure, best_first
from app.core.ids import new_id
from app.jobs.status import JobStatus
from tests.integration.backtests.yard import OwnHands, Yard

GRID: dict[str, Any] = {"fast": [2, 3, 7], "slow": {"from": "5", "to": "6", "step": "1"}}
RUNS = 6
FIXED = {"signal": 3}


def told(rows: Any) -> list[tuple[int, Any, Any, Any]]:
    return [(one.number, one.parameters, one.figures, one.refusal) for one in rows]


async def test_a_sweep_tries_every_combination_and_says_which_are_refused(yard: Yard) -> None:
    sweep_id = await yard.asked(grid=GRID, parameters=FIXED)
    yard.open()

    job = await yard.comes_to(sweep_id, JobStatus.DONE)

    rows = await yard.runs(sweep_id)
    assert [one.number for one in rows] == list(range(RUNS))
    assert rows[0].parameters == {"signal": 3, "fast": 2, "slow": 5}
    refused = [one.parameters["fast"] for one in rows if one.refusal is not None]
    assert refused == [7, 7]
    assert all(str(one.refusal).startswith("bad_parameters: ") for one in rows[4:])
    assert (job.done, job.total, job.unit) == (RUNS, RUNS, "runs")
    assert job.result == {"backtest_id": str(sweep_id), "runs": RUNS, "missing": {}}


async def test_a_run_of_it_is_that_of_a_single_backtest(yard: Yard) -> None:
    sweep_id = await yard.asked(grid=GRID, parameters=FIXED)
    alone = await yard.asked(parameters={**FIXED, "fast": 3, "slow": 5})
    yard.open()
    await yard.comes_to(sweep_id, JobStatus.DONE)
    await yard.comes_to(alone, JobStatus.DONE)

    [same] = [
        one
        for one in await yard.runs(sweep_id)
        if one.parameters == {"signal": 3, "fast": 3, "slow": 5}
    ]
    result = (await yard.row(alone)).result
    assert result is not None
    assert same.figures == result["figures"]


async def test_a_sweep_that_was_cut_off_goes_on_and_ends_like_one_that_was_not(yard: Yard) -> None:
    assert isinstance(yard.crew, OwnHands)
    undisturbed = await yard.asked(grid=GRID, parameters=FIXED)
    yard.open()
    await yard.comes_to(undisturbed, JobStatus.DONE)
    yard.crew.ran.clear()
    yard.crew.stops_after = 3
    cut = await yard.asked(grid=GRID, parameters=FIXED)
    await yard.has_run(cut, 3)
    await yard.close()

    yard.crew.stops_after = None
    yard.open()
    await yard.comes_to(cut, JobStatus.DONE)

    assert told(await yard.runs(cut)) == told(await yard.runs(undisturbed))
    assert yard.crew.ran == list(range(RUNS))


async def test_real_processes_that_are_killed_are_gone_on_with(yard: Yard) -> None:
    grid = {"fast": [2, 3, 4], "slow": {"from": "5", "to": "12", "step": "1"}}
    yard.crew = Crew(2)
    cut = await yard.asked(grid=grid, parameters=FIXED)
    yard.open()
    await yard.has_run(cut, 1)
    await yard.close()
    between = len(await yard.runs(cut))

    yard.crew = OwnHands()
    yard.open()
    await yard.comes_to(cut, JobStatus.DONE)
    undisturbed = await yard.asked(grid=grid, parameters=FIXED)
    await yard.comes_to(undisturbed, JobStatus.DONE)

    assert between < 24
    assert told(await yard.runs(cut)) == told(await yard.runs(undisturbed))


def test_the_best_come_first_and_what_has_no_figure_last() -> None:
    def row(number: int, **figures: Any) -> SweepRow:
        return SweepRow(backtest_id=new_id(), number=number, parameters={}, figures=figures)

    rows = [
        row(0, net_profit="-10", max_drawdown_percent="5", sharpe=None, trades=3),
        row(1, net_profit="9", max_drawdown_percent="30", sharpe="1.5", trades=20),
        row(2, net_profit="100", max_drawdown_percent="7", sharpe="1.5", trades=100),
        SweepRow(backtest_id=new_id(), number=3, parameters={}, figures=None, refusal="no: no"),
    ]

    def order(figure: Figure) -> list[int]:
        return [one.number for one in best_first(rows, figure)]

    assert order(Figure.NET_PROFIT) == [2, 1, 0, 3]
    assert order(Figure.MAX_DRAWDOWN_PERCENT) == [0, 2, 1, 3]
    assert order(Figure.SHARPE) == [1, 2, 0, 3]
    assert order(Figure.TRADES) == [2, 1, 0, 3]
