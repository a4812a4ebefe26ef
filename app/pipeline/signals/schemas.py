"""Signals as they cross HTTP."""

from typing import Any, Final
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.core.words import Word
from app.http.schemas import In, Moment, Out, TargetShare
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import LevelKind
from app.trading.money import Money
from app.trading.words import OrderType, PositionSide

ACTIVE_EXAMPLE: Final[dict[str, JsonValue]] = {
    "signals": [
        {
            "strategy_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
            "symbol": "BTCUSDT.P",
            "position_side": "long",
            "entry_price": "60000",
            "stop_loss": "58000",
            "take_profit": "64000",
            "quantity": "0.01",
            "external_id": "2026-01-31T12:00 BTC",
        }
    ],
    "complete": True,
}


class SignalOut(Out):
    """A signal; `quantity`, `stop_loss` and `take_profit` are what was or will be sent.

    `targets` is filled where there are several; `take_profit` is the nearest of them.
    """

    id: UUID
    status: SignalStatus
    reason: str | None
    strategy_id: UUID
    account_id: UUID
    alarm_id: UUID | None
    is_test: bool
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
    targets: list[TargetShare] | None
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


class ActiveWord(Word):
    """What became of one item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


class ActiveSignalIn(In):
    """One position a strategy script wants to hold.

    The entry is sent at market; `entry_price` is the price that its drift is counted from.
    """

    strategy_id: UUID
    symbol: str = Field(min_length=1, max_length=80)
    position_side: PositionSide
    entry_price: Money | None = Field(default=None, gt=0)
    stop_loss: Money | None = Field(default=None, gt=0)
    take_profit: Money | None = Field(default=None, gt=0)
    quantity: Money | None = Field(default=None, gt=0)
    external_id: str | None = Field(default=None, min_length=1, max_length=120)


class ActiveIn(In):
    """All of them; a single one, or a bare list, is taken as well.

    `complete` says that a strategy has no others: its pending signals that are missing expire.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [ACTIVE_EXAMPLE]})

    signals: list[ActiveSignalIn] = Field(min_length=1, max_length=500)
    complete: bool = False

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"signals": value}
        if isinstance(value, dict) and "signals" not in value:
            one = {name: item for name, item in value.items() if name != "complete"}
            return {"signals": [one], "complete": value.get("complete", False)}
        return value


class ActiveResult(Out):
    """What became of one of them; `reason` is `code: sentence`."""

    signal_id: UUID | None
    external_id: str | None
    result: ActiveWord
    reason: str | None = None


class ActiveOut(Out):
    """One result for each item in its order, then the older signals that were superseded.

    `expired` are the pending ones that were missing from a complete list.
    """

    items: list[ActiveResult]
    expired: list[UUID]
