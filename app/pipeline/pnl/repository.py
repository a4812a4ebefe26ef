"""Every query on trades, bookings and daily sums."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT
from app.core.errors import NotFound
from app.db.symbols import symbol_is
from app.pipeline.pnl.models import Booking, DailyPnl, FundingPayment, Trade, day_key
from app.pipeline.positions.models import Position


async def day_row(
    session: AsyncSession, user_id: UUID, day: date, currency: str, *, is_paper: bool
) -> DailyPnl | None:
    """One day of one trader in one currency and scope."""
    return await session.get(DailyPnl, (user_id, day, currency, is_paper))


async def days(
    session: AsyncSession, user_id: UUID, *, since: date | None, until: date | None
) -> Sequence[DailyPnl]:
    """Days from `since` to before `until`, newest first."""
    query = select(DailyPnl).where(DailyPnl.user_id == user_id)
    if since is not None:
        query = query.where(DailyPnl.day >= since)
    if until is not None:
        query = query.where(DailyPnl.day < until)
    return (await session.scalars(query.order_by(DailyPnl.day.desc()))).all()


async def days_of_keys(
    session: AsyncSession, user_id: UUID, keys: Collection[str]
) -> Mapping[str, DailyPnl]:
    """Those of a user's days that are there, by what identifies them (`models.day_key`)."""
    wanted = {date.fromisoformat(key.partition(" ")[0]) for key in keys}
    query = select(DailyPnl).where(DailyPnl.user_id == user_id, DailyPnl.day.in_(wanted))
    rows = (await session.scalars(query)).all()
    found = {day_key(row.day, row.currency, is_paper=row.is_paper): row for row in rows}
    return {key: row for key, row in found.items() if key in keys}


async def net_of_strategy(session: AsyncSession, strategy_id: UUID, currency: str) -> Decimal:
    """What a strategy has earned in one settle currency, net of fees and with funding.

    Summed in Python, for SQLite keeps decimals as text.
    """
    booked = await session.scalars(
        select(Booking.net_pnl).where(
            Booking.strategy_id == strategy_id, Booking.currency == currency
        )
    )
    paid = await session.scalars(
        select(FundingPayment.amount)
        .join(Position, Position.id == FundingPayment.position_id)
        .where(Position.strategy_id == strategy_id, FundingPayment.currency == currency)
    )
    return sum((*booked.all(), *paid.all()), Decimal(0))


async def nets_by_strategy(
    session: AsyncSession, user_id: UUID
) -> Mapping[tuple[UUID, str], Decimal]:
    """What each of the user's strategies has earned, by currency, as `net_of_strategy` counts."""
    booked = select(Booking.strategy_id, Booking.currency, Booking.net_pnl)
    paid = (
        select(Position.strategy_id, FundingPayment.currency, FundingPayment.amount)
        .join(Position, Position.id == FundingPayment.position_id)
        .where(Position.user_id == user_id)
    )
    nets: dict[tuple[UUID, str], Decimal] = {}
    for query in (booked.where(Booking.user_id == user_id), paid):
        for strategy_id, currency, amount in await session.execute(query):
            key = (strategy_id, currency)
            with localcontext(EXACT):
                nets[key] = nets.get(key, Decimal(0)) + amount
    return nets


async def funding_by_account(
    session: AsyncSession, user_id: UUID
) -> Sequence[tuple[UUID, str, Decimal]]:
    """Account, currency and amount of every funding payment that a book of the user bore."""
    query = (
        select(FundingPayment.account_id, FundingPayment.currency, FundingPayment.amount)
        .join(Position, Position.id == FundingPayment.position_id)
        .where(Position.user_id == user_id)
    )
    return [(row[0], row[1], row[2]) for row in (await session.execute(query)).all()]


async def bookings_by_account(
    session: AsyncSession, user_id: UUID
) -> Sequence[tuple[UUID, Booking]]:
    """Everything the user has booked, each with the account it was earned on."""
    query = (
        select(Position.account_id, Booking)
        .join(Position, Position.id == Booking.position_id)
        .where(Booking.user_id == user_id)
    )
    return [(account_id, booking) for account_id, booking in await session.execute(query)]


async def trades_of(session: AsyncSession, position_ids: Iterable[UUID]) -> Sequence[Trade]:
    """The round trips that these positions became."""
    query = select(Trade).where(Trade.position_id.in_(tuple(position_ids))).order_by(Trade.id)
    return (await session.scalars(query)).all()


async def trade_of(session: AsyncSession, position_id: UUID) -> Trade | None:
    """The round trip that a position became; None while it is open."""
    found: Trade | None = await session.scalar(
        select(Trade).where(Trade.position_id == position_id)
    )
    return found


async def owned(session: AsyncSession, trade_id: UUID, user_id: UUID) -> Trade:
    """A round trip of this user.

    Raises:
        NotFound: no such trade, or somebody else's.
    """
    row = await session.get(Trade, trade_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no trade {trade_id}.")
    return row


async def round_trip(session: AsyncSession, user_id: UUID, either_id: UUID) -> Trade | None:
    """The user's round trip that has this id, or whose position has it."""
    is_either = or_(Trade.id == either_id, Trade.position_id == either_id)
    found: Trade | None = await session.scalar(
        select(Trade).where(Trade.user_id == user_id, is_either)
    )
    return found


async def funding_known(
    session: AsyncSession, account_id: UUID, venue_ids: Iterable[str]
) -> set[str]:
    """Those of these payments that are booked already."""
    query = select(FundingPayment.venue_id).where(
        FundingPayment.account_id == account_id, FundingPayment.venue_id.in_(tuple(venue_ids))
    )
    return set((await session.scalars(query)).all())


async def last_funding_at(session: AsyncSession, account_id: UUID) -> datetime | None:
    """When the latest payment that is booked was made."""
    query = (
        select(FundingPayment.paid_at)
        .where(FundingPayment.account_id == account_id)
        .order_by(FundingPayment.paid_at.desc())
        .limit(1)
    )
    found: datetime | None = await session.scalar(query)
    return found


def trades(
    user_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> Select[tuple[Trade]]:
    """The user's round trips, narrowed by what is given."""
    query = select(Trade).where(Trade.user_id == user_id)
    if since is not None:
        query = query.where(Trade.closed_at >= since)
    if until is not None:
        query = query.where(Trade.closed_at < until)
    if strategy_id is not None:
        query = query.where(Trade.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Trade.symbol, symbol))
    return query
