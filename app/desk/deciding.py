"""`/signals`: approving one, and what a strategy script wants to hold.

How much a trader's own word counts for depends on their limits, so these are questions of the desk.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.failpoints import failpoint
from app.http.caller import Caller, require_trader
from app.http.once import Once
from app.pipeline.flow.tools import Tools
from app.pipeline.flow.weighing import approve
from app.pipeline.risk import repository as risk
from app.pipeline.signals import repository as signals
from app.pipeline.signals.active import Update, update_active
from app.pipeline.signals.schemas import ActiveIn, ActiveOut, ApproveIn, SignalOut


@post(
    "/{signal_id:uuid}/approve",
    operation_id="approveSignal",
    summary="Approve a pending signal",
    status_code=200,
    guards=[require_trader],
)
async def approve_signal(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
    data: Annotated[ApproveIn | None, Body()] = None,
) -> SignalOut:
    """Answers at once; the order follows. Decided once: everyone after the first gets 409.

    Where your limits ask for a second person, an entry stays pending until it was sized: then it is
    approved, or waits for their consent.
    """
    failpoint("C10")
    await once.claim(session)
    signal = await signals.owned(session, signal_id, caller.user_id)
    fraction = data.fraction if data is not None else None
    decided = await approve(session, signal, actor=caller.username, now=now, fraction=fraction)
    return await once.keep(session, SignalOut.model_validate(decided))


@post(
    "/update_active",
    operation_id="updateActiveSignals",
    summary="Tell what a strategy script wants to hold",
    description=(
        "One signal, a bare list, or `signals` with `complete`. At most one signal is pending per "
        "strategy and symbol: the same `external_id`, or none, changes it in place; another one, "
        "or the other side, supersedes it. Approved signals are never touched; one that waits for "
        "a second person's consent is superseded instead of changed."
    ),
    status_code=200,
    guards=[require_trader],
    opt={"scope": "signals:write"},
)
async def update_active_signals(
    data: JSONBody[ActiveIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> ActiveOut:
    """All of it or nothing; an item that cannot be taken is refused and leaves the others alone."""
    await once.claim(session)
    update = Update(
        session,
        tools.instruments,
        caller.user_id,
        caller.username,
        now,
        may_need_second=await risk.asks_second(session, caller.user_id, now=now),
    )
    return await once.keep(session, await update_active(update, data))


router = Router(
    path="/signals", tags=["signals"], route_handlers=[approve_signal, update_active_signals]
)
