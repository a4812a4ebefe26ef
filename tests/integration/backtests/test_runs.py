"""One backtest: fetched for, run, and kept as the engine left it."""

import pytest
from sqlalchemy import delete, func, select

from app.algorithms.registry import definition
from app.backtests.engine.run import run
from app.backtests.processes.packing import Line, Strand
from app.backtests.processes.recording import figures_of, fill_line, trade_line
from app.backtests.runs import repository, service
from app.backtests.runs.models import Backtest, BacktestPart
from app.backtests.runs.preparing import read_bars
from app.core.errors import Conflict
from app.jobs.status import JobStatus
from app.market.candles.models import CandleRow
from tests.backtest_builders import (
    ALGORITHM,
    COUNT,
    MINUTE,
    PARAMETERS,
    UNTIL,
    a_ground,
    a_market,
    a_plan,
)
from tests.builders import LINEAR
from tests.integration.backtests.yard import OwnHands, Yard
from tests.market_builders import SERIES, START


async def lines(yard: Yard, backtest: Backtest, strand: Strand) -> list[Line]:
    found = repository.lines(yard.database, backtest.id, strand)
    return [line async for some in found for line in some]


async def test_what_is_kept_is_what_the_engine_says(yard: Yard) -> None:
    backtest_id = await yard.asked()
    yard.open()

    job = await yard.comes_to(backtest_id, JobStatus.DONE)

    ground = a_ground()
    outcome = run(
        definition(ALGORITHM),
        PARAMETERS,
        ground.bars,
        instrument=ground.instrument,
        terms=ground.terms,
        means=ground.means,
    )
    row = await yard.row(backtest_id)
    assert row.result is not None
    assert row.result["figures"] == figures_of(outcome)
    assert (row.result["missing"], row.result["fetched"]) == ({}, 0)
    assert await lines(yard, row, Strand.TRADES) == [trade_line(one) for one in outcome.trades]
    assert await lines(yard, row, Strand.FILLS) == [fill_line(one) for one in outcome.fills]
    assert len(await lines(yard, row, Strand.EQUITY)) == len(outcome.equity) == COUNT
    assert (job.done, job.total, job.unit) == (2 * COUNT, 2 * COUNT, "candles")


async def test_candles_are_read_as_they_were_kept(yard: Yard) -> None:
    bars = await read_bars(yard.database, SERIES, START, UNTIL)

    assert list(bars) == list(a_ground().bars)


async def test_what_is_missing_is_fetched_first_and_what_nobody_has_is_told(yard: Yard) -> None:
    async with yard.database.transaction() as session:
        await session.execute(delete(CandleRow).where(CandleRow.open_time >= UNTIL - 30 * MINUTE))
    hole = a_market()[-20]
    yard.venue.set_candles(LINEAR, *[one for one in a_market() if one is not hole])

    backtest_id = await yard.asked()
    yard.open()
    await yard.comes_to(backtest_id, JobStatus.DONE)

    row = await yard.row(backtest_id)
    assert row.result is not None
    assert (row.result["fetched"], row.result["missing"]) == (29, {"1m": 1})
    assert row.result["figures"]["candles"] == COUNT - 1


async def test_a_market_that_is_too_young_says_so(yard: Yard) -> None:
    longer = await yard.asked(parameters={**PARAMETERS, "slow": 200})
    yard.open()

    job = await yard.comes_to(longer, JobStatus.FAILED)

    assert str(job.reason).startswith("too_few_candles: ")
    assert (await yard.row(longer)).result is None


async def test_a_restart_runs_it_again_and_keeps_it_once(yard: Yard) -> None:
    assert isinstance(yard.crew, OwnHands)
    yard.crew.stops_after = 0
    backtest_id = await yard.asked()
    yard.open()
    await yard.comes_to(backtest_id, JobStatus.RUNNING)
    await yard.close()

    yard.crew.stops_after = None
    yard.open()
    await yard.comes_to(backtest_id, JobStatus.DONE)
    row = await yard.row(backtest_id)
    kept = await lines(yard, row, Strand.TRADES)
    await repository.put_parts(yard.database, row.id, ())

    assert kept
    async with yard.database.read() as session:
        left = await session.scalar(select(func.count()).select_from(BacktestPart))
    assert left == 0


async def test_one_that_is_called_off_leaves_nothing(yard: Yard) -> None:
    assert isinstance(yard.crew, OwnHands)
    yard.crew.stops_after = 0
    backtest_id = await yard.asked()
    yard.open()
    await yard.comes_to(backtest_id, JobStatus.RUNNING)

    await yard.cancel(backtest_id)
    await yard.comes_to(backtest_id, JobStatus.CANCELED)

    assert (await yard.row(backtest_id)).result is None
    assert yard.crew.ran == []


async def test_an_algorithm_that_has_changed_since_is_not_run(yard: Yard) -> None:
    backtest_id = await yard.asked()
    async with yard.database.transaction() as session:
        (await session.get_one(Backtest, backtest_id)).version = 0
    yard.open()

    job = await yard.comes_to(backtest_id, JobStatus.FAILED)

    assert str(job.reason).startswith("algorithm_changed: macd is version 1 by now")


async def test_one_that_waits_or_runs_is_not_deleted(yard: Yard) -> None:
    backtest_id = await yard.asked(a_plan())

    async with yard.database.transaction() as session:
        row = await session.get_one(Backtest, backtest_id)
        with pytest.raises(Conflict, match="cancel job"):
            await service.remove(session, row, caller=yard.caller, now=yard.clock.now())
