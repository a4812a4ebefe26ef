"""`/signals`: what is intended, and what the trader does not want."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.once import Once
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.signals import repository, service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.schemas import RejectIn, SignalOut
from app.pipeline.signals.status import SignalStatus


@get("/", operation_id="listSignals", summary="Your signals")
async def list_signals(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
) -> Page[SignalOut]:
    """Newest first."""
    query = repository.listing(
        caller.user_id,
        status=choice(SignalStatus, status, "status"),
        strategy_id=strategy_id,
        symbol=symbol,
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Signal.id,
        time_column=Signal.received_at,
        shape=SignalOut.model_validate,
    )


@get("/{signal_id:uuid}", operation_id="getSignal", summary="One signal")
async def get_signal(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> SignalOut:
    """One of your signals."""
    return SignalOut.model_validate(await repository.owned(session, signal_id, caller.user_id))


@post(
    "/{signal_id:uuid}/reject",
    operation_id="rejectSignal",
    summary="Reject a pending signal",
    status_code=200,
    guards=[require_trader],
)
async def reject_signal(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
    data: Annotated[RejectIn | None, Body()] = None,
) -> SignalOut:
    """Nothing is sent."""
    await once.claim(session)
    signal = await repository.owned(session, signal_id, caller.user_id)
    reason = data.reason if data is not None else None
    decided = await service.reject(session, signal, actor=caller.username, now=now, reason=reason)
    return await once.keep(session, SignalOut.model_validate(decided))


router = Router(
    path="/signals", tags=["signals"], route_handlers=[list_signals, get_signal, reject_signal]
)
