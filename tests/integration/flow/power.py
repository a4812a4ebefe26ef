"""The mains of a process: cut at any commit or word to the venue; nothing works afterwards."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.failpoints import Failed, arm
from app.db.session import Database, Done, Writing
from app.exchanges.permissions import KeyPermissions
from app.exchanges.venue import (
    Abilities,
    BalanceReport,
    FillReport,
    FundingReport,
    News,
    OrderReport,
    OrderRequest,
    PositionReport,
    Venue,
)
from app.trading.words import MarginMode
from tests.fakes.exchange import FakeVenue
from tests.integration.flow.desk import Town, Venues

if TYPE_CHECKING:
    from loguru import Message


class PowerCutError(Exception):
    """The process is gone."""


@dataclass
class Mains:
    """Counts the moments at which a process may die, and lets it die at one of them.

    Attributes:
        cut_at: the moment to die at, from 1; 0 never.
        cut_on: the name of a moment; the first of that name is died at.
        moments: what was passed so far, by name.
    """

    cut_at: int = 0
    cut_on: str = ""
    moments: list[str] = field(default_factory=list)
    is_dead: bool = False

    def check(self) -> None:
        """Nothing works without power."""
        if self.is_dead:
            raise PowerCutError

    def pass_by(self, name: str) -> None:
        """One more moment; the last one when its time has come."""
        self.check()
        self.moments.append(name)
        if len(self.moments) == self.cut_at or name == self.cut_on:
            self.is_dead = True
            raise PowerCutError


@contextmanager
def armed(point: str, mains: Mains) -> Iterator[None]:
    """Let a process on these mains die at a named point of the product, where it gets there."""

    def see(line: "Message") -> None:
        # Whoever runs a step logs what it raised, before anything else is done.
        fault = line.record["exception"]
        mains.is_dead = mains.is_dead or (fault is not None and fault.type is Failed)

    sink = logger.add(see, level="ERROR")
    arm(f"{point}:1:error" if point else "")
    try:
        yield
    finally:
        arm("")
        logger.remove(sink)


class MortalDatabase(Database):
    """A database whose process may die just before or just after a commit."""

    def __init__(self, database: Database, mains: Mains) -> None:
        super().__init__(database.engine)
        self._mains = mains

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        self._mains.check()
        async with super().read() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self._mains.check()
        async with super().transaction() as session:
            yield session
            is_writing = bool(session.new or session.dirty or session.in_transaction())
            if is_writing:
                self._mains.pass_by("before a commit")
        self._mains.pass_by("after a commit")

    async def together(
        self, work: Callable[[Writing], Done], *, is_one_statement: bool = False
    ) -> Done:
        self._mains.check()

        def and_die(writing: Writing) -> Done:
            done = work(writing)
            self._mains.pass_by("before a commit")
            return done

        done = await super().together(and_die, is_one_statement=is_one_statement)
        self._mains.pass_by("after a commit")
        return done


class MortalVenue:
    """A venue whose caller may die before a request has left, or before its answer is heard."""

    def __init__(self, venue: FakeVenue, mains: Mains) -> None:
        self._venue = venue
        self._mains = mains

    async def place(self, request: OrderRequest) -> OrderReport:
        what = "a stop" if request.is_conditional else "an order"
        self._mains.pass_by(f"before {what} leaves")
        report = await self._venue.place(request)
        self._mains.pass_by("before the answer is heard")
        return report

    async def place_pair(
        self, pair_id: str, *, stop: OrderRequest, target: OrderRequest
    ) -> tuple[OrderReport, OrderReport]:
        self._mains.pass_by("before a pair leaves")
        reports = await self._venue.place_pair(pair_id, stop=stop, target=target)
        self._mains.pass_by("before the answer is heard")
        return reports

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None:
        self._mains.pass_by("before a cancel leaves")
        await self._venue.cancel(symbol, client_order_id, is_conditional=is_conditional)
        self._mains.pass_by("before the cancel is heard")

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport:
        self._mains.check()
        return await self._venue.find_order(symbol, client_order_id, is_conditional=is_conditional)

    async def find_foreign(self, symbol: str, exchange_order_id: str) -> OrderReport:
        self._mains.check()
        return await self._venue.find_foreign(symbol, exchange_order_id)

    async def trades(self, symbol: str, since: datetime) -> Sequence[FillReport]:
        self._mains.check()
        return await self._venue.trades(symbol, since)

    async def funding(self, since: datetime) -> Sequence[FundingReport]:
        self._mains.check()
        return await self._venue.funding(since)

    def news(self) -> AsyncGenerator[News, None]:
        return self._venue.news()

    @property
    def abilities(self) -> Abilities:
        return self._venue.abilities

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]:
        self._mains.check()
        return await self._venue.fills(symbol, exchange_order_id, since)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        self._mains.check()
        return await self._venue.open_orders(symbol)

    async def balances(self) -> Sequence[BalanceReport]:
        self._mains.check()
        return await self._venue.balances()

    async def positions(self) -> Sequence[PositionReport]:
        self._mains.check()
        return await self._venue.positions()

    async def is_one_way(self) -> bool:
        self._mains.check()
        return await self._venue.is_one_way()

    async def permissions(self) -> KeyPermissions:
        self._mains.check()
        return await self._venue.permissions()

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        self._mains.pass_by("before leverage is set")
        await self._venue.prepare(symbol, leverage=leverage, margin_mode=margin_mode)

    async def close(self) -> None:
        await self._venue.close()


class MortalVenues(Venues):
    """Every account's venue, on these mains."""

    def __init__(self, town: Town, mains: Mains) -> None:
        super().__init__(town)
        self._mains = mains

    async def of(self, account_id: UUID) -> Venue:
        venue = await super().of(account_id)
        assert isinstance(venue, FakeVenue)
        return MortalVenue(venue, self._mains)
