"""One running installation: everything opened in order, and closed in the other."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Self
from uuid import UUID

from loguru import logger
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.accounts import service as accounts
from app.accounts.keys import KeyRing, load_key_ring
from app.accounts.models import ExchangeAccount
from app.accounts.service import FirstStart
from app.accounts.vault import Vault
from app.accounts.venues import AccountVenues
from app.backtests.processes.crew import Crew
from app.backtests.runs.job import RunBacktest
from app.backtests.runs.preparing import Preparer
from app.backtests.runs.service import RUN, SWEEP
from app.backtests.sweeps.job import RunSweep
from app.bots import repository as bots
from app.bots.running.course import Pace
from app.bots.running.keeper import USUAL, BotKeeper
from app.core.addresses import Policy
from app.core.clock import Clock, SystemClock
from app.core.errors import Invalid
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.desk.welcome import OutsidePaperExchange, Welcome, keep_handing_out
from app.exchanges.room import PAPER, ExchangeRoom
from app.health.accounts import AccountsHealth, TradingHealth
from app.health.bots import BotsHealth
from app.health.limits import LimitsHealth
from app.health.prices import PricesHealth
from app.health.status import DatabaseHealth, DiskHealth, HealthSource
from app.health.worker import LanesHealth, MonitorHealth
from app.http.outgoing import Outgoing
from app.jobs.run import Program
from app.jobs.runner import JobRunner
from app.market.building.job import KIND as BUILD
from app.market.building.job import BuildCandles
from app.market.capture.closings import Closings
from app.market.capture.keeper import CaptureKeeper
from app.market.fetching.fetcher import CandleFetcher
from app.market.fetching.job import KIND as FETCH
from app.market.fetching.job import FetchCandles
from app.market.instruments import InstrumentBook
from app.market.prices import PriceBoard
from app.own_algorithms.guard import LASTING
from app.own_algorithms.shelf import Shelf
from app.paper_exchange.app import PaperExchange, create_paper_exchange
from app.pipeline.flow.tools import Tools
from app.pipeline.positions.monitor import Monitor
from app.settings import Settings
from app.trading.words import CloseReason, MarketType
from app.worker import Worker
from app.worker.notice_post import NoticePost

PAPER_PATH: Final = "/paper-exchange"
PAPER_MARKETS: Final = ((PAPER, MarketType.SPOT), (PAPER, MarketType.LINEAR))
NEW_MARKETS_SECONDS: Final = 5.0
BOOT_PAUSE_SECONDS: Final = 0.1


@dataclass(slots=True)
class House:
    """The parts of an installation.

    Attributes:
        paper: the paper exchange inside this process; None when it is outside.
        worker: None in a process that only answers HTTP.
        outgoing: the way to addresses that users set.
        fetcher: asks venues for candles.
        closings: tells who waits for a candle.
        shelf: the algorithms, those of the operator's folder included.
        first: what the first start made: an admin with a demo, or an invite.
        bot_pace: how often bots look for their next candle.
    """

    settings: Settings
    clock: Clock
    keys: KeyRing
    database: Database
    exchanges: ExchangeRoom
    venues: AccountVenues
    tools: Tools
    monitor: Monitor
    welcome: Welcome
    paper: PaperExchange | None
    worker: Worker | None
    outgoing: Outgoing
    fetcher: CandleFetcher
    closings: Closings
    shelf: Shelf
    first: FirstStart
    bot_pace: Pace = USUAL
    is_ready: bool = False

    @classmethod
    async def build(
        cls,
        settings: Settings,
        *,
        with_worker: bool = True,
        clock: Clock | None = None,
        is_rate_limited: bool = True,
    ) -> Self:
        """Open the database at its newest schema and put the parts together; nothing runs yet.

        Args:
            settings: of this installation.
            with_worker: False in a process that only answers HTTP.
            clock: the machine's when left out.
            is_rate_limited: False only in a benchmark.

        Raises:
            Invalid: a setting, the data folder or the database cannot be used; one line says why.
        """
        clock = clock or SystemClock()
        make_folder(settings)
        keys = load_key_ring(settings)
        database = await open_at_newest(settings)
        paper = None
        if not settings.paper_url:
            paper = create_paper_exchange(
                data_dir=settings.data_dir,
                control=settings.paper_control,
                seed=settings.paper_seed,
                candles=settings.paper_data,
                clock=clock,
            )
        vault = Vault(keys)
        exchanges = ExchangeRoom(
            clock=clock,
            paper_url=lambda: paper_url(settings),
            timeout_seconds=settings.exchange_timeout_seconds,
            is_rate_limited=is_rate_limited,
            rate_reserve=settings.rate_reserve_percent / 100,
        )
        instruments = InstrumentBook(database, exchanges.market)
        prices = PriceBoard(exchanges.market, clock)
        venues = AccountVenues(database, exchanges, vault, clock)
        triggers = _Triggers()
        monitor = Monitor(
            prices,
            now=clock.now,
            max_price_age=timedelta(seconds=settings.price_max_age_seconds),
            on_trigger=triggers,
        )
        tools = Tools(database, clock, settings, instruments, prices, venues, monitor)
        worker = Worker(tools, monitor) if with_worker else None
        triggers.worker = worker
        welcome = Welcome(
            vault,
            paper.open_account if paper else OutsidePaperExchange(settings.paper_url),
            own_url(settings),
            is_inside=paper is not None,
        )
        first = await accounts.ensure_first_admin(
            database, settings, clock.now(), welcome.on_registered
        )
        return cls(
            settings=settings,
            clock=clock,
            keys=keys,
            database=database,
            exchanges=exchanges,
            venues=venues,
            tools=tools,
            monitor=monitor,
            welcome=welcome,
            paper=paper,
            worker=worker,
            outgoing=Outgoing(Policy(listed=frozenset(settings.outgoing_allowed_hosts))),
            fetcher=CandleFetcher(database, exchanges.market, clock),
            closings=Closings(database),
            shelf=Shelf(settings.resolved_algorithms_dir),
            first=first,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the parts; the worker starts as soon as the venues' markets are known."""
        await self.tools.instruments.restore()
        if self.paper is not None:
            await self.paper.start()
        tasks = [
            asyncio.create_task(self._keep_markets(), name="markets"),
            asyncio.create_task(
                keep_handing_out(self.welcome, self.database, self.clock), name="paper keys"
            ),
            asyncio.create_task(self._boot(), name="boot"),
            # What is wrong with a file is in the log before anybody asks for it.
            asyncio.create_task(self._look_at_algorithms(), name="own algorithms"),
        ]
        if self.worker is not None:
            # Beside the worker and not in it: what cannot be traded on has to be told all the same.
            post = NoticePost(self.database, self.clock, self.keys, self.outgoing)
            tasks.append(asyncio.create_task(post.keep(), name="notice post"))
            runner = JobRunner(self.database, self.clock, self._programs())
            tasks.append(asyncio.create_task(runner.keep(), name="jobs"))
            keeper = CaptureKeeper(self.database, self.exchanges.market, self.clock, self.closings)
            tasks.append(asyncio.create_task(keeper.keep(), name="captures"))
            programs = partial(self.shelf.opened, patience=LASTING)
            bot_keeper = BotKeeper(self.tools, self.fetcher, programs=programs, pace=self.bot_pace)
            tasks.append(asyncio.create_task(bot_keeper.keep(), name="bots"))
        try:
            yield
        finally:
            await self._stop(tasks)

    def _programs(self) -> dict[str, Program]:
        """What jobs there are, by their kinds."""
        preparer = Preparer(self.database, self.fetcher)
        programs = partial(self.shelf.opened, patience=LASTING)
        crew = Crew(self.settings.backtest_processes or os.cpu_count() or 1)
        return {
            FETCH: FetchCandles(self.fetcher),
            BUILD: BuildCandles(self.database, self.clock),
            RUN: RunBacktest(self.database, preparer, crew, programs),
            SWEEP: RunSweep(self.database, preparer, crew, programs),
        }

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        self.is_ready = False
        for task in tasks:
            task.cancel()
        # One that had failed must not keep the others, and what is open, from being closed.
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.bind(reason=repr(outcome)).error("house.task_failed")
        if self.worker is not None and self.worker.started_at is not None:
            await self.worker.stop()
        await self.tools.prices.stop()
        await self.venues.close()
        await self.exchanges.close()
        if self.paper is not None:
            await self.paper.stop()
        await self.database.close()

    async def _boot(self) -> None:
        """Markets first, then the worker: it cannot guard what it cannot round."""
        instruments = self.tools.instruments
        while not all(instruments.all(*market) for market in PAPER_MARKETS):  # noqa: ASYNC110 seconds, once
            await asyncio.sleep(BOOT_PAUSE_SECONDS)
        if self.worker is not None:
            await self.worker.start()
        # What was loaded until now stays until the end; looking through a hundred megabytes of it
        # for garbage, again and again, stops everything for a fifth of a second each time.
        gc.freeze()
        self.is_ready = True
        logger.info("house.ready")

    async def _look_at_algorithms(self) -> None:
        await self.shelf.look()

    async def _keep_markets(self) -> None:
        """Keep the markets of every account's venue fresh, those of new accounts too."""
        async with asyncio.TaskGroup() as group:
            kept: set[tuple[str, MarketType]] = set()
            while True:
                wanted = set(PAPER_MARKETS) | await self._account_markets()
                for market in wanted - kept:
                    group.create_task(self.tools.instruments.keep_fresh([market]))
                kept |= wanted
                await asyncio.sleep(NEW_MARKETS_SECONDS)

    async def _account_markets(self) -> set[tuple[str, MarketType]]:
        query = select(ExchangeAccount.exchange, ExchangeAccount.market_type).distinct()
        async with self.database.read() as session:
            return {(exchange, market) for exchange, market in await session.execute(query)}

    def readiness(self) -> tuple[bool, str]:
        """Whether the worker runs and markets are known."""
        return self.is_ready, "the venues' markets and the worker"

    def health_sources(self) -> list[HealthSource]:
        """The parts that `/status-server` asks."""
        sources: list[HealthSource] = [
            DatabaseHealth(),
            AccountsHealth(),
            TradingHealth(self.clock),
            DiskHealth(self.settings.data_dir),
            LimitsHealth(self.exchanges.budgets),
            PricesHealth(self.tools.prices, self.clock),
            BotsHealth(bots.count_by_status),
        ]
        if self.worker is not None:
            sources += [
                MonitorHealth(self.monitor, self.worker, self.clock),
                LanesHealth(self.worker, self.clock),
            ]
        return sources


