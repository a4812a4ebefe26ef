"""Signals as they cross HTTP."""

from uuid import UUID

from pydantic import Field

from app.http.schemas import In, Moment, Out
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import LevelKind
from app.trading.money import Money
from app.trading.words import OrderType, PositionSide


class SignalOut(Out):
    """A signal; `quantity`, `stop_loss` and `take_profit` are what was or will be sent."""

    id: UUID
    status: SignalStatus
    reason: str | None
    strategy_id: UUID
    account_id: UUID
    alarm_id: UUID | None
    external_id: str | None
    action: SignalAction
    symbol: str
    position_side: PositionSide
    order_type: OrderType
    limit_price: Money | None
    size_kind: SizeKind
    size_value: Money | None
    stop_kind: LevelKind | None
    stop_value: Money | None
    target_kind: LevelKind | None
    target_value: Money | None
    leverage: int | None
    quantity: Money | None
    stop_loss: Money | None
    take_profit: Money | None
    sentence: str
    comment: str | None
    reference_price: Money | None
    alert_at: Moment | None
    received_at: Moment
    expires_at: Moment
    decided_at: Moment | None
    decided_by: str | None
    approved_fraction: Money | None


class ApproveIn(In):
    """How much of it; everything when left out."""

    fraction: Money | None = Field(default=None, gt=0, le=1)


class RejectIn(In):
    """Why not; for the trader's own records."""

    reason: str | None = Field(default=None, max_length=500)


class ActiveSignalIn(In):
    """One position a strategy script wants to hold."""

    strategy_id: UUID
    symbol: str = Field(min_length=1, max_length=80)
    position_side: PositionSide
    entry_price: Money | None = Field(default=None, gt=0)
    stop_loss: Money | None = Field(default=None, gt=0)
    take_profit: Money | None = Field(default=None, gt=0)
    quantity: Money | None = Field(default=None, gt=0)
    external_id: str | None = Field(default=None, max_length=120)


class ActiveResult(Out):
    """What became of one of them."""

    signal_id: UUID | None
    external_id: str | None
    result: str
    reason: str | None = None


class ActiveOut(Out):
    """What became of all of them, and which pending ones were missing and so expired."""

    items: list[ActiveResult]
    expired: list[UUID]
