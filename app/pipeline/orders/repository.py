"""Every query on orders and fills."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.changing import changed
from app.db.outbox import note
from app.db.symbols import symbol_is
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.trading.words import OrderOrigin, Purpose, TriggerKind

LIVE = (
    OrderStatus.CREATED,
    OrderStatus.SUBMITTED,
    OrderStatus.UNKNOWN,
    OrderStatus.OPEN,
    OrderStatus.PARTIALLY_FILLED,
)


async def get(session: AsyncSession, order_id: UUID) -> Order:
    """An order that is known to exist.

    Raises:
        NotFound: it does not.
    """
    row = await session.get(Order, order_id)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return row


async def owned(session: AsyncSession, order_id: UUID, user_id: UUID) -> Order:
    """An order of this user.

    Raises:
        NotFound: no such order, or somebody else's.
    """
    row = await session.get(Order, order_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no order {order_id}.")
    return row


async def claim_for_sending(session: AsyncSession, order: Order, *, now: datetime) -> bool:
    """Take a created order for sending.

    Returns:
        False when somebody else did, it is to be cancelled, or its time ran out a moment ago.
    """
    statement = (
        update(Order)
        .where(
            Order.id == order.id,
            Order.status == OrderStatus.CREATED,
            Order.cancel_requested_at.is_(None),
            or_(Order.expires_at.is_(None), Order.expires_at > now),
        )
        .values(status=OrderStatus.SUBMITTED, submitted_at=now, updated_at=now)
    )
    note(session, order)
    return await changed(session, statement) == 1


async def live(
    session: AsyncSession,
    *,
    account_id: UUID | None = None,
    symbol: str | None = None,
    strategy_id: UUID | None = None,
    position_id: UUID | None = None,
    user_id: UUID | None = None,
) -> Sequence[Order]:
    """Orders that may still be filled, oldest first."""
    query = select(Order).where(Order.status.in_(LIVE))
    for column, value in (
        (Order.account_id, account_id),
        (Order.symbol, symbol),
        (Order.strategy_id, strategy_id),
        (Order.position_id, position_id),
        (Order.user_id, user_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return (await session.scalars(query.order_by(Order.id))).all()


_LIVE_OF_USER: Final = (
    select(Order)
    .where(Order.status.in_(LIVE), Order.user_id == bindparam("user_id"))
    .order_by(Order.id)
)


async def live_of(session: AsyncSession, user_id: UUID) -> Sequence[Order]:
    """A trader's orders that may still be filled, oldest first; asked for every entry."""
    return (await session.scalars(_LIVE_OF_USER, {"user_id": user_id})).all()


async def live_entries(session: AsyncSession, strategy_id: UUID, symbol: str) -> Sequence[Order]:
    """Entries of a strategy on a symbol that may still be filled."""
    found = await live(session, strategy_id=strategy_id, symbol=symbol)
    return [order for order in found if order.purpose is Purpose.ENTRY]


async def live_exits(session: AsyncSession, position_id: UUID) -> Sequence[Order]:
    """Exits of a position that may still be filled, those that wait for a price included."""
    found = await live(session, position_id=position_id)
    return [order for order in found if order.purpose is not Purpose.ENTRY]


async def live_closes(session: AsyncSession, position_id: UUID) -> Sequence[Order]:
    """Exits of a position that are on their way, not waiting for a price."""
    return [one for one in await live_exits(session, position_id) if not one.is_resting_exit]


async def resting_exits(session: AsyncSession, position_id: UUID) -> Sequence[Order]:
    """Stops and targets of a position that wait at the venue, or are on their way there."""
    return [one for one in await live_exits(session, position_id) if one.is_resting_exit]


async def last_closes(session: AsyncSession, position_id: UUID, most: int) -> Sequence[Order]:
    """The youngest exits of a position that did not wait for a price, the youngest first."""
    query = (
        select(Order)
        .where(
            Order.position_id == position_id,
            Order.purpose != Purpose.ENTRY,
            Order.trigger_price.is_(None),
        )
        .order_by(Order.id.desc())
        .limit(most)
    )
    return (await session.scalars(query)).all()


async def last_resting_exit(session: AsyncSession, position_id: UUID) -> Order | None:
    """The youngest stop or target that was meant to wait at the venue, whatever became of it."""
    query = (
        select(Order)
        .where(Order.position_id == position_id, Order.trigger_price.is_not(None))
        .order_by(Order.id.desc())
        .limit(1)
    )
    found: Order | None = await session.scalar(query)
    return found


async def legs_of(session: AsyncSession, order: Order) -> Sequence[Order]:
    """The orders that stand or fall with this one, itself included; the stop first."""
    if order.pair_id is None:
        return [order]
    query = select(Order).where(
        Order.account_id == order.account_id, Order.pair_id == order.pair_id
    )
    legs = (await session.scalars(query)).all()
    return sorted(legs, key=lambda leg: leg.trigger_kind is not TriggerKind.STOP)


