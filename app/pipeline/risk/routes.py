"""`/risk`: the trader's limits and kill switches."""

from datetime import datetime
from typing import Any

from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.http.caller import Caller, check_proof, require_trader
from app.http.once import Once
from app.market.instruments import InstrumentBook
from app.pipeline.risk import repository, service
from app.pipeline.risk.schemas import KillSwitchIn, KillSwitchOut, LimitsIn, LimitsOut


@get("/", operation_id="getLimits", summary="Your limits")
async def get_limits(
    caller: NamedDependency[Caller], session: NamedDependency[AsyncSession]
) -> LimitsOut:
    """Null is no limit."""
    return LimitsOut.of(await repository.profile(session, caller.user_id))


@put("/", operation_id="setLimits", summary="Replace your limits", guards=[require_trader])
async def set_limits(
    request: Request[Any, Any, Any],
    data: JSONBody[LimitsIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> LimitsOut:
    """What is left out is no limit any more; entries from now on obey the new ones.

    To allow more than before takes a fresh password; to allow less takes none.
    """
    await once.claim(session)
    instruments: InstrumentBook = request.app.state.tools.instruments
    values = data.values()
    values["allowed_symbols"] = await service.listed_symbols(
        session, instruments, caller.user_id, data.allowed_symbols
    )
    row = await service.set_limits(
        session,
        caller.user_id,
        values,
        actor=caller.username,
        now=now,
        before_loosening=lambda: check_proof(caller),
    )
    return await once.keep(session, LimitsOut.of(row))


@post(
    "/kill-switch",
    operation_id="setKillSwitch",
    opt={"raises": [NotFound]},
    summary="Stop new entries, or take them again",
    status_code=200,
    guards=[require_trader],
)
async def set_kill_switch(
    data: JSONBody[KillSwitchIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> KillSwitchOut:
    """Resting entries are cancelled within seconds; releasing revives nothing.

    To throw it takes nothing; to release it takes a fresh password.
    """
    if not data.is_on:
        check_proof(caller)
    await once.claim(session)
    switch = await service.set_kill_switch(
        session,
        caller.user_id,
        scope=data.scope,
        scope_id=await service.owned_scope(session, caller.user_id, data.scope, data.scope_id),
        is_on=data.is_on,
        actor=caller.username,
        now=now,
        reason=data.reason,
    )
    return await once.keep(session, KillSwitchOut.of(switch))


router = Router(
    path="/risk", tags=["risk"], route_handlers=[get_limits, set_limits, set_kill_switch]
)