class _Triggers:
    """Hands what the monitor sees to the worker, which is made after it."""

    worker: Worker | None = None

    def __call__(self, position_id: UUID, reason: CloseReason) -> None:
        if self.worker is not None:
            self.worker.on_trigger(position_id, reason)


def own_url(settings: Settings) -> str:
    """Where this server is reached on its own machine."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 compared, not bound
    return f"http://{host}:{settings.port}"


def paper_url(settings: Settings) -> str:
    """Where the paper exchange answers."""
    return settings.paper_url or own_url(settings) + PAPER_PATH


def make_folder(settings: Settings) -> None:
    """See that the data folder is there and can be written.

    Raises:
        Invalid: it cannot.
    """
    probe = settings.data_dir / ".writable"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Invalid(
            f"DATA_DIR: {settings.data_dir} cannot be written: {error.strerror}",
            code="data_dir_unwritable",
        ) from None


async def open_at_newest(settings: Settings) -> Database:
    """Connect and migrate.

    Raises:
        Invalid: the URL is wrong, or nobody answers there.
    """
    database = open_database(settings.resolved_database_url)
    try:
        await upgrade(database)
    except (DBAPIError, OSError) as error:
        await database.close()
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Invalid(
            f"DATABASE_URL: the database cannot be used: {words}", code="database_unreachable"
        ) from None
    return database
