"""Strategies as they cross HTTP."""

from decimal import Decimal
from typing import Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.http.schemas import In, Moment, Out
from app.strategies import template
from app.strategies.models import Strategy
from app.strategies.words import Approval, LevelKind, OnOpposite, Sides, SizingMode
from app.trading.money import Money
from app.trading.words import MarginMode, TriggerBy

MAX_LEVERAGE = 125
MAX_OVERLAP_SECONDS = 7 * 86_400
EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "BTC breakout",
    "account_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "approval": "manual",
    "sizing": {"mode": "risk_percent", "value": "1"},
    "default_stop_loss": {"kind": "percent", "value": "2"},
}


class Sizing(In):
    """How large an entry is: `value` in base units, quote or percent, by `mode`.

    With `from_alert` the alert says it; `value` is then the notional in quote for alerts that
    bring no size, and without it such an alert is denied.
    """

    mode: SizingMode
    value: Money | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        is_optional = self.mode is SizingMode.FROM_ALERT
        if self.value is None and not is_optional:
            raise ValueError(f"sizing {self.mode.value} needs a value")
        if self.value is not None and self.value <= 0:
            raise ValueError("the sizing value must be above 0")
        return self


class Level(In):
    """A default stop or target: a price, a percentage of the entry, a distance, or trailing."""

    kind: LevelKind
    value: Money = Field(gt=0)


class StrategySettings(In):
    """What may be set and changed; every field has a safe default."""

    approval: Approval = Approval.MANUAL
    # A factory, here and elsewhere: a value would be documented as the default of every sizing.
    sizing: Sizing = Field(default_factory=lambda: Sizing(mode=SizingMode.FROM_ALERT))
    leverage: int = Field(default=1, ge=1, le=MAX_LEVERAGE)
    margin_mode: MarginMode = MarginMode.ISOLATED
    default_stop_loss: Level | None = None
    default_take_profit: Level | None = None
    max_alarm_age_seconds: int = Field(default=120, ge=1, le=86_400)
    signal_ttl_seconds: int = Field(default=900, ge=1, le=7 * 86_400)
    max_price_drift_percent: Money | None = Field(default=None, gt=0)
    ticker_map: dict[str, str] = Field(default_factory=dict)
    allowed_symbols: list[str] | None = None
    sides: Sides = Sides.BOTH
    on_opposite: OnOpposite = OnOpposite.CLOSE
    max_entries: int = Field(default=1, ge=0)
    allocation: Money | None = Field(default=None, gt=0)
    reinvest: bool = False
    approve_exits: Approval = Approval.AUTO
    exit_max_age_seconds: int = Field(default=900, ge=1, le=86_400)
    max_holding_seconds: int | None = Field(default=None, ge=1)
    heartbeat_seconds: int | None = Field(
        default=None,
        ge=1,
        le=30 * 86_400,
        description="How often an alert is due at least; twice as long without any is a gap.",
    )
    max_slippage_percent: Money | None = Field(default=None, gt=0, lt=100)
    trigger_by: TriggerBy = TriggerBy.MARK
    raise_to_min_notional: bool = False
    algorithm: str | None = Field(default=None, max_length=120)
    is_active: bool = True

    @model_validator(mode="after")
    def _target_cannot_trail(self) -> Self:
        target = self.default_take_profit
        if target is not None and target.kind is LevelKind.TRAILING_PERCENT:
            raise ValueError("default_take_profit cannot trail: set a trailing default_stop_loss")
        return self


class StrategyIn(StrategySettings):
    """A new strategy."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str = Field(min_length=1, max_length=120)
    account_id: UUID


class StrategyPatch(StrategySettings):
    """Only the fields that are sent are changed."""

    name: str = Field(default="", min_length=1, max_length=120)


class ActivateIn(In):
    """Whether the strategy's alerts may open positions."""

    is_active: bool


class RotateIn(In):
    """How long the old webhook URL works beside the new one; at once it ends without any."""

    overlap_seconds: int = Field(default=0, ge=0, le=MAX_OVERLAP_SECONDS)


class StrategyOut(Out):
    """A strategy; its webhook token is never shown again after it was made.

    `token_hint` is the token's end. Until `previous_token_until` the token before it works, too.
    """

    id: UUID
    name: str
    account_id: UUID
    token_hint: str
    previous_token_hint: str | None
    previous_token_until: Moment | None
    approval: Approval
    sizing: Sizing
    leverage: int
    margin_mode: MarginMode
    default_stop_loss: Level | None
    default_take_profit: Level | None
    max_alarm_age_seconds: int
    signal_ttl_seconds: int
    max_price_drift_percent: Money | None
    ticker_map: dict[str, Any]
    allowed_symbols: list[str] | None
    sides: Sides
    on_opposite: OnOpposite
    max_entries: int
    allocation: Money | None
    reinvest: bool
    approve_exits: Approval
    exit_max_age_seconds: int
    max_holding_seconds: int | None
    heartbeat_seconds: int | None
    max_slippage_percent: Money | None
    trigger_by: TriggerBy
    raise_to_min_notional: bool
    algorithm: str | None
    is_active: bool
    is_manual: bool
    created_at: Moment

    @classmethod
    def of(cls, row: Strategy) -> Self:
        """Shape a row."""
        return cls.model_validate(_fields(row))


class StrategyWithUrl(StrategyOut):
    """The answer to create and rotate-token: the only place where the URL is shown."""

    webhook_url: str

    @classmethod
    def with_url(cls, row: Strategy, webhook_url: str) -> Self:
        """Shape a row together with its fresh URL."""
        return cls.model_validate({**_fields(row), "webhook_url": webhook_url})


class AppliesOut(Out):
    """What counts for an alert that says nothing else."""

    sizing: Sizing
    default_stop_loss: Level | None
    default_take_profit: Level | None
    approval: Approval
    approve_exits: Approval
    sides: Sides
    on_opposite: OnOpposite
    leverage: int
    margin_mode: MarginMode
    max_entries: int
    max_alarm_age_seconds: int
    exit_max_age_seconds: int


class AlertTemplateOut(Out):
    """Text to paste into TradingView's message field, where it goes, and what it leaves out."""

    strategy_alert: str
    indicator_alert: str
    paste_url: str
    paste_text: str
    applies: AppliesOut
    notes: list[str]

    @classmethod
    def of(cls, row: Strategy) -> Self:
        """The texts of a strategy as it is set now."""
        return cls(
            strategy_alert=template.as_text(template.strategy_alert(row)),
            indicator_alert=template.as_text(template.indicator_alert(row)),
            paste_url=template.paste_url(row),
            paste_text=template.PASTE_TEXT,
            applies=AppliesOut.model_validate(_fields(row)),
            notes=template.notes_for(row),
        )


def _fields(row: Strategy) -> dict[str, Any]:
    values = {name: getattr(row, name, None) for name in StrategyOut.model_fields}
    values["sizing"] = {"mode": row.sizing_mode, "value": row.sizing_value}
    for name in ("default_stop_loss", "default_take_profit"):
        values[name] = _level(getattr(row, f"{name}_kind"), getattr(row, f"{name}_value"))
    return values


def _level(kind: LevelKind | None, value: Decimal | None) -> dict[str, Any] | None:
    return None if kind is None else {"kind": kind, "value": value}
