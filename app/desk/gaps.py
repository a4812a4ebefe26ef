"""`/alarms/gaps`: alerts that never arrived, and what to do about them."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Denied
from app.desk.gap_schemas import GapOut, IgnoreIn, RepairIn
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.alarms.gaps import repository as gap_repository
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.alarms.service import bytes_of
from app.pipeline.alarms.status import GapStatus
from app.pipeline.flow import gaps
from app.pipeline.flow.gaps import Decider
from app.pipeline.flow.tools import Tools


@get("/", operation_id="listGaps", summary="Alerts that never arrived")
async def list_gaps(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    strategy_id: FromQuery[UUID | None] = None,
) -> Page[GapOut]:
    """Newest first; `status=open` are those that wait for you."""
    query = gap_repository.listing(
        caller.user_id, status=choice(GapStatus, status, "status"), strategy_id=strategy_id
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Gap.id,
        time_column=Gap.opened_at,
        shape=GapOut.of,
    )


@get("/{gap_id:uuid}", operation_id="getGap", summary="One gap")
async def get_gap(
    gap_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> GapOut:
    """What TradingView's position should have been, what it was, and what came of it."""
    return GapOut.of(await gap_repository.owned(session, gap_id, caller.user_id))


@post(
    "/{gap_id:uuid}/ignore",
    operation_id="ignoreGap",
    opt={"raises": [Conflict]},
    summary="Leave your position as it is",
    status_code=200,
    guards=[require_trader],
)
async def ignore_gap(
    gap_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    data: Annotated[IgnoreIn | None, Body()] = None,
) -> GapOut:
    """Nothing is traded. Decided once: everyone after the first gets 409."""
    reason = data.reason if data is not None else None
    return GapOut.of(await gaps.ignore(tools, gap_id, _decider(caller), reason=reason))


@post(
    "/{gap_id:uuid}/adopt",
    operation_id="adoptGap",
    opt={"raises": [Conflict, Denied]},
    summary="Bring your position to TradingView's",
    status_code=200,
    guards=[require_trader],
)
async def adopt_gap(
    gap_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> GapOut:
    """Makes a signal, at today's price and under every rule; `signal_id` names it.

    An entry waits for your approval, even where the strategy approves by itself; what only reduces
    goes at once. Only the side counts, and the share by which TradingView's position changed,
    unless the strategy takes its sizes from alerts. 409 `already_there` when nothing is to be done.
    """
    return GapOut.of(await gaps.adopt(tools, gap_id, _decider(caller)))


@post(
    "/{gap_id:uuid}/repair",
    operation_id="repairGap",
    opt={"raises": [Conflict, Denied]},
    summary="Carry out the alert that never arrived",
    status_code=200,
    guards=[require_trader],
)
async def repair_gap(
    gap_id: FromPath[UUID],
    data: JSONBody[RepairIn],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> GapOut:
    """The text is an alarm by hand, held to the same age: `repair_alarm_id` names it.

    What is too old by its own time is kept and not acted on: 409, and the gap stays open.
    """
    body = bytes_of(data.body)
    return GapOut.of(await gaps.repair(tools, gap_id, _decider(caller), body))


def _decider(caller: Caller) -> Decider:
    return Decider(caller.user_id, caller.username)


router = Router(
    path="/gaps",
    tags=["alarms"],
    route_handlers=[list_gaps, get_gap, ignore_gap, adopt_gap, repair_gap],
)
