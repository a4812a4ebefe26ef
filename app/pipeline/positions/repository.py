"""Every query on positions."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import Select, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.changing import changed
from app.db.outbox import note
from app.db.symbols import symbol_is
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus

HELD = (PositionStatus.OPENING, PositionStatus.OPEN, PositionStatus.CLOSING)


async def get(session: AsyncSession, position_id: UUID) -> Position:
    """A position that is known to exist.

    Raises:
        NotFound: it does not.
    """
    row = await session.get(Position, position_id)
    if row is None:
        raise NotFound(f"There is no position {position_id}.")
    return row


async def owned(session: AsyncSession, position_id: UUID, user_id: UUID) -> Position:
    """A position of this user.

    Raises:
        NotFound: no such position, or somebody else's.
    """
    row = await session.get(Position, position_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no position {position_id}.")
    return row


async def held_by(session: AsyncSession, strategy_id: UUID, symbol: str) -> Position | None:
    """The strategy's open book of the symbol."""
    query = (
        select(Position)
        .where(
            Position.strategy_id == strategy_id,
            Position.symbol == symbol,
            Position.status.in_(HELD),
        )
        .order_by(Position.id)
        .limit(1)
    )
    found: Position | None = await session.scalar(query)
    return found


async def held(
    session: AsyncSession,
    *,
    user_id: UUID | None = None,
    account_id: UUID | None = None,
    symbol: str | None = None,
) -> Sequence[Position]:
    """Books that are not flat, oldest first."""
    query = select(Position).where(Position.status.in_(HELD))
    for column, value in (
        (Position.user_id, user_id),
        (Position.account_id, account_id),
        (Position.symbol, symbol),
    ):
        if value is not None:
            query = query.where(column == value)
    return (await session.scalars(query.order_by(Position.id))).all()


_HELD_OF_USER: Final = (
    select(Position)
    .where(Position.status.in_(HELD), Position.user_id == bindparam("user_id"))
    .order_by(Position.id)
)


async def held_of(session: AsyncSession, user_id: UUID) -> Sequence[Position]:
    """A trader's books that are not flat, oldest first; asked for every entry."""
    return (await session.scalars(_HELD_OF_USER, {"user_id": user_id})).all()


async def to_be_closed(session: AsyncSession) -> Sequence[Position]:
    """Books whose exit died, and late fills of books that were closed: they still have to go."""
    query = select(Position).where(
        Position.status.in_((PositionStatus.OPENING, PositionStatus.OPEN)),
        Position.close_reason.is_not(None),
    )
    return (await session.scalars(query.order_by(Position.id))).all()


async def overdue(session: AsyncSession, now: datetime) -> Sequence[Position]:
    """Open books whose time is up."""
    query = select(Position).where(Position.status == PositionStatus.OPEN, Position.close_at <= now)
    return (await session.scalars(query.order_by(Position.id))).all()


async def with_scheduled(session: AsyncSession) -> Sequence[Position]:
    """Open books with an exit that waits for its price, oldest first."""
    query = select(Position).where(Position.status.in_(HELD), Position.scheduled.is_not(None))
    return (await session.scalars(query.order_by(Position.id))).all()


async def naked_since(session: AsyncSession, moment: datetime) -> Sequence[Position]:
    """Books with a stop that nobody has guarded at the venue since then or longer."""
    query = select(Position).where(Position.status.in_(HELD), Position.naked_since <= moment)
    return (await session.scalars(query.order_by(Position.id))).all()


async def with_dust(session: AsyncSession, account_id: UUID) -> Sequence[Position]:
    """Books of an account that left something behind, open or closed."""
    query = select(Position).where(
        Position.account_id == account_id, Position.dust_quantity > Decimal(0)
    )
    return (await session.scalars(query)).all()


async def held_since(
    session: AsyncSession, account_id: UUID, symbol: str, moment: datetime
) -> Sequence[Position]:
    """Books of a symbol that were open at some time since then, oldest first."""
    query = select(Position).where(
        Position.account_id == account_id,
        Position.symbol == symbol,
        or_(Position.closed_at.is_(None), Position.closed_at >= moment),
    )
    return (await session.scalars(query.order_by(Position.id))).all()


async def account_held_since(
    session: AsyncSession, account_id: UUID, moment: datetime
) -> Sequence[Position]:
    """Books of an account that were open at some time since then, oldest first."""
    query = select(Position).where(
        Position.account_id == account_id,
        or_(Position.closed_at.is_(None), Position.closed_at >= moment),
    )
    return (await session.scalars(query.order_by(Position.id))).all()


async def last_closed(session: AsyncSession, strategy_id: UUID, symbol: str) -> Position | None:
    """The strategy's latest closed book of the symbol."""
    query = (
        select(Position)
        .where(
            Position.strategy_id == strategy_id,
            Position.symbol == symbol,
            Position.status == PositionStatus.CLOSED,
        )
        .order_by(Position.closed_at.desc())
        .limit(1)
    )
    found: Position | None = await session.scalar(query)
    return found


async def claim_closing(session: AsyncSession, position: Position, *, now: datetime) -> bool:
    """Take an open position for closing; False when somebody else did."""
    statement = (
        update(Position)
        .where(Position.id == position.id, Position.status == PositionStatus.OPEN)
        .values(status=PositionStatus.CLOSING, updated_at=now)
    )
    note(session, position)
    return await changed(session, statement) == 1


def listing(
    user_id: UUID,
    *,
    status: PositionStatus | None = None,
    symbol: str | None = None,
    strategy_id: UUID | None = None,
    account_id: UUID | None = None,
) -> Select[tuple[Position]]:
    """The user's positions, narrowed by what is given."""
    query = select(Position).where(Position.user_id == user_id)
    for column, value in (
        (Position.status, status),
        (Position.strategy_id, strategy_id),
        (Position.account_id, account_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if symbol is not None:
        query = query.where(symbol_is(Position.symbol, symbol))
    return query


def scheduled(
    user_id: UUID,
    *,
    symbol: str | None = None,
    strategy_id: UUID | None = None,
    position_id: UUID | None = None,
) -> Select[tuple[Position]]:
    """The user's open positions with an exit that waits for its price."""
    query = listing(user_id, symbol=symbol, strategy_id=strategy_id)
    query = query.where(Position.status.in_(HELD), Position.scheduled.is_not(None))
    return query if position_id is None else query.where(Position.id == position_id)


async def waiting(session: AsyncSession, user_id: UUID, scheduled_id: UUID) -> Position | None:
    """The user's open position whose waiting exit has this id."""
    rows = (await session.scalars(scheduled(user_id))).all()
    return next((one for one in rows if one.scheduled and one.scheduled.id == scheduled_id), None)
