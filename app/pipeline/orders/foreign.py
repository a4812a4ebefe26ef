"""Orders that other hands made: rows for what they did to our books."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.decimals import EXACT, plain
from app.core.ids import new_client_order_id, new_id
from app.exchanges.venue import FillReport
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.trading.words import CloseReason, OrderOrigin, OrderType, Purpose

# Never sent; it only keeps the column unique, and tells a reader whose order it is not.
FOREIGN_PREFIX: Final = "other"


async def foreign_order(
    session: AsyncSession,
    *,
    user_id: UUID,
    account_id: UUID,
    strategy_id: UUID,
    position_id: UUID,
    origin: OrderOrigin,
    close_reason: CloseReason,
    fills: Sequence[FillReport],
    now: datetime,
) -> Order:
    """The row of somebody else's order on one of our books: the one there is, or a new one.

    Args:
        session: the caller's transaction.
        user_id: owner of the book.
        account_id: where it happened.
        strategy_id: whose book it is.
        position_id: the book.
        origin: the trader or the venue.
        close_reason: what the book says if nothing is left of it.
        fills: the book's shares of one order's executions, at least one; booked by the caller.
        now: time of recording.
    """
    first = fills[0]
    with localcontext(EXACT):
        quantity = sum((fill.quantity for fill in fills), Decimal(0))
    query = select(Order).where(
        Order.account_id == account_id,
        Order.position_id == position_id,
        Order.exchange_order_id == first.exchange_order_id,
        Order.origin != OrderOrigin.OURS,
    )
    known: Order | None = await session.scalar(query)
    if known is not None:
        known.quantity += quantity
        return known
    order = Order(
        id=new_id(),
        user_id=user_id,
        account_id=account_id,
        strategy_id=strategy_id,
        position_id=position_id,
        client_order_id=new_client_order_id(FOREIGN_PREFIX),
        exchange_order_id=first.exchange_order_id,
        origin=origin,
        symbol=first.symbol,
        side=first.side,
        order_type=OrderType.MARKET,
        quantity=quantity,
        reduce_only=False,
        purpose=Purpose.EXIT,
        close_reason=close_reason,
        reference_price=first.price,
        status=OrderStatus.FILLED,
        filled_quantity=Decimal(0),
        fee=Decimal(0),
        created_at=now,
        accepted_at=first.executed_at,
        finished_at=fills[-1].executed_at,
        updated_at=now,
    )
    session.add(order)
    await record(
        session,
        now=now,
        actor=origin.value,
        action="order.found_at_venue",
        subject_kind="order",
        subject_id=str(order.id),
        user_id=user_id,
        detail={
            "order": f"{order.side.value} {plain(quantity)} {order.symbol}",
            "purpose": order.purpose.value,
            "reason": close_reason.value,
        },
    )
    return order
