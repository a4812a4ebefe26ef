"""The rows that the checks compare, as they were at one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import AccountState, ExchangeAccount, ExternalHolding, User
from app.audit.models import AuditEntry
from app.core.decimals import plain
from app.market import repository as market
from app.notifications.models import Notice
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.orders.models import Fill, Order
from app.pipeline.pnl.models import Booking, DailyPnl, FundingPayment, Trade
from app.pipeline.positions.models import Position
from app.pipeline.signals.models import Signal
from app.trading.instrument import Instrument
from app.trading.words import MarketType, OrderOrigin

RowT = TypeVar("RowT")
# Orders that others made and that did something to our books.
IMPORTED = frozenset({OrderOrigin.TRADER, OrderOrigin.VENUE})
STAGES = ("signal", "order", "position", "exchange_account")


class Step(NamedTuple):
    """One line of the audit trail."""

    subject_id: str
    action: str
    actor: str
    at: datetime


class Waiting(NamedTuple):
    """An alarm that nobody has decided."""

    id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database says; each list oldest first.

    Attributes:
        funding: what each book and the trader's own bore of the venue's payments.
        history: the audit trail of accounts, signals, orders and positions.
        told: subject and code of every notice.
        is_whole: False when only some accounts were asked for: sums over all of a trader's
            accounts cannot be made then.
    """

    now: datetime
    users: Mapping[UUID, User] = field(default_factory=dict)
    accounts: Mapping[UUID, ExchangeAccount] = field(default_factory=dict)
    instruments: Mapping[tuple[str, MarketType, str], Instrument] = field(default_factory=dict)
    waiting: Sequence[Waiting] = ()
    signals: Sequence[Signal] = ()
    orders: Sequence[Order] = ()
    fills: Sequence[Fill] = ()
    positions: Sequence[Position] = ()
    bookings: Sequence[Booking] = ()
    trades: Sequence[Trade] = ()
    days: Sequence[DailyPnl] = ()
    funding: Sequence[FundingPayment] = ()
    external: Sequence[ExternalHolding] = ()
    states: Sequence[AccountState] = ()
    history: Sequence[Step] = ()
    told: frozenset[tuple[str, str]] = frozenset()
    is_whole: bool = True

    def instrument(self, row: Order | Position) -> Instrument | None:
        """What the row trades; None when its market was never loaded."""
        account = self.accounts[row.account_id]
        return self.instruments.get((account.exchange, account.market_type, row.symbol))

    def is_spot(self, row: Order | Position) -> bool:
        """Whether it holds coins and not contracts."""
        return self.accounts[row.account_id].market_type is MarketType.SPOT

    def account_name(self, account_id: UUID) -> str:
        """The account as its owner calls it."""
        account = self.accounts[account_id]
        owner = self.users.get(account.user_id)
        return f"{account.name!r} of {owner.username}" if owner else repr(account.name)

    def order_name(self, order: Order) -> str:
        """An order so that it can be found again, here and at the venue."""
        return (
            f"order {order.id} ({order.client_order_id}, {order.purpose.value}"
            f" {order.side.value} {plain(order.quantity)} {order.symbol}"
            f" on {self.account_name(order.account_id)})"
        )

    def position_name(self, position: Position) -> str:
        """A position so that it can be found again."""
        return (
            f"position {position.id} ({position.position_side.value} {position.symbol}"
            f" on {self.account_name(position.account_id)})"
        )

    def of_account(self, account_id: UUID) -> "Rows":
        """Only what belongs to one account."""
        return self.of_accounts({account_id})

    def of_accounts(self, wanted: Iterable[UUID]) -> "Rows":
        """Only what belongs to these accounts; sums over all of a trader's are left out."""
        ids = set(wanted)
        positions = [one for one in self.positions if one.account_id in ids]
        books = {one.id for one in positions}
        return replace(
            self,
            accounts={key: one for key, one in self.accounts.items() if key in ids},
            waiting=(),
            signals=_on(self.signals, ids),
            orders=_on(self.orders, ids),
            fills=_on(self.fills, ids),
            positions=positions,
            bookings=[one for one in self.bookings if one.position_id in books],
            trades=_on(self.trades, ids),
            days=(),
            funding=_on(self.funding, ids),
            external=_on(self.external, ids),
            states=_on(self.states, ids),
            is_whole=False,
        )


async def load_rows(session: AsyncSession, now: datetime) -> Rows:
    """Read everything; the session sees one moment of it."""
    users, accounts = await _all(session, User), await _all(session, ExchangeAccount)
    instruments = {
        (exchange, one.market_type, one.symbol): one
        for exchange, one in await market.every_instrument(session)
    }
    return Rows(
        now=now,
        users={one.id: one for one in users},
        accounts={one.id: one for one in accounts},
        instruments=instruments,
        waiting=await _waiting(session),
        signals=await _all(session, Signal, Signal.id),
        orders=await _all(session, Order, Order.id),
        fills=await _all(session, Fill, Fill.id),
        positions=await _all(session, Position, Position.id),
        bookings=await _all(session, Booking, Booking.id),
        trades=await _all(session, Trade, Trade.id),
        days=await _all(session, DailyPnl, DailyPnl.day),
        funding=await _all(session, FundingPayment, FundingPayment.id),
        external=await _all(session, ExternalHolding),
        states=await _all(session, AccountState),
        history=await _history(session),
        told=await _told(session),
    )


async def _all(session: AsyncSession, table: type[RowT], *order: Any) -> Sequence[RowT]:
    return (await session.scalars(select(table).order_by(*order))).all()


async def _waiting(session: AsyncSession) -> list[Waiting]:
    query = select(Alarm.id, Alarm.received_at).where(Alarm.status == AlarmStatus.RECEIVED)
    return [Waiting(*row) for row in await session.execute(query)]


async def _history(session: AsyncSession) -> list[Step]:
    query = (
        select(AuditEntry.subject_id, AuditEntry.action, AuditEntry.actor, AuditEntry.at)
        .where(AuditEntry.subject_kind.in_(STAGES))
        .order_by(AuditEntry.id)
    )
    return [Step(*row) for row in await session.execute(query)]


async def _told(session: AsyncSession) -> frozenset[tuple[str, str]]:
    query = select(Notice.subject_id, Notice.code).distinct()
    return frozenset((subject, code) for subject, code in await session.execute(query))


def _on(rows: Sequence[RowT], ids: set[UUID]) -> list[RowT]:
    return [row for row in rows if row.account_id in ids]  # type: ignore[attr-defined]  # each of these has one
