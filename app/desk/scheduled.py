"""Exits that wait for their price, shaped as orders: they are none before they are sent."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.flow.scheduling import call_off_in
from app.pipeline.flow.tools import Tools
from app.pipeline.orders.schemas import SCHEDULED, OrderOut
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.positions.scheduling import quantity_of
from app.trading.words import CloseReason, OrderType, Purpose, TimeInForce


def order_of(position: Position) -> OrderOut:
    """What waits, as the order it would be; `quantity` as of now, not on the lot.

    Raises:
        NotFound: nothing waits.
    """
    scheduled = position.scheduled
    if scheduled is None:
        raise NotFound(f"Nothing is scheduled for position {position.id}.")
    return OrderOut(
        id=scheduled.id,
        client_order_id=None,
        exchange_order_id=None,
        account_id=position.account_id,
        strategy_id=position.strategy_id,
        signal_id=None,
        position_id=position.id,
        symbol=position.symbol,
        side=position.position_side.closing_side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        status=SCHEDULED,
        reason=None,
        purpose=Purpose.EXIT,
        close_reason=CloseReason.SCHEDULED,
        quantity=quantity_of(position),
        limit_price=scheduled.price,
        reduce_only=True,
        filled_quantity=Decimal(0),
        average_price=None,
        fee=Decimal(0),
        fee_asset=None,
        stop_loss=None,
        take_profit=None,
        expires_at=None,
        created_at=scheduled.scheduled_at,
        submitted_at=None,
        accepted_at=None,
        finished_at=None,
    )


async def scheduled_page(
    session: AsyncSession,
    waiting: Select[tuple[Position]],
    paging: Paging,
    *,
    of_signal: UUID | None,
) -> Page[OrderOut]:
    """One page of what waits; nothing of it belongs to a signal."""
    if of_signal is not None:
        return Page(items=[])
    return await page_of(
        session,
        waiting,
        paging,
        id_column=Position.id,
        time_column=Position.created_at,
        shape=order_of,
    )


async def called_off(
    session: AsyncSession, tools: Tools, position: Position, *, actor: str
) -> OrderOut:
    """End what waits; what it was, cancelled."""
    was = order_of(position)
    await call_off_in(session, tools, position, actor=actor)
    return was.model_copy(update={"status": OrderStatus.CANCELED, "finished_at": tools.now()})
