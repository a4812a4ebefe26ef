"""What a what-if is asked, as it crosses HTTP."""

from decimal import Decimal
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.backtests.what_if.history.loading import MOST_ALARMS
from app.backtests.what_if.scenario import Scenario
from app.http.schemas import In, MomentIn
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.schemas import Amount, Count, Symbol
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.schemas import Level, Sizing
from app.strategies.words import LevelKind, Sides, SizingMode
from app.trading.money import Money

HUNDRED: Final = Decimal(100)
MOST_SCENARIOS: Final = 10
# As a new paper account has it.
CAPITAL: Final = Decimal(10_000)
Alarms = Annotated[frozenset[UUID], Field(max_length=MOST_ALARMS)]
Code = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
EXAMPLE: Final[dict[str, JsonValue]] = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-02-01T00:00:00Z",
    "scenarios": [
        {"name": "approve all", "approve_all": True},
        {"name": "stop at 1 %", "stop_loss": {"kind": "percent", "value": "1"}},
    ],
}


class ChangedLimits(In):
    """Limits as they would have been set; null is no limit, what is left out stays as it is."""

    max_daily_loss: Amount | None = None
    max_open_positions: Count | None = None
    max_notional_per_symbol: Amount | None = None
    max_notional_total: Amount | None = None
    max_leverage: Count | None = None
    max_orders_per_minute: Count | None = None
    min_notional: Amount | None = None
    max_price_drift_percent: Amount | None = None

    def values(self) -> dict[str, Any]:
        """By their names inside, those that were given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "min_notional" in given:
            given["min_notional"] = given["min_notional"] or Decimal(0)
        if "max_price_drift_percent" in given:
            percent = given.pop("max_price_drift_percent")
            given["max_price_drift"] = None if percent is None else percent / HUNDRED
        if given.get("max_leverage") is not None:
            given["max_leverage"] = Decimal(given["max_leverage"])
        return given


class ScenarioIn(In):
    """What would have been different; what is left out is as it was.

    `stop_loss` and `take_profit` take the place of those of every alert and strategy; null is
    none at all. `approve` and `approve_all` let through what was rejected, expired or superseded;
    `lift` what was denied or refused with these codes.
    """

    name: str = Field(min_length=1, max_length=80)
    approve_all: bool = False
    approve: Alarms = Field(default_factory=frozenset)
    reject: Alarms = Field(default_factory=frozenset)
    without: Alarms = Field(default_factory=frozenset)
    lift: frozenset[Code] = Field(default_factory=frozenset, max_length=50)
    sizing: Sizing | None = None
    stop_loss: Level | None = None
    take_profit: Level | None = None
    sides: Sides | None = None
    max_entries: int | None = Field(default=None, ge=0, le=1_000)
    limits: ChangedLimits = Field(default_factory=ChangedLimits)
    symbols: list[Symbol] | None = Field(default=None, max_length=1_000)
    without_drift_limit: bool = False
    without_age_limit: bool = False

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.sizing is not None and self.sizing.mode is SizingMode.FROM_ALERT:
            raise ValueError("sizing: say another mode than from_alert, or leave it out")
        target = self.take_profit
        if target is not None and target.kind is LevelKind.TRAILING_PERCENT:
            raise ValueError("take_profit cannot trail: set a trailing stop_loss")
        return self

    def scenario(self) -> Scenario:
        """As a replay takes it."""
        given = self.model_fields_set
        return Scenario(
            name=self.name,
            approves_all=self.approve_all,
            approve=self.approve,
            reject=self.reject,
            without=self.without,
            lift=self.lift,
            sizing=_sizing(self.sizing),
            stop_loss=_level(self.stop_loss),
            has_no_stop="stop_loss" in given and self.stop_loss is None,
            take_profit=_level(self.take_profit),
            has_no_target="take_profit" in given and self.take_profit is None,
            sides=self.sides,
            max_entries=self.max_entries,
            limits=self.limits.values(),
            symbols=None if self.symbols is None else frozenset(self.symbols),
            ignores_drift=self.without_drift_limit,
            ignores_age=self.without_age_limit,
        )


def _sizing(sizing: Sizing | None) -> SizeAsked | None:
    return None if sizing is None else SizeAsked(sizing.mode, sizing.value)


def _level(level: Level | None) -> PriceLevel | None:
    return None if level is None else PriceLevel(level.kind, level.value)


class WhatIfIn(In):
    """Which alarms, and under which other settings.

    Without `strategy_ids` all of yours, without `from` and `to` all there are. `capital` is what
    each account had at the beginning; sizes by equity and the funds rule go by it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]}, populate_by_name=True)

    strategy_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=100)
    since: MomentIn | None = Field(default=None, alias="from")
    until: MomentIn | None = Field(default=None, alias="to")
    capital: Amount = CAPITAL
    slippage_percent: Money = Field(default=Decimal(0), ge=0, lt=10)
    scenarios: list[ScenarioIn] = Field(default_factory=list, max_length=MOST_SCENARIOS)
