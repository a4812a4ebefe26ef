"""A trader who asks for backtests, a market that is stored, and workers that run them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.accounts.models import User
from app.algorithms.registry import definition
from app.backtests.processes.child import answer
from app.backtests.processes.crew import Crew, Heard, unheard
from app.backtests.processes.messages import Answer, Case, Ground
from app.backtests.runs import service
from app.backtests.runs.job import RunBacktest
from app.backtests.runs.models import Backtest, SweepRow
from app.backtests.runs.plan import Plan
from app.backtests.runs.preparing import Preparer
from app.backtests.sweeps import repository as sweeps
from app.backtests.sweeps.job import RunSweep
from app.db.session import Database
from app.exchanges.venue import MarketData
from app.http.caller import Caller, Role
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.run import Program
from app.jobs.runner import JobRunner
from app.jobs.status import UNFINISHED, JobStatus
from app.market.candles import repository as candles
from app.market.fetching.fetcher import CandleFetcher
from app.own_algorithms.programs import Programs, shipped
from app.trading.words import MarketType
from tests.backtest_builders import PARAMETERS, a_market, a_plan
from tests.builders import LINEAR
from tests.fakes.clock import FakeClock
from tests.fakes.market import FakeMarketData, an_instrument
from tests.market_builders import SERIES

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 60


class OwnHands(Crew):
    """Runs cases in this process, one after the other: the same engine, without the start-up.

    Attributes:
        ran: numbers of the cases that were run.
        stops_after: so many are run, and then it waits for the gate.
    """

    def __init__(self) -> None:
        super().__init__(1)
        self.ran: list[int] = []
        self.stops_after: int | None = None
        self.gate = asyncio.Event()

    async def run(self, ground: Ground, case: Case, heard: Heard = unheard) -> Answer:
        if self.stops_after is not None and len(self.ran) >= self.stops_after:
            await self.gate.wait()
        self.ran.append(case.number)
        await heard(0.5)
        return answer(definition(ground.algorithm), ground, case, lambda _: None)

    async def run_all(
        self, ground: Ground, cases: Sequence[Case], answered: Callable[[Answer], Awaitable[None]]
    ) -> None:
        for case in cases:
            await answered(await self.run(ground, case))


@dataclass
class Yard:
    """One trader, one market, and as many workers as are opened."""

    database: Database
    clock: FakeClock
    trader: User
    venue: FakeMarketData
    crew: Crew = field(default_factory=OwnHands)
    programs: Programs = shipped
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        return Caller(self.trader.id, self.trader.username, Role.TRADER, "UTC")

    async def stock(self, *, but: int = 0) -> None:
        """Keep the market's candles, but for the last few."""
        market = a_market()
        async with self.database.transaction() as session:
            await candles.keep(session, SERIES, market[: len(market) - but])
        self.venue.set_candles(LINEAR, *market)

    async def asked(
        self,
        plan: Plan | None = None,
        *,
        parameters: Mapping[str, Any] = PARAMETERS,
        grid: Mapping[str, Any] | None = None,
    ) -> UUID:
        """A backtest, or with a grid a sweep; its id."""
        async with self.database.transaction() as session:
            row, _ = await service.ask(
                session,
                plan or a_plan(),
                dict(parameters),
                name=None,
                strategy_id=None,
                caller=self.caller,
                now=self.clock.now(),
                grid=None if grid is None else dict(grid),
            )
        return row.id

    def runner(self) -> JobRunner:
        """Another process."""
        preparer = Preparer(
            self.database,
            CandleFetcher(self.database, self._source, self.clock, settled_after=timedelta(0)),
        )
        programs: dict[str, Program] = {
            service.RUN: RunBacktest(self.database, preparer, self.crew, self.programs),
            service.SWEEP: RunSweep(
                self.database, preparer, self.crew, self.programs, kept_every_seconds=0
            ),
        }
        return JobRunner(self.database, self.clock, programs, look_seconds=LOOK_SECONDS)

    def open(self) -> None:
        """Let a worker work until it is closed."""
        self.workers.append(asyncio.create_task(self.runner().keep()))

    async def close(self) -> None:
        """Stop every worker, as the end of its process does."""
        for task in self.workers:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.workers.clear()

    async def cancel(self, backtest_id: UUID) -> None:
        async with self.database.transaction() as session:
            row = await session.get_one(Backtest, backtest_id)
            job = await session.get_one(Job, row.job_id)
            await jobs.cancel(session, job, actor=self.trader.username, now=self.clock.now())

    async def row(self, backtest_id: UUID) -> Backtest:
        async with self.database.read() as session:
            return await session.get_one(Backtest, backtest_id)

    async def job(self, backtest_id: UUID) -> Job:
        async with self.database.read() as session:
            row = await session.get_one(Backtest, backtest_id)
            return await session.get_one(Job, row.job_id)

    async def runs(self, sweep_id: UUID) -> Sequence[SweepRow]:
        async with self.database.read() as session:
            return await sweeps.rows_of(session, sweep_id)

    async def comes_to(self, backtest_id: UUID, status: JobStatus) -> Job:
        """Its job, once it has come to that."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (job := await self.job(backtest_id)).status is not status:
                assert job.status in UNFINISHED, f"{job.status}: {job.reason}"
                await asyncio.sleep(LOOK_SECONDS)
        return job

    async def has_run(self, sweep_id: UUID, count: int) -> None:
        """Wait until so many combinations have been kept."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await self.runs(sweep_id)) < count:  # noqa: ASYNC110 it happens elsewhere
                await asyncio.sleep(LOOK_SECONDS)

    async def _source(self, exchange: str, market_type: MarketType) -> MarketData:
        del exchange, market_type
        return self.venue


def open_yard(database: Database, clock: FakeClock, trader: User) -> Yard:
    venue = FakeMarketData(an_instrument(LINEAR), clock=clock)
    return Yard(database, clock, trader, venue)
