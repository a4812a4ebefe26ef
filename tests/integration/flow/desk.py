"""A trader's desk without HTTP: the real flow and worker over a fake venue and a fake clock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.accounts.key_rights import AskedKey
from app.accounts.models import ExchangeAccount, User
from app.db.base import Base
from app.db.session import Database
from app.exchanges.venue import BalanceReport, MarketData, OrderRequest, Venue
from app.market.instruments import InstrumentBook
from app.market.prices import PriceBoard
from app.pipeline.alarms.keeping import Delivery
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.intake import take_in
from app.pipeline.flow.tools import Tools
from app.pipeline.flow.weighing import approve
from app.pipeline.orders.models import Fill, Order
from app.pipeline.pnl.models import Booking, DailyPnl, Trade
from app.pipeline.positions.models import Position
from app.pipeline.positions.monitor import Monitor
from app.pipeline.risk import service as risk
from app.pipeline.risk.models import SwitchScope
from app.pipeline.signals.models import Signal
from app.settings import Settings
from app.strategies.models import Strategy
from app.trading.words import CloseReason, MarketType
from app.worker import Worker
from tests.builders import ETHER, LINEAR, SPOT, a_strategy, a_user, an_account, an_alert
from tests.fakes.clock import FakeClock
from tests.fakes.exchange import FakeMarketData, FakeVenue, an_instrument

RowT = TypeVar("RowT", bound=Base)

NEVER_SECONDS = 3600.0
TURNS = 20
PRICE = Decimal(60_000)
FUNDS = Decimal(100_000)


class Town:
    """The outside of one test: its clock, its two markets, its accounts' venues."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        linear = (an_instrument(LINEAR), an_instrument(ETHER))
        spot = (an_instrument(SPOT), an_instrument("BNB/USDT"))
        self.markets = {
            MarketType.LINEAR: FakeMarketData(*linear, clock=self.clock),
            MarketType.SPOT: FakeMarketData(*spot, clock=self.clock),
        }
        self.instruments = {MarketType.LINEAR: linear, MarketType.SPOT: spot}
        for symbol in (LINEAR, SPOT):
            self.market_of(symbol).set_price(symbol, PRICE)
        self.market_of(ETHER).set_price(ETHER, Decimal(3_000))
        self.venues: dict[UUID, FakeVenue] = {}

    def market_of(self, symbol: str) -> FakeMarketData:
        return self.markets[MarketType.LINEAR if ":" in symbol else MarketType.SPOT]

    def open_account(self, account: ExchangeAccount) -> FakeVenue:
        kind = account.market_type
        venue = FakeVenue(
            self.markets[kind],
            *self.instruments[kind],
            balances={"USDT": FUNDS},
            clock=self.clock,
        )
        self.venues[account.id] = venue
        return venue

    async def source(self, exchange: str, market_type: MarketType) -> MarketData:
        del exchange
        return self.markets[market_type]


class Venues:
    """Every account's venue, with balances of this moment."""

    def __init__(self, town: Town) -> None:
        self._town = town

    async def of(self, account_id: UUID) -> Venue:
        return self._town.venues[account_id]

    async def balances(self, account_id: UUID) -> Sequence[BalanceReport]:
        return await (await self.of(account_id)).balances()

    async def permissions(self, account_id: UUID) -> AskedKey:
        # The desk's accounts have no stored keys: their venues are opened without.
        return AskedKey(await (await self.of(account_id)).permissions(), None)

    def forget_balances(self, account_id: UUID) -> None:
        del account_id


