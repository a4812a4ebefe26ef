"""A market that goes along given candles while a real server trades in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.bots.models import BotMarket
from app.core.decimals import plain
from app.db.session import Database, open_database
from app.paper_exchange.app import create_paper_exchange
from app.pipeline.alarms.models import Alarm
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import ORDER_MOVES
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType, PositionSide, Protection
from tests.contract.paper_venue import PaperVenue, serve
from tests.e2e.turned import LOOK_SECONDS, PATIENCE_SECONDS, HandClock, Killed, TurnedServer

FIRST_PRICE: Final = Decimal(60_000)
TICK: Final = Decimal("0.1")
# A candle counts as closed a second after its close: by then everybody has the next open.
OPENS_AFTER: Final = timedelta(milliseconds=500)
DECIDED_AFTER: Final = timedelta(seconds=2)
A_MINUTE: Final = timedelta(minutes=1)
ENDS_BEFORE: Final = timedelta(seconds=20)
# Whoever was killed is believed to hold a bot for fifteen seconds.
FORGOTTEN_AFTER: Final = timedelta(seconds=16)
LIVE: Final = [status for status, moves in ORDER_MOVES.items() if moves]
UNDER_WAY: Final = (SignalStatus.APPROVED, SignalStatus.EXECUTING)


def a_market(seed: int, count: int, begin: datetime) -> list[Candle]:
    """Candles of a market that trends and turns; each opens a few ticks beside the last close."""
    return list(_market(Random(seed), count, begin))


def _market(dice: Random, count: int, begin: datetime) -> Iterator[Candle]:
    price, trend, left = FIRST_PRICE, 1, 0
    for number in range(count):
        if left == 0:
            trend, left = -trend, dice.randint(6, 12)
        left -= 1
        close = _moved(price, dice.uniform(-0.4, 0.4) + 0.3 * trend)
        high = _moved(max(price, close), dice.uniform(0, 0.3))
        low = _moved(min(price, close), -dice.uniform(0, 0.3))
        opened_at = begin + number * timedelta(minutes=15)
        yield Candle(Timeframe.M15, opened_at, price, high, low, close, Decimal(1))
        price = close + dice.randint(-3, 3) * TICK


def _moved(price: Decimal, percent: float) -> Decimal:
    """A price moved by some percent, on the tick."""
    moved = price * (1 + Decimal(str(round(percent, 4))) / 100)
    return moved.quantize(TICK)


@dataclass
class Market:
    """Candles as they come to pass: nobody is faster than the price, and nobody is left behind.

    A backtest fills at the open what was decided at the close before, and at its level what is
    reached in the middle. So the open is known to everybody before a candle counts as closed, the
    price does not move before all that was decided is done, and then goes through every level,
    the stop's side of a candle first.

    Attributes:
        symbol: of the linear market, as Binance writes it.
        clock: of the exchange, and of the server while it is alive.
        database: the server's, to look into.
        is_left_dead: until the next open; whoever dies by himself is started at once.
    """

    venue: PaperVenue
    symbol: str
    clock: HandClock
    server: TurnedServer
    database: Database
    is_left_dead: bool = True
    _fills: int = 0
    _ledger_seq: int = 0
    _closed_at: datetime | None = None

    async def pass_by(self, candle: Candle) -> None:
        """A candle that nobody trades in."""
        await self._show(candle.open, candle.open_time + OPENS_AFTER)
        for price, moment in _at_moments(candle, _corners(candle, is_low_first=True)):
            await self._show(price, moment)

    async def open(self, candle: Candle) -> None:
        """Its first price, and everything that was decided at the close before it."""
        await self._show(candle.open, candle.open_time + OPENS_AFTER)
        await self.revive()
        await self._heard(candle.open)
        self.turn_to(candle.open_time + DECIDED_AFTER)
        await self.rest(closed_at=candle.open_time)

    async def go_on(self, candle: Candle) -> None:
        """The rest of it."""
        held = await self.held()
        is_low_first = held is None or held.position_side is PositionSide.LONG
        corners = _corners(candle, is_low_first=is_low_first)
        wanted = () if held is None else (held.stop_loss, held.take_profit)
        levels = [one for one in wanted if one is not None]
        for price, moment in _at_moments(candle, list(_through(corners, levels))):
            await self._show(price, moment)
            if price in levels and not self.is_left_dead:
                await self.rest()

    async def is_stopped_in(self, candle: Candle) -> bool:
        """Whether what is held is closed by its stop in the rest of a candle."""
        held = await self.held()
        stop = None if held is None else held.stop_loss
        return stop is not None and candle.low <= stop <= candle.high

    async def wallet(self) -> Decimal:
        """What the exchange's ledger says the trader has, in USDT."""
        return sum(
            (
                Decimal(one["change"])
                for one in await self.venue.ledger()
                if one["kind"] == "balance" and one["market"] == MarketType.LINEAR
            ),
            Decimal(0),
        )

    def turn_to(self, moment: datetime) -> None:
        """Put all clocks there; never back, for time goes on while somebody is waited for."""
        self.clock.moment = max(self.clock.moment, moment)
        self.server.turn()

    async def held(self) -> Position | None:
        """What is open by the server's books."""
        async with self.database.read() as session:
            query = select(Position).where(Position.status != PositionStatus.CLOSED)
            return (await session.scalars(query)).one_or_none()

    async def rest(self, *, closed_at: datetime | None = None) -> None:
        """Wait until nothing is under way any more, whoever has to be brought back to life for it.

        Args:
            closed_at: the close of the candle that the bot has to have decided about by then; as
                before when left out.
        """
        self._closed_at = closed_at or self._closed_at
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._is_at_rest():
                await asyncio.sleep(LOOK_SECONDS)
                self.turn_to(self.clock.moment + timedelta(seconds=LOOK_SECONDS))

    async def kill(self) -> None:
        """End the server until the next open."""
        await self.server.kill()
        self.is_left_dead = True

    async def revive(self) -> None:
        """Start the server, if it is dead."""
        self.is_left_dead = False
        if self.server.is_alive:
            return
        await self.server.start()
        self.turn_to(self.clock.moment + FORGOTTEN_AFTER)

    async def _show(self, price: Decimal, moment: datetime) -> None:
        self.turn_to(moment)
        await self.venue.price(self.symbol, plain(price))

    async def _heard(self, price: Decimal) -> None:
        """Wait until the server knows that price."""
        path = f"/prices/{self.symbol}.P/current"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    known = await self.server.ask("GET", path)
                except Killed:
                    await self.revive()
                    continue
                if Decimal(known["last"]) == Decimal(known["mark"]) == price:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_at_rest(self) -> bool:
        await self.revive()
        for one in await self.venue.ledger(self._ledger_seq):
            self._ledger_seq = one["seq"]
            self._fills += one["kind"] == "fill"
        async with self.database.read() as session:
            fills = await session.scalars(select(Fill.id))
            if len(fills.all()) != self._fills:
                return False
            return not [one for one in self._unrest() if await _is_there(session, *one)]

    def _unrest(self) -> Iterator[tuple[Any, ColumnElement[bool]]]:
        """What is there while something is under way."""
        yield BotMarket.bot_id, BotMarket.last_closed_at != self._closed_at
        yield Alarm.id, Alarm.decided_at.is_(None)
        yield Signal.id, Signal.status.in_(UNDER_WAY)
        is_live = Order.status.in_(LIVE)
        yield Order.id, is_live & Order.trigger_price.is_(None)
        is_closed = Position.status == PositionStatus.CLOSED
        closed = select(Position.id).where(is_closed)
        yield Order.id, is_live & Order.position_id.in_(closed)
        is_guarded = Position.protection == Protection.VENUE
        yield Position.id, (Position.status != PositionStatus.OPEN) & ~is_closed
        yield Position.id, (Position.status == PositionStatus.OPEN) & ~is_guarded


