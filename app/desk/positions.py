"""`/positions`: what is held, with live figures; close it, schedule that, or move its levels."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, get, patch, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import plain
from app.core.errors import AppError, Conflict, Denied
from app.desk.providers import tools_of
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.once import Once
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.scheduling import Asked, schedule_in
from app.pipeline.flow.tools import Tools, hold_user, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.schemas import FillOut
from app.pipeline.positions import repository, service
from app.pipeline.positions.book import unrealised
from app.pipeline.positions.models import Position
from app.pipeline.positions.schemas import (
    CloseIn,
    LevelsIn,
    PositionDetail,
    PositionOut,
    ScheduleIn,
)
from app.pipeline.positions.status import PositionStatus
from app.pipeline.wakeups import Work, wake
from app.trading.words import CloseReason


@get("/", operation_id="listPositions", summary="Your positions")
async def list_positions(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    symbol: FromQuery[str | None] = None,
    strategy_id: FromQuery[UUID | None] = None,
    account_id: FromQuery[UUID | None] = None,
) -> Page[PositionOut]:
    """Newest first, open ones with their unrealised result at the price of this moment."""
    query = repository.listing(
        caller.user_id,
        status=choice(PositionStatus, status, "status"),
        symbol=symbol,
        strategy_id=strategy_id,
        account_id=account_id,
    )
    page = await page_of(
        session,
        query,
        paging,
        id_column=Position.id,
        time_column=Position.created_at,
        shape=_row,
    )
    live = await _live_figures(session, tools_of(request), page.items)
    items = [PositionOut.of(row, price=p, unrealized=u) for row, (p, u) in live]
    return Page(items=items, next_cursor=page.next_cursor)


@get("/{position_id:uuid}", operation_id="getPosition", summary="One position")
async def get_position(
    request: Request[Any, Any, Any],
    position_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> PositionDetail:
    """One of your positions, with its fills."""
    row = await repository.owned(session, position_id, caller.user_id)
    return await detail_of(session, tools_of(request), row)


@patch(
    "/{position_id:uuid}",
    operation_id="changePosition",
    summary="Move stop, target or trailing distance",
    guards=[require_trader],
)
async def change_position(
    request: Request[Any, Any, Any],
    position_id: FromPath[UUID],
    data: JSONBody[LevelsIn],
    caller: NamedDependency[Caller],
    once: NamedDependency[Once],
) -> PositionDetail:
    """Null takes a level away. A level the price has passed already is refused."""
    tools = tools_of(request)
    changes = data.model_dump(exclude_unset=True)
    async with tools.database.transaction() as session:
        await once.claim(session)
        row = await repository.owned(session, position_id, caller.user_id)
        _refuse_passed(row, changes, await _price(session, tools, row))
        now = tools.now()
        await service.change_levels(session, row, changes, actor=caller.username, now=now)
        wake(session, Work.POSITION, row.id, now=now)
        lane = (row.account_id, row.symbol)
        wake(session, Work.PROTECT, row.id, now=now, lane=lane, is_urgent=True)
        return await once.keep(session, await detail_of(session, tools, row))


@post(
    "/{position_id:uuid}/close",
    operation_id="closePosition",
    summary="Close a position, or part of it",
    status_code=200,
    guards=[require_trader],
)
async def close_position(
    request: Request[Any, Any, Any],
    position_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    once: NamedDependency[Once],
    data: Annotated[CloseIn | None, Body()] = None,
) -> PositionDetail:
    """Sends a reduce-only market order; the position is tagged `user_stopped`."""
    tools = tools_of(request)
    async with tools.database.read() as session:
        await once.look(session)
        await repository.owned(session, position_id, caller.user_id)
    wanted = Exit(
        reason=CloseReason.USER_STOPPED,
        actor=caller.username,
        quantity=data.quantity if data is not None else None,
    )
    closing = _Closing(tools, once, position_id)
    await exit_position(tools, position_id, wanted, witness=closing)
    return closing.answer


@post(
    "/{position_id:uuid}/schedule-sell",
    operation_id="scheduleSell",
    opt={"raises": [Conflict, Denied]},
    summary="Close a position once it has earned its profit",
    status_code=200,
    guards=[require_trader],
)
async def schedule_sell(
    position_id: FromPath[UUID],
    data: JSONBody[ScheduleIn],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    once: NamedDependency[Once],
) -> PositionDetail:
    """A limit that waits here and goes to the venue when the market pays it; never a market order.

    It is never below cost, both fees and the profit, also after more was bought; a short is bought
    back. Another one takes its place; `DELETE /orders/{id}` with the id of `scheduled` ends it.
    """
    async with tools.database.transaction() as session:
        await once.claim(session)
        await hold_user(session, tools, caller.user_id)
        row = await repository.owned(session, position_id, caller.user_id)
        asked = Asked(actor=caller.username, **data.model_dump())
        await schedule_in(session, tools, row, asked)
        return await once.keep(session, await detail_of(session, tools, row))


class _Closing:
    """Makes the answer where the exit is committed, and keeps it for the request's key."""

    answer: PositionDetail

    def __init__(self, tools: Tools, once: Once, position_id: UUID) -> None:
        self._tools = tools
        self._once = once
        self._position_id = position_id

    async def before(self, session: AsyncSession) -> None:
        await self._once.claim(session)

    async def after(self, session: AsyncSession, _: Order | None) -> None:
        row = await repository.get(session, self._position_id)
        self.answer = await self._once.keep(session, await detail_of(session, self._tools, row))


def _row(row: Position) -> Position:
    return row


async def detail_of(session: AsyncSession, tools: Tools, row: Position) -> PositionDetail:
    """A position with its fills, and what it is worth at this moment."""
    [(_, (price, unrealized))] = await _live_figures(session, tools, [row])
    fills = [FillOut.model_validate(f) for f in await orders.fills_of_position(session, row.id)]
    return PositionDetail.with_fills(row, fills, price=price, unrealized=unrealized)


async def _live_figures(
    session: AsyncSession, tools: Tools, rows: Sequence[Position]
) -> list[tuple[Position, tuple[Decimal | None, Decimal | None]]]:
    """Each row with its price and unrealised result; nothing for closed ones."""
    found = []
    for row in rows:
        price = None if row.is_closed else await _price(session, tools, row)
        unrealized = None
        if price is not None:
            place = await place_of(session, tools, row.account_id, row.symbol)
            unrealized = unrealised(service.book_of(row, place.instrument), price)
        found.append((row, (price, unrealized)))
    return found


async def _price(session: AsyncSession, tools: Tools, row: Position) -> Decimal | None:
    try:
        place = await place_of(session, tools, row.account_id, row.symbol)
    except AppError:
        return None
    quote = tools.prices.latest(place.key)
    return None if quote is None else quote.fair


def _refuse_passed(
    row: Position, changes: dict[str, Decimal | None], price: Decimal | None
) -> None:
    if price is None:
        return
    sign = row.position_side.sign
    stop, target = changes.get("stop_loss"), changes.get("take_profit")
    if stop is not None and (price - stop) * sign <= 0:
        raise Denied(
            f"The price is {plain(price)}: a stop at {plain(stop)} would close at once.",
            code="stop_on_wrong_side",
        )
    if target is not None and (target - price) * sign <= 0:
        raise Denied(
            f"The price is {plain(price)}: a target at {plain(target)} would close at once.",
            code="target_on_wrong_side",
        )


router = Router(
    path="/positions",
    tags=["positions"],
    route_handlers=[list_positions, get_position, change_position, close_position, schedule_sell],
)
