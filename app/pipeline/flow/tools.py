"""What the steps of the flow work with, handed in once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.key_rights import AskedKey
from app.accounts.models import ExchangeAccount, User
from app.core.clock import Clock
from app.core.errors import NotFound, Unavailable
from app.db.session import Database
from app.exchanges.venue import BalanceReport, Venue
from app.market.instruments import InstrumentBook
from app.market.prices import PriceBoard, PriceKey
from app.pipeline.alarms.inbox import Inbox
from app.pipeline.alarms.models import Alarm
from app.pipeline.flow.agreement import Agreement
from app.pipeline.orders.models import Order
from app.pipeline.pnl.service import Ledger
from app.pipeline.positions.models import Position
from app.pipeline.signals.models import Signal
from app.settings import Settings
from app.strategies.passes import DoorPasses
from app.trading.instrument import Instrument
from app.trading.quote import Quote


class Venues(Protocol):
    """Opens each exchange account once and keeps it open."""

    async def of(self, account_id: UUID) -> Venue: ...

    async def balances(self, account_id: UUID) -> Sequence[BalanceReport]: ...

    async def permissions(self, account_id: UUID) -> AskedKey: ...

    def forget_balances(self, account_id: UUID) -> None: ...


class Watch(Protocol):
    """Who guards positions while they are open."""

    def guard(self, position: Position, key: PriceKey) -> None: ...

    def release(self, position_id: UUID) -> None: ...


@dataclass(frozen=True)
class Tools:
    """The database, the clock, and the ways in and out."""

    database: Database
    clock: Clock
    settings: Settings
    instruments: InstrumentBook
    prices: PriceBoard
    venues: Venues
    watch: Watch
    agreement: Agreement = field(default_factory=Agreement)
    passes: DoorPasses = field(default_factory=DoorPasses)

    def now(self) -> datetime:
        """The current moment, aware UTC."""
        return self.clock.now()

    @cached_property
    def inbox(self) -> Inbox:
        """Where deliveries are kept, those of one moment together."""
        settings = self.settings
        return Inbox(
            self.database,
            self.clock,
            window=timedelta(seconds=settings.dedup_window_seconds),
            max_future=timedelta(seconds=settings.future_alert_seconds),
            most_waiting=settings.inbox_most_waiting,
            patience_seconds=settings.inbox_patience_seconds,
        )

    @property
    def max_price_age(self) -> timedelta:
        """How old a price may be to decide anything by."""
        return timedelta(seconds=self.settings.price_max_age_seconds)

    async def fresh_quote(self, key: PriceKey) -> Quote:
        """A price young enough to decide by, from the stream or asked for now."""
        return await self.prices.fresh(key, max_age=self.max_price_age, now=self.now())


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is traded: the account, its owner, the instrument."""

    account: ExchangeAccount
    user: User
    instrument: Instrument

    @property
    def key(self) -> PriceKey:
        """Which market's prices it goes by."""
        return market_key(self.account, self.instrument.symbol)

    @property
    def ledger(self) -> Ledger:
        """Where its results are booked."""
        return Ledger(
            zone=ZoneInfo(self.user.timezone),
            is_paper=self.account.is_paper,
            currency=self.instrument.settle,
        )


async def hold_trader(
    session: AsyncSession,
    tools: Tools,
    owned: type[Alarm] | type[Signal] | type[Order] | type[Position],
    row_id: UUID,
) -> None:
    """Let no other step change this trader's rows before the caller's commit.

    Call it before the rows are read: steps of two symbols, or a step and a request, would
    otherwise overwrite each other's daily sums, decisions and exits. SQLite has one writer anyway.

    Args:
        session: the caller's transaction, with nothing read yet.
        tools: whose database it is.
        owned: the table of the row that the step is about.
        row_id: the row.
    """
    if not tools.database.is_sqlite:
        owner = select(owned.user_id).where(owned.id == row_id).scalar_subquery()
        await _hold(session, User.id == owner)


async def hold_user(session: AsyncSession, tools: Tools, user_id: UUID) -> None:
    """As `hold_trader`, where the trader is known."""
    if not tools.database.is_sqlite:
        await _hold(session, User.id == user_id)


async def _hold(session: AsyncSession, which: ColumnElement[bool]) -> None:
    # Rows that refer to the user may be inserted meanwhile: the user's key does not change.
    await session.execute(select(User.id).where(which).with_for_update(key_share=True))


def market_key(account: ExchangeAccount, symbol: str) -> PriceKey:
    """The market that an account's symbol is traded on."""
    return PriceKey(account.exchange, account.market_type, symbol)


_PLACE: Final = (
    select(ExchangeAccount, User)
    .join(User, User.id == ExchangeAccount.user_id)
    .where(ExchangeAccount.id == bindparam("account_id"))
)


async def place_of(session: AsyncSession, tools: Tools, account_id: UUID, symbol: str) -> Place:
    """Load where something is traded.

    Raises:
        NotFound: no such account.
        Unavailable: the venue's markets are not known yet.
    """
    found = (await session.execute(_PLACE, {"account_id": account_id})).one_or_none()
    if found is None:
        raise NotFound(f"There is no account {account_id}.")
    account, user = found
    instrument = tools.instruments.get(account.exchange, account.market_type, symbol)
    if instrument is None:
        raise Unavailable(f"{account.exchange} does not list {symbol} at the moment.")
    return Place(account, user, instrument)


def free_of(balances: Sequence[BalanceReport], asset: str) -> Decimal:
    """Coins of one asset that are free to use."""
    return next((one.free for one in balances if one.asset == asset), Decimal(0))


def whole_of(balances: Sequence[BalanceReport], asset: str) -> Decimal:
    """Coins of one asset, free and locked."""
    return next((one.free + one.locked for one in balances if one.asset == asset), Decimal(0))
