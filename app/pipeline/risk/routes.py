"""`/risk`: the trader's limits and kill switches."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.http.caller import Caller, check_proof, require_trader
from app.http.once import Once
from app.market.instruments import InstrumentBook
from app.pipeline.risk import repository, service
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.schemas import KillSwitchIn, KillSwitchOut, LimitsIn, LimitsOut


@get("/", operation_id="getLimits", summary="Your limits")
async def get_limits(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> LimitsOut:
    """What is in force now, and under `pending` what some of them become at `pending_from`."""
    limits = limits_at(await repository.profile(session, caller.user_id), now=now)
    return LimitsOut.of(limits, await repository.approver_of(session, limits))


@put(
    "/",
    operation_id="setLimits",
    summary="Replace your limits: less at once, more tomorrow",
    guards=[require_trader],
)
async def set_limits(
    request: Request[Any, Any, Any],
    data: JSONBody[LimitsIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> LimitsOut:
    """What is left out is no limit any more; what allows less holds at once, all else tomorrow.

    To allow more than before takes a fresh password, and waits for the end of your day in your
    time zone: the answer has it under `pending`. To allow less takes neither, and so does keeping
    what waits: send the limits in force with those of `pending` in their place. What waits and is
    not sent again is dropped.
    """
    await once.claim(session)
    instruments: InstrumentBook = request.app.state.tools.instruments
    values = data.values()
    values["allowed_symbols"] = await service.listed_symbols(
        session, instruments, caller.user_id, data.allowed_symbols
    )
    values["second_approver_id"] = await service.approver_named(
        session, caller.user_id, data.second_approver
    )
    limits = await service.set_limits(
        session,
        caller.user_id,
        values,
        zone=ZoneInfo(caller.zone),
        actor=caller.username,
        now=now,
        before_loosening=lambda: check_proof(caller),
    )
    out = LimitsOut.of(limits, await repository.approver_of(session, limits))
    return await once.keep(session, out)


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
