"""`/orders`: what was asked of the venue, what waits for its price, and an order by hand."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, NotFound
from app.desk.manual import place_by_hand
from app.desk.manual_schemas import ManualOrderIn
from app.desk.scheduled import called_off, order_of, scheduled_page
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.once import Once
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.flow.tools import Tools, hold_user
from app.pipeline.orders import repository, service
from app.pipeline.orders.models import Order
from app.pipeline.orders.schemas import SCHEDULED, OrderOut
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions


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
    """Newest first. `scheduled` lists the exits that wait for their price, and only those.

    They are not at the venue yet, so that no other list has them; `from` and `to` then go by when
    their position was opened.
    """
    if (status or "").strip().lower() == SCHEDULED:
        waiting = positions.scheduled(
            caller.user_id, symbol=symbol, strategy_id=strategy_id, position_id=position_id
        )
        return await scheduled_page(session, waiting, paging, of_signal=signal_id)
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
    """One of your orders, or of your scheduled exits while it waits."""
    waiting = await positions.waiting(session, caller.user_id, order_id)
    if waiting is not None:
        return order_of(waiting)
    return OrderOut.model_validate(await repository.owned(session, order_id, caller.user_id))


@delete(
    "/{order_id:uuid}",
    operation_id="cancelOrder",
    opt={"raises": [Conflict]},
    summary="Cancel an order",
    status_code=200,
    guards=[require_trader],
)
async def cancel_order(
    order_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    once: NamedDependency[Once],
) -> OrderOut:
    """Asks the venue to cancel it; it may still end up filled. A scheduled exit is called off."""
    async with tools.database.transaction() as session:
        await once.claim(session)
        await hold_user(session, tools, caller.user_id)
        waiting = await positions.waiting(session, caller.user_id, order_id)
        if waiting is not None:
            ended = await called_off(session, tools, waiting, actor=caller.username)
            return await once.keep(session, ended)
        order = await repository.owned(session, order_id, caller.user_id)
        await service.request_cancel(session, order, actor=caller.username, now=tools.now())
        return await once.keep(session, OrderOut.model_validate(order))


@post(
    "/",
    operation_id="placeOrder",
    opt={"raises": [NotFound]},
    summary="Order by hand",
    guards=[require_trader],
)
async def place_order(
    data: JSONBody[ManualOrderIn],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    once: NamedDependency[Once],
) -> OrderOut:
    """Goes to the account's manual book, under every risk rule; against the book it closes."""
    return await place_by_hand(tools, caller, data, once)


router = Router(
    path="/orders",
    tags=["orders"],
    route_handlers=[list_orders, get_order, cancel_order, place_order],
)
