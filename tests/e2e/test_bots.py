"""A bot over the paper exchange at accelerated time, whose worker is killed again and again."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.algorithms.algorithm import Definition
from app.algorithms.catalog.macd import MACD
from app.algorithms.feed import Feed
from app.algorithms.intents import Account
from app.bots import repository, service
from app.bots.alerts import Moment, alerts_of
from app.bots.service import Wanted
from app.db.session import Database
from app.market.bars import bar_of
from app.market.candles import repository as stored
from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.paper_exchange.app import create_paper_exchange
from app.pipeline.alarms.models import Alarm
from app.strategies.words import Approval
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.builders import LINEAR, a_strategy, a_user, an_account
from tests.contract.paper_venue import serve
from tests.e2e.fast_time import FastClock, room_of, tools_of
from tests.fakes.exchange import an_instrument

ROOT = Path(__file__).parents[2]
# A minute lasts half a second, which is one step of the exchange's prices.
FACTOR = 120
KILLS = 1
CANDLES_BETWEEN = 4
ALERTS = 3
PATIENCE_SECONDS = 300
PARAMETERS: dict[str, Any] = {"fast": 2, "slow": 3, "signal": 2}
SERIES = Series.of(PriceKey("paper", MarketType.LINEAR, LINEAR), Timeframe.M1)
PROGRAM: Definition[Any] = MACD


@pytest.mark.slow
async def test_a_bot_whose_worker_is_killed_misses_no_candle_and_asks_for_nothing_twice(
    tmp_path: Path, database_url: str, database: Database
) -> None:
    clock = FastClock(time.time(), FACTOR)
    exchange = create_paper_exchange(
        data_dir=tmp_path, control=False, seed=3, candles="", clock=clock
    )
    async with serve(exchange.asgi) as base:
        await exchange.start()
        try:
            user_id, bot_id = await started(database, base, clock)
            begun = await progress(database, user_id, bot_id)
            for _ in range(KILLS):
                async with worker(database_url, base, clock):
                    await gets_on(database, user_id, bot_id)
            async with worker(database_url, base, clock):
                await gets_on(database, user_id, bot_id)
                await has_asked(database, ALERTS)
        finally:
            await exchange.stop()
    last = await progress(database, user_id, bot_id)
    async with database.read() as session:
        alarms = (await session.scalars(select(Alarm).order_by(Alarm.id))).all()

    candles = [one async for page in stored.stored(database, SERIES) for one in page]
    since = [one.open_time for one in candles if begun <= one.open_time < last]
    expected = wishes(candles, begun, last)
    assert since == list(Timeframe.M1.opens(begun, last))
    assert len(expected) >= ALERTS
    assert [wish_of(one.body) for one in alarms] == expected
    assert {one.deliveries for one in alarms} == {1}


async def started(database: Database, base: str, clock: FastClock) -> tuple[UUID, UUID]:
    """A trader, and a bot of theirs that is started; they approve nothing."""
    now = clock.now()
    user = a_user(now)
    account = an_account(user.id, now)
    strategy = a_strategy(
        user.id,
        account.id,
        now,
        algorithm=PROGRAM.name,
        approval=Approval.MANUAL,
        max_alarm_age_seconds=86_400,
    )
    for row in (user, account, strategy):
        async with database.transaction() as session:
            session.add(row)
    room = room_of(base, clock)
    tools = tools_of(database, room, clock)
    await tools.instruments.refresh("paper", MarketType.LINEAR)
    await room.close()
    async with database.transaction() as session:
        bot = await service.create(
            session,
            tools,
            Wanted([LINEAR], Timeframe.M1, PARAMETERS),
            strategy_id=strategy.id,
            user_id=user.id,
            actor=user.username,
            now=now,
        )
    async with database.transaction() as session:
        mine = await repository.own(session, bot.id, user.id)
        await service.start(session, tools, mine, actor=user.username, now=clock.now())
    return user.id, bot.id


@asynccontextmanager
async def worker(url: str, base: str, clock: FastClock) -> AsyncIterator[None]:
    """A process that runs bots, and is killed in the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.e2e.fast_time", url, base, str(clock.began), str(clock.factor)),
        cwd=ROOT,
        env={"PATH": os.defpath},
    )
    try:
        yield
        assert child.returncode is None
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def progress(database: Database, user_id: UUID, bot_id: UUID) -> datetime:
    """The close of the last candle that the bot has acted on."""
    async with database.read() as session:
        bot = await repository.own(session, bot_id, user_id)
    assert bot.reason is None
    last = bot.markets[0].last_closed_at
    assert last is not None
    return last


async def gets_on(database: Database, user_id: UUID, bot_id: UUID) -> None:
    """Wait until it has acted on some candles more."""
    begun = await progress(database, user_id, bot_id)
    length = Timeframe.M1.length
    assert length is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await progress(database, user_id, bot_id) < begun + CANDLES_BETWEEN * length:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def has_asked(database: Database, count: int) -> None:
    """Wait until it has asked for so much: how soon the market turns is nobody's promise."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _alarms(database) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _alarms(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Alarm)) or 0


def wishes(candles: list[Candle], begun: datetime, last: datetime) -> list[tuple[str, str]]:
    """What the algorithm wants of an account that stays flat, over the same candles in one go."""
    warm_up = PROGRAM.warm_up(PROGRAM.validated(PARAMETERS))
    before = [one for one in candles if one.open_time < begun][-warm_up:]
    feed = Feed(PROGRAM, PARAMETERS, bar_of(candles[0]).length)
    flat = Account(an_instrument(LINEAR), Decimal(1000))
    found: list[tuple[str, str]] = []
    for bar in map(bar_of, [*before, *(one for one in candles if begun <= one.open_time < last)]):
        intents = feed.close(bar, flat)
        if bar.opened_at >= begun:
            moment = Moment(UUID(int=1), LINEAR, bar.closed_at, Decimal(1))
            found += map(wish_of, alerts_of(moment, intents))
    return found


def wish_of(body: bytes) -> tuple[str, str]:
    fields = json.loads(body)
    return fields["action"], fields["time"]
