"""`/orders`: what was asked of the venue, and an order by hand."""

from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.core.errors import NotFound
from app.desk.manual import place_by_hand
from app.desk.manual_schemas import ManualOrderIn
from app.http.caller import Caller, require_trader
from app.http.once import Once
from app.pipeline.flow.tools import Tools
from app.pipeline.orders.routes import HANDLERS
from app.pipeline.orders.schemas import OrderOut


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


router = Router(path="/orders", tags=["orders"], route_handlers=[*HANDLERS, place_order])