class Process:
    """One run of the program: everything that lives in memory."""

    def __init__(self, database: Database, town: Town, venues: Venues | None = None) -> None:
        self.town = town
        self.database = database
        self.prices = PriceBoard(town.source, town.clock, silence_seconds=NEVER_SECONDS)
        self.instruments = InstrumentBook(database, town.source)
        settings = Settings(
            _env_file=None,
            sweep_seconds=NEVER_SECONDS,
            reconcile_seconds=NEVER_SECONDS,
            reconcile_without_stream_seconds=NEVER_SECONDS,
            trigger_grace_seconds=0,
            # A runner that is starved is no slow database.
            inbox_patience_seconds=NEVER_SECONDS,
        )
        self.triggers: list[tuple[UUID, CloseReason]] = []
        self.monitor = Monitor(
            self.prices,
            now=town.clock.now,
            max_price_age=timedelta(seconds=settings.price_max_age_seconds),
            on_trigger=self._on_trigger,
        )
        self.tools = Tools(
            database,
            town.clock,
            settings,
            self.instruments,
            self.prices,
            venues or Venues(town),
            self.monitor,
        )
        # Hints of the stream lead to no comparison by the machine's clock: see `reconcile`.
        self.worker = Worker(self.tools, self.monitor, gather_seconds=NEVER_SECONDS)

    def _on_trigger(self, position_id: UUID, reason: CloseReason) -> None:
        self.triggers.append((position_id, reason))
        self.worker.on_trigger(position_id, reason)

    async def start(self) -> None:
        await self.instruments.restore()
        for market_type in (MarketType.LINEAR, MarketType.SPOT):
            if not self.instruments.all("paper", market_type):
                await self.instruments.refresh("paper", market_type)
        await self.worker.start()
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything that was set going has come to rest."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self.worker.idle()

    async def end(self, *, timeout_seconds: float = 8.0) -> None:
        await self.worker.stop(timeout_seconds)
        await self.prices.stop()