async def _is_there(session: AsyncSession, column: Any, clause: ColumnElement[bool]) -> bool:
    return await session.scalar(select(column).where(clause).limit(1)) is not None


def _corners(candle: Candle, *, is_low_first: bool) -> list[Decimal]:
    first, second = (candle.low, candle.high) if is_low_first else (candle.high, candle.low)
    return [candle.open, first, second, candle.close]


def _through(corners: list[Decimal], levels: list[Decimal]) -> Iterator[Decimal]:
    """The corners, and between two of them each level that lies there."""
    yield corners[0]
    for start, end in pairwise(corners):
        between = [one for one in levels if min(start, end) < one < max(start, end)]
        yield from sorted(between, reverse=end < start)
        yield end


def _at_moments(candle: Candle, path: list[Decimal]) -> Iterator[tuple[Decimal, datetime]]:
    """Prices with the moments at which they come, all over the candle; the open has been."""
    length = candle.timeframe.length
    assert length is not None
    step = (length - ENDS_BEFORE) / (len(path) - 1)
    for number, price in enumerate(path[1:], 1):
        yield price, candle.open_time + number * step


@asynccontextmanager
async def driven(
    folder: Path, symbol: str, first: Candle, *failpoints: str
) -> AsyncIterator[Market]:
    """A market whose first candle is about to open, and a server that is not started.

    Args:
        folder: of everything.
        symbol: of the linear market, as Binance writes it.
        first: that candle, which opens with one of four hours; what came before is made up.
        failpoints: of the server's starts, as for `TurnedServer`.
    """
    clock = HandClock(first.open_time - A_MINUTE)
    exchange = create_paper_exchange(data_dir=folder, control=True, seed=1, candles="", clock=clock)
    async with serve(exchange.asgi) as base, aiohttp.ClientSession() as session:
        venue = PaperVenue(base, session)
        await venue.price(symbol, plain(first.open))
        await venue.control("limits", enforce=False)
        await exchange.start()
        server = TurnedServer(folder, base, clock, failpoints)
        database = open_database(f"sqlite+aiosqlite:///{folder / 'data' / 'signalbox.db'}")
        try:
            yield Market(venue, symbol, clock, server, database)
        finally:
            await server.close()
            await database.close()
            await exchange.stop()
