"""`/orders`: what was asked of the venue."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.once import Once
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.orders import repository, service
from app.pipeline.orders.models import Order
from app.pipeline.orders.schemas import OrderOut
from app.pipeline.orders.status import OrderStatus


@get("/", operation_id="listOrders", summary="Your orders")
async def list_orders(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    symbol: FromQuery[str | None] = None,
    strategy_id: FromQuery[UUID | None] = None,
    signal_id: FromQuery[UUID | None] = None,
    position_id: FromQuery[UUID | None] = None,
) -> Page[OrderOut]:
    """Newest first."""
    query = repository.listing(
        caller.user_id,
        status=choice(OrderStatus, status, "status"),
        symbol=symbol,
        strategy_id=strategy_id,
        signal_id=signal_id,
        position_id=position_id,
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Order.id,
        time_column=Order.created_at,
        shape=OrderOut.model_validate,
    )


@get("/{order_id:uuid}", operation_id="getOrder", summary="One order")
async def get_order(
    order_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> OrderOut:
    """One of your orders."""
    return OrderOut.model_validate(await repository.owned(session, order_id, caller.user_id))


@delete(
    "/{order_id:uuid}",
    operation_id="cancelOrder",
    summary="Cancel an order",
    status_code=200,
    guards=[require_trader],
)
async def cancel_order(
    order_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> OrderOut:
    """Asks the venue to cancel it; it may still end up filled."""
    await once.claim(session)
    order = await repository.owned(session, order_id, caller.user_id)
    await service.request_cancel(session, order, actor=caller.username, now=now)
    return await once.keep(session, OrderOut.model_validate(order))


# The desk adds the order by hand: a path has one router.
HANDLERS = [list_orders, get_order, cancel_order]