async def of_signal(session: AsyncSession, signal_id: UUID) -> Sequence[Order]:
    """Orders made because of a signal, oldest first."""
    query = select(Order).where(Order.signal_id == signal_id).order_by(Order.id)
    return (await session.scalars(query)).all()


async def of_signals(session: AsyncSession, signal_ids: Iterable[UUID]) -> Sequence[Order]:
    """Orders made because of any of these signals, oldest first."""
    query = select(Order).where(Order.signal_id.in_(tuple(signal_ids))).order_by(Order.id)
    return (await session.scalars(query)).all()


async def of_positions(session: AsyncSession, position_ids: Iterable[UUID]) -> Sequence[Order]:
    """Orders that made or closed any of these positions, oldest first."""
    query = select(Order).where(Order.position_id.in_(tuple(position_ids))).order_by(Order.id)
    return (await session.scalars(query)).all()


async def created_since(session: AsyncSession, user_id: UUID, since: datetime) -> int:
    """How many entries the user's strategies have sent since then."""
    query = select(func.count()).where(
        Order.user_id == user_id,
        Order.purpose == Purpose.ENTRY,
        Order.created_at >= since,
        Order.status != OrderStatus.DENIED,
    )
    return (await session.scalar(query)) or 0


async def fills_of_order(session: AsyncSession, order_id: UUID) -> Sequence[Fill]:
    """Executions of an order, oldest first."""
    query = select(Fill).where(Fill.order_id == order_id).order_by(Fill.executed_at, Fill.id)
    return (await session.scalars(query)).all()


async def fills_of_orders(session: AsyncSession, order_ids: Iterable[UUID]) -> Sequence[Fill]:
    """Executions of any of these orders, oldest first."""
    query = select(Fill).where(Fill.order_id.in_(tuple(order_ids)))
    return (await session.scalars(query.order_by(Fill.executed_at, Fill.id))).all()


async def fills_of_position(session: AsyncSession, position_id: UUID) -> Sequence[Fill]:
    """Executions that made a position, oldest first."""
    query = select(Fill).where(Fill.position_id == position_id).order_by(Fill.executed_at, Fill.id)
    return (await session.scalars(query)).all()


async def by_client_ids(
    session: AsyncSession, account_id: UUID, client_order_ids: Iterable[str]
) -> Sequence[Order]:
    """Orders of ours on an account by the ids we gave them, whatever became of them."""
    query = select(Order).where(
        Order.account_id == account_id,
        Order.client_order_id.in_(tuple(client_order_ids)),
        Order.origin == OrderOrigin.OURS,
    )
    return (await session.scalars(query)).all()


async def by_exchange_ids(
    session: AsyncSession, account_id: UUID, symbol: str, exchange_order_ids: Iterable[str]
) -> Sequence[Order]:
    """Orders of ours by the venue's ids, of what they became at their trigger too."""
    ids = tuple(exchange_order_ids)
    query = select(Order).where(
        Order.account_id == account_id,
        Order.symbol == symbol,
        Order.origin == OrderOrigin.OURS,
        or_(Order.exchange_order_id.in_(ids), Order.triggered_order_id.in_(ids)),
    )
    return (await session.scalars(query)).all() if ids else []


async def live_symbols(session: AsyncSession, account_id: UUID) -> set[str]:
    """Symbols of an account on which something may still be filled."""
    query = select(Order.symbol).where(Order.account_id == account_id, Order.status.in_(LIVE))
    return set((await session.scalars(query.distinct())).all())


async def touched_symbols(session: AsyncSession, account_id: UUID, since: datetime) -> set[str]:
    """Symbols of an account on which any order has moved since then."""
    query = select(Order.symbol).where(Order.account_id == account_id, Order.updated_at >= since)
    return set((await session.scalars(query.distinct())).all())


async def last_fill_at(session: AsyncSession, account_id: UUID, symbol: str) -> datetime | None:
    """When the latest execution on a symbol was recorded here."""
    query = (
        select(Fill.recorded_at)
        .where(Fill.account_id == account_id, Fill.symbol == symbol)
        .order_by(Fill.recorded_at.desc())
        .limit(1)
    )
    found: datetime | None = await session.scalar(query)
    return found


async def in_status(session: AsyncSession, status: OrderStatus) -> Sequence[Order]:
    """Orders in a status, oldest first."""
    query = select(Order).where(Order.status == status).order_by(Order.id).limit(1_000)
    return (await session.scalars(query)).all()


def listing(
    user_id: UUID,
    *,
    status: OrderStatus | None = None,
    symbol: str | None = None,
    strategy_id: UUID | None = None,
    signal_id: UUID | None = None,
    position_id: UUID | None = None,
) -> Select[tuple[Order]]:
    """The user's orders, narrowed by what is given."""
    query = select(Order).where(Order.user_id == user_id)
    for column, value in (
        (Order.status, status),
        (Order.strategy_id, strategy_id),
        (Order.signal_id, signal_id),
        (Order.position_id, position_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if symbol is not None:
        query = query.where(symbol_is(Order.symbol, symbol))
    return query
