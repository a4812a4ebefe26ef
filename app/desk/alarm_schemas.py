"""Alarms with what came of them, and alerts explained, as they cross HTTP."""

from typing import Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.http.schemas import In, Moment, Out
from app.pipeline.alarms.meaning import Action, Level, Size, SizeKind, TakeProfit
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.schemas import AlarmDetail
from app.strategies.words import Approval, LevelKind, OnOpposite, Sides, SizingMode
from app.trading.money import Money
from app.trading.words import OrderType, PositionSide

ALERT: Final = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01"}'
BY_HAND: Final[dict[str, JsonValue]] = {
    "strategy_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "body": ALERT,
}


class AlarmByHandIn(In):
    """An alert to send as if TradingView had: `body` is its whole text."""

    model_config = ConfigDict(json_schema_extra={"examples": [BY_HAND]})

    strategy_id: UUID
    body: str = Field(min_length=1)


class AlarmTaken(AlarmDetail):
    """The alarm that an alert by hand became, or the one it repeats."""

    alarm_id: UUID
    is_duplicate: bool

    @classmethod
    def of_delivery(cls, row: Alarm, *, is_duplicate: bool) -> Self:
        """Shape a row."""
        detail = AlarmDetail.of(row).model_dump()
        return cls(**detail, alarm_id=row.id, is_duplicate=is_duplicate)


class StepOut(Out):
    """One thing that happened, to the microsecond, with the price it happened at if it had one."""

    at: Moment
    step: str
    detail: str
    price: Money | None = None


class AlarmStory(AlarmDetail):
    """An alarm and every step that followed, oldest first.

    `gap_id` names the gap that it revealed: alerts before it never arrived.
    """

    gap_id: UUID | None = None
    timeline: list[StepOut]


class ProblemOut(Out):
    """What is odd about an alert; `position` is the character it starts at, from 0."""

    code: str
    detail: str
    position: int | None


class SizeOut(Out):
    """How much, in the unit that `kind` says."""

    kind: SizeKind
    value: Money | None

    @classmethod
    def of(cls, size: Size) -> Self:
        """Shape a size."""
        return cls(kind=size.kind, value=size.value)


class LevelOut(Out):
    """Where a stop lies."""

    kind: LevelKind
    value: Money

    @classmethod
    def of(cls, level: Level | None) -> Self | None:
        """Shape a level."""
        return None if level is None else cls(kind=level.kind, value=level.value)


class TargetOut(LevelOut):
    """One target and the share of the position that it closes; null is an equal share."""

    portion_percent: Money | None

    @classmethod
    def of_target(cls, target: TakeProfit) -> Self:
        """Shape a target."""
        level = target.level
        return cls(kind=level.kind, value=level.value, portion_percent=target.portion_percent)


class IntentOut(Out):
    """One thing an alert asks for; `symbol` is null when no market is known for its ticker."""

    action: Action
    position_side: PositionSide | None
    ticker: str | None
    symbol: str | None
    size: SizeOut
    order_type: OrderType
    limit_price: Money | None
    stop_loss: LevelOut | None
    take_profits: list[TargetOut]
    leverage: Money | None
    comment: str | None


class WouldOut(Out):
    """What one intent becomes against the strategy's open book: a signal, or nothing and why."""

    action: Action
    position_side: PositionSide | None
    symbol: str | None
    sentence: str
    reason: str | None


class AppliedOut(Out):
    """The settings that would apply, and what would be done now."""

    strategy_id: UUID
    name: str
    is_active: bool
    approval: Approval
    sizing_mode: SizingMode
    sizing_value: Money | None
    leverage: int
    sides: Sides
    on_opposite: OnOpposite
    max_alarm_age_seconds: int
    would: list[WouldOut]


class ExplanationOut(Out):
    """What an alert means; `reason` is `code: sentence` when it is not understood."""

    dialect: str | None
    understood: bool
    reason: str | None
    intents: list[IntentOut]
    sentence: str | None
    problems: list[ProblemOut]
    strategy: AppliedOut | None = None
