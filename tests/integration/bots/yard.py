"""A desk whose bots are fed by a market that closes its candles one by one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.algorithms.algorithm import Definition
from app.algorithms.registry import definition
from app.bots import repository, service
from app.bots.models import Bot, BotMarket
from app.bots.running.course import Pace
from app.bots.running.keeper import BotKeeper
from app.bots.running.supply import SETTLES_AFTER
from app.bots.service import Wanted
from app.bots.status import BotStatus
from app.db.session import Database
from app.market.fetching.fetcher import CandleFetcher
from app.pipeline.alarms.models import Alarm
from app.strategies.words import SizingMode
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from tests.builders import LINEAR
from tests.integration.flow.desk import Desk, open_desk

LOOK_SECONDS = 0.01
# A worker that is starved trades no worse.
PACE = Pace(LOOK_SECONDS, settle_seconds=60)
PATIENCE_SECONDS = 180
BASE = Timeframe.M15
LENGTH = timedelta(minutes=15)
# It turns within a candle or two, and has seen enough after 55.
PARAMETERS: dict[str, Any] = {"fast": 2, "slow": 3, "signal": 2}
WARM_UP = 55
# A market that has risen and then fallen: MACD is below its signal line.
PAST = [60_000 + 10 * number for number in range(50)] + [60_400 - 40 * n for n in range(10)]


async def hurried(_: float) -> None:
    """A pause of a fetcher that does not wait for the machine's clock."""
    await asyncio.sleep(0)


@dataclass
class Yard:
    """A trader whose bots run in workers that come and go.

    Attributes:
        closes: of all candles so far, the first of them before the bots were made.
        own: algorithms of this yard alone, by their names.
        workers: the keepers at work, by the task that each is.
    """

    desk: Desk
    closes: list[int] = field(default_factory=lambda: list(PAST))
    own: dict[str, Definition[Any]] = field(default_factory=dict)
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.desk.database

    def keeper(self) -> BotKeeper:
        """Another worker, not at work yet."""
        desk = self.desk
        fetcher = CandleFetcher(
            desk.database, desk.town.source, desk.clock, settled_after=timedelta(0), sleep=hurried
        )
        return BotKeeper(desk.tools, fetcher, programs=self.programs, pace=PACE)

    @asynccontextmanager
    async def programs(self, name: str) -> AsyncIterator[Definition[Any]]:
        """The algorithms of the program, and those of this yard."""
        yield self.own[name] if name in self.own else definition(name)

    def open(self) -> asyncio.Task[None]:
        """Let a worker look after bots until it is closed."""
        task = asyncio.create_task(self.keeper().keep())
        self.workers.append(task)
        return task

    async def close(self) -> None:
        """Stop every worker, as the end of its process does."""
        for task in self.workers:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.workers.clear()

    async def bot(self, symbols: Sequence[str] = (LINEAR,), **changes: Any) -> Bot:
        """A bot that is not started."""
        desk = self.desk
        values = {"timeframe": BASE, "parameters": PARAMETERS, **changes}
        strategy = values.pop("strategy", desk.strategy)
        async with desk.database.transaction() as session:
            return await service.create(
                session,
                desk.tools,
                Wanted(symbols, **values),
                strategy_id=strategy.id,
                user_id=desk.user.id,
                actor=desk.user.username,
                now=desk.clock.now(),
                programs=self.programs,
            )

    async def start(self, bot_id: UUID) -> None:
        desk = self.desk
        async with desk.database.transaction() as session:
            bot = await repository.own(session, bot_id, desk.user.id)
            await service.start(
                session,
                desk.tools,
                bot,
                actor=desk.user.username,
                now=desk.clock.now(),
                programs=self.programs,
            )

    async def stop(self, bot_id: UUID) -> None:
        desk = self.desk
        async with desk.database.transaction() as session:
            bot = await repository.own(session, bot_id, desk.user.id)
            await service.stop(session, bot, actor=desk.user.username, now=desk.clock.now())

    async def running(self, **changes: Any) -> UUID:
        """A bot at work in a worker; its id."""
        await self.desk.change_strategy(**changes.pop("limits", {}))
        bot = await self.bot(**changes)
        await self.start(bot.id)
        self.open()
        await self.comes_to(bot.id, BotStatus.RUNNING)
        return bot.id

    async def now(self, bot_id: UUID) -> Bot:
        """The bot as it is now."""
        async with self.database.read() as session:
            return await repository.own(session, bot_id, self.desk.user.id)

    async def comes_to(self, bot_id: UUID, status: BotStatus) -> Bot:
        """The bot, once it has come to that."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await self.now(bot_id)).status is not status:  # noqa: ASYNC110 elsewhere
                await asyncio.sleep(LOOK_SECONDS)
        return found

    async def gets_to(self, bot_id: UUID) -> BotMarket:
        """Its market, once it has acted on the newest candle and all is quiet."""
        newest = BASE.open_of(self.desk.clock.now())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := (await self.now(bot_id)).markets[0]).last_closed_at != newest:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
        # Its alarm is decided after the commit that says so.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(one.decided_at is None for one in await self.desk.alarms()):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
        await self.desk.process.settle()
        return found

    async def until(self, ask: Callable[[], Awaitable[object]], answer: object) -> None:
        """Wait until it is answered so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await ask() != answer:  # noqa: ASYNC110 it happens elsewhere
                await asyncio.sleep(LOOK_SECONDS)

    def pass_by(self, *closes: int) -> None:
        """Candles close, at these prices, and so late that they are final."""
        self.closes += closes
        self.desk.clock.advance(len(closes) * LENGTH.total_seconds())
        self.publish()

    def publish(self) -> None:
        """The venue has all candles, and trades at the last close."""
        clock, town = self.desk.clock, self.desk.town
        until = BASE.open_of(clock.now())
        market = town.market_of(LINEAR)
        market.set_candles(LINEAR, *candles(self.closes, until - len(self.closes) * LENGTH))
        market.set_price(LINEAR, Decimal(self.closes[-1]))

    async def closes_at(self, bot_id: UUID, *closes: int) -> list[Alarm]:
        """Candles close one after the other, and the bot acts on each; the alarms of that."""
        before = len(await self.desk.alarms())
        for close in closes:
            self.pass_by(close)
            await self.gets_to(bot_id)
        return (await self.desk.alarms())[before:]


def candles(closes: Sequence[int], begin: Any) -> list[Candle]:
    """A row of candles that open where the one before has closed."""
    opens = [closes[0], *closes]
    return [
        Candle(
            BASE,
            begin + number * LENGTH,
            Decimal(opens[number]),
            Decimal(max(opens[number], close) + 5),
            Decimal(min(opens[number], close) - 5),
            Decimal(close),
            Decimal(1),
        )
        for number, close in enumerate(closes)
    ]


@asynccontextmanager
async def open_yard(database: Database, **strategy: Any) -> AsyncIterator[Yard]:
    """A trader with 100,000 USDT and a strategy that runs MACD for 1,000 USDT a position."""
    values = {
        "algorithm": "macd",
        "sizing_mode": SizingMode.NOTIONAL,
        "sizing_value": Decimal(1000),
    }
    async with open_desk(database, **{**values, **strategy}) as desk:
        yard = Yard(desk)
        desk.clock.advance(SETTLES_AFTER.total_seconds() + 1)
        yard.publish()
        try:
            yield yard
        finally:
            await yard.close()
