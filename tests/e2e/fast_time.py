"""A worker with bots at accelerated time, over a real paper exchange: a process of its own.

Run with a database URL, the exchange's address, the moment in seconds since 1970 at which fast time
began, and how fast it is. It trades nothing: its accounts have money and no venue.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app import tables
from app.accounts.key_rights import AskedKey
from app.bots.running.course import Pace
from app.bots.running.keeper import BotKeeper
from app.core.errors import Unavailable
from app.db.session import Database, open_database
from app.exchanges.room import ExchangeRoom
from app.exchanges.venue import BalanceReport, Venue
from app.market.fetching.fetcher import CandleFetcher
from app.market.instruments import InstrumentBook
from app.market.prices import PriceBoard, PriceKey
from app.pipeline.flow.tools import Tools
from app.pipeline.positions.models import Position
from app.settings import Settings

assert tables.Base.metadata.tables

LOOK_SECONDS = 0.05
START = datetime(2026, 3, 2, tzinfo=UTC)


class FastClock:
    """The same in every process that is told the same.

    Args:
        began: seconds since 1970, by the machine's clock, at which it said `START`.
        factor: how much faster it runs.
    """

    def __init__(self, began: float, factor: float) -> None:
        self.began = began
        self.factor = factor

    def now(self) -> datetime:
        return START + timedelta(seconds=(time.time() - self.began) * self.factor)


class NoVenues:
    """Accounts with money on which nobody trades."""

    async def of(self, account_id: UUID) -> Venue:
        raise Unavailable(f"Nobody trades on {account_id}.")

    async def balances(self, account_id: UUID) -> Sequence[BalanceReport]:
        del account_id
        return [BalanceReport("USDT", free=Decimal(10_000), locked=Decimal(0))]

    async def permissions(self, account_id: UUID) -> AskedKey:
        raise Unavailable(f"Nobody trades on {account_id}.")

    def forget_balances(self, account_id: UUID) -> None:
        del account_id


class NoWatch:
    """Nothing is open, and nothing to be guarded."""

    def guard(self, position: Position, key: PriceKey) -> None:
        del position, key

    def release(self, position_id: UUID) -> None:
        del position_id


def room_of(base: str, clock: FastClock) -> ExchangeRoom:
    """The way to the paper exchange; its limits count real minutes."""
    return ExchangeRoom(
        clock=clock, paper_url=lambda: base, timeout_seconds=20, is_rate_limited=False
    )


def tools_of(database: Database, room: ExchangeRoom, clock: FastClock) -> Tools:
    """What a bot needs of an installation."""
    return Tools(
        database,
        clock,
        Settings(_env_file=None),
        InstrumentBook(database, room.market),
        PriceBoard(room.market, clock),
        NoVenues(),
        NoWatch(),
    )


async def main(url: str, base: str, began: str, factor: str) -> None:
    """Look after bots until the end."""
    database, clock = open_database(url), FastClock(float(began), float(factor))
    room = room_of(base, clock)
    tools = tools_of(database, room, clock)
    await tools.instruments.restore()
    fetcher = CandleFetcher(database, room.market, clock, settled_after=timedelta(0))
    await BotKeeper(tools, fetcher, pace=Pace(LOOK_SECONDS)).keep()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
