"""`/confirmations`: large entries of others that wait for your consent."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath
from pydantic import ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.http.caller import Caller, require_person, require_trader
from app.http.once import Once
from app.http.schemas import Moment, Out
from app.pipeline.flow.consenting import Asked, confirm, refuse, waiting_for
from app.pipeline.signals.schemas import RejectIn
from app.pipeline.signals.second import Person
from app.pipeline.signals.status import SignalStatus
from app.trading.money import Money
from app.trading.words import PositionSide


class ConfirmationOut(Out):
    """What somebody asks your consent to, as it was sized for you; never more than that is sent.

    `notional` and `stop_loss` are in quote; without a `stop_loss` it has none yet, or it trails the
    price.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "signal_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
                    "status": "pending",
                    "asked_by": "bernd",
                    "symbol": "BTC/USDT:USDT",
                    "position_side": "long",
                    "notional": "6000",
                    "stop_loss": "58000",
                    "expires_at": "2026-01-31T12:15:00.000000Z",
                }
            ]
        }
    )

    signal_id: UUID
    status: SignalStatus
    asked_by: str
    symbol: str
    position_side: PositionSide
    notional: Money | None
    stop_loss: Money | None
    expires_at: Moment

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Shape what was asked; of its owner only the name."""
        signal, first = asked.signal, asked.first
        return cls(
            signal_id=signal.id,
            status=signal.status,
            asked_by=asked.owner.username,
            symbol=signal.symbol,
            position_side=signal.position_side,
            notional=first.notional,
            stop_loss=first.stop_loss,
            expires_at=signal.expires_at,
        )


class ConfirmationsOut(Out):
    """What waits for you, the most urgent first."""

    items: list[ConfirmationOut]


@get("/", operation_id="listConfirmations", summary="What waits for your consent")
async def list_confirmations(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> ConfirmationsOut:
    """Entries of users who named you in their limits, as long as they can still be sent."""
    found = await waiting_for(session, _person(caller), now=now)
    return ConfirmationsOut(items=[ConfirmationOut.of(one) for one in found])


@post(
    "/{signal_id:uuid}/confirm",
    operation_id="confirmEntry",
    summary="Consent to somebody's entry",
    status_code=200,
    opt={"raises": [Conflict]},
)
async def confirm_entry(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
) -> ConfirmationOut:
    """Answers at once; the order follows, under every rule of its owner. 403 for one's own."""
    await once.claim(session)
    asked = await confirm(session, signal_id, _person(caller), now=now)
    return await once.keep(session, ConfirmationOut.of(asked))


@post(
    "/{signal_id:uuid}/reject",
    operation_id="rejectEntry",
    summary="Refuse your consent to somebody's entry",
    status_code=200,
    opt={"raises": [Conflict]},
)
async def reject_entry(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    once: NamedDependency[Once],
    data: Annotated[RejectIn | None, Body()] = None,
) -> ConfirmationOut:
    """Nothing is sent; its owner is told, with your reason."""
    await once.claim(session)
    reason = data.reason if data is not None else None
    asked = await refuse(session, signal_id, _person(caller), now=now, reason=reason)
    return await once.keep(session, ConfirmationOut.of(asked))


def _person(caller: Caller) -> Person:
    return Person(caller.user_id, caller.username)


router = Router(
    path="/confirmations",
    tags=["confirmations"],
    guards=[require_person, require_trader],
    route_handlers=[list_confirmations, confirm_entry, reject_entry],
)