@dataclass
class Desk:
    """One trader with one account and one strategy, and what a test does with them."""

    town: Town
    process: Process
    user: User
    account: ExchangeAccount
    strategy: Strategy

    @property
    def tools(self) -> Tools:
        return self.process.tools

    @property
    def worker(self) -> Worker:
        return self.process.worker

    @property
    def database(self) -> Database:
        return self.process.database

    @property
    def clock(self) -> FakeClock:
        return self.town.clock

    @property
    def venue(self) -> FakeVenue:
        return self.town.venues[self.account.id]

    async def alert(self, *, strategy: Strategy | None = None, **fields: Any) -> Alarm:
        """Deliver an alert and let everything happen that follows from it."""
        if self.account.market_type is MarketType.SPOT:
            fields.setdefault("symbol", "BTCUSDT")
        return await self.deliver(an_alert(**fields), strategy=strategy)

    async def deliver(self, body: bytes, *, strategy: Strategy | None = None) -> Alarm:
        """One delivery of these bytes; the alarm as it is when all is quiet."""
        alarm, _ = await take_in(
            self.tools, strategy or self.strategy, body, source="::1", reading=Reading.of(body)
        )
        await self.process.settle()
        return await self.one(Alarm, alarm.id)

    async def store(self, body: bytes) -> None:
        """Keep a delivery, and end before it is decided."""
        delivery = Delivery(
            user_id=self.user.id,
            strategy_id=self.strategy.id,
            body=body,
            source="::1",
            received_at=self.clock.now(),
            reading=Reading.of(body),
        )
        await self.tools.inbox.put(delivery)

    async def approve(self, signal_id: UUID, **options: Any) -> None:
        """As the trader, through the service that the route calls."""
        async with self.database.transaction() as session:
            signal = await session.get_one(Signal, signal_id)
            await approve(
                session, signal, actor=self.user.username, now=self.clock.now(), **options
            )
        await self.process.settle()

    async def kill_switch(self, *, is_on: bool = True) -> None:
        """The trader's own, over everything."""
        async with self.database.transaction() as session:
            await risk.set_kill_switch(
                session,
                self.user.id,
                scope=SwitchScope.USER,
                scope_id=self.user.id,
                is_on=is_on,
                actor=self.user.username,
                now=self.clock.now(),
            )
        await self.process.settle()

    async def limits(self, **values: Any) -> None:
        """The trader's limits; the minimum notional is 10 unless given."""
        async with self.database.transaction() as session:
            user = await session.get_one(User, self.user.id)
            await risk.set_limits(
                session,
                user.id,
                {"min_notional": Decimal(10), **values},
                zone=ZoneInfo(user.timezone),
                actor=self.user.username,
                now=self.clock.now(),
            )

    async def price(self, price: str, symbol: str | None = None) -> None:
        """The market moves; everything that follows from it happens."""
        symbol = symbol or (SPOT if self.account.market_type is MarketType.SPOT else LINEAR)
        self.town.market_of(symbol).set_price(symbol, Decimal(price))
        await self.process.settle()

    async def price_at_venue(self, price: str, symbol: str | None = None) -> None:
        """The market moves, and the venue's own orders fire before anybody hears of it."""
        symbol = symbol or (SPOT if self.account.market_type is MarketType.SPOT else LINEAR)
        self.town.market_of(symbol).set_price(symbol, Decimal(price), is_streamed=False)
        self.venue.match()
        await self.price(price, symbol)

    async def sweep(self, *, after_seconds: float = 0) -> None:
        """Let time pass, then look for what is due, as the worker does every two seconds."""
        self.clock.advance(after_seconds)
        await self.worker.sweep()
        await self.process.settle()

    async def reconcile(self, *, after_seconds: float = 0) -> None:
        """Let time pass, then compare the account with its venue, as the worker does by itself."""
        self.clock.advance(after_seconds)
        await self.worker.accounts.look(self.account.id)
        await self.process.settle()

    async def restart(self, *, timeout_seconds: float = 8.0) -> None:
        """End this process and start another over the same database and venue."""
        await self.process.end(timeout_seconds=timeout_seconds)
        self.process = Process(self.database, self.town)
        await self.process.start()

    async def another_strategy(self, **changes: Any) -> Strategy:
        """A second strategy of the same trader on the same account."""
        row = a_strategy(self.user.id, self.account.id, self.clock.now(), **changes)
        await self.keep(row)
        return row

    async def change_strategy(self, **changes: Any) -> None:
        """Set columns of the strategy."""
        async with self.database.transaction() as session:
            row = await session.get_one(Strategy, self.strategy.id)
            for name, value in changes.items():
                setattr(row, name, value)

    async def keep(self, *rows: Base) -> None:
        """Store rows as they are."""
        for row in rows:
            async with self.database.transaction() as session:
                session.add(row)

    async def one(self, table: type[RowT], key: object) -> RowT:
        """A row as it is now."""
        async with self.database.read() as session:
            return await session.get_one(table, key)

    async def rows(self, table: type[RowT]) -> list[RowT]:
        """Every row of a table, oldest first."""
        async with self.database.read() as session:
            found = (await session.scalars(select(table))).all()
        return sorted(found, key=_born)

    async def alarms(self) -> list[Alarm]:
        return await self.rows(Alarm)

    async def signals(self) -> list[Signal]:
        return await self.rows(Signal)

    async def orders(self) -> list[Order]:
        """Those that were to execute at once; stops and targets rest elsewhere."""
        return [one for one in await self.rows(Order) if not one.is_conditional]

    async def resting(self) -> list[Order]:
        """Stops and targets that were meant to wait at the venue, whatever became of them."""
        return [one for one in await self.rows(Order) if one.is_conditional]

    @property
    def sent(self) -> list[OrderRequest]:
        """What was to execute at once, as it was sent, also what never arrived."""
        return [one for one in self.venue.sent if not one.is_conditional]

    async def fills(self) -> list[Fill]:
        return await self.rows(Fill)

    async def positions(self) -> list[Position]:
        return await self.rows(Position)

    async def trades(self) -> list[Trade]:
        return await self.rows(Trade)

    async def bookings(self) -> list[Booking]:
        return await self.rows(Booking)

    async def days(self) -> list[DailyPnl]:
        return await self.rows(DailyPnl)


def _born(row: Base) -> str:
    """Ids of version 7 sort by birth; days sort by date."""
    return str(row.day) if isinstance(row, DailyPnl) else str(getattr(row, "id", ""))


@asynccontextmanager
async def open_desk(
    database: Database, *, market_type: MarketType = MarketType.LINEAR, **strategy: Any
) -> AsyncIterator[Desk]:
    """A desk with 100,000 USDT, BTC at 60,000, and one strategy that approves by itself."""
    town = Town()
    now = town.clock.now()
    user = a_user(now)
    account = an_account(user.id, now, market_type=market_type)
    row = a_strategy(user.id, account.id, now, **strategy)
    town.open_account(account)
    desk = Desk(town, Process(database, town), user, account, row)
    await desk.keep(user, account, row)
    await desk.process.start()
    try:
        yield desk
    finally:
        await desk.process.end()
