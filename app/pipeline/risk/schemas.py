"""Limits and switches as they cross HTTP."""

from decimal import Decimal
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from app.accounts.models import User
from app.http.schemas import In, Moment, Out
from app.pipeline.risk.exposure import DEFAULT_MIN_NOTIONAL
from app.pipeline.risk.loosening import TraderLimits
from app.pipeline.risk.models import KillSwitch, SwitchScope
from app.trading.money import Money

NO_MINIMUM: Final = Decimal(0)
# What a column holds: 20 digits before the point, 18 behind it.
Amount = Annotated[Money, Field(gt=0, max_digits=38, decimal_places=18)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Symbol = Annotated[str, Field(min_length=1, max_length=80)]
LIMITS_EXAMPLE: Final[dict[str, JsonValue]] = {
    "max_daily_loss": "200",
    "max_open_positions": 5,
    "max_notional_per_symbol": "2000",
    "max_notional_total": "5000",
    "max_leverage": 3,
    "max_orders_per_minute": 10,
    "min_notional": "10",
    "allowed_symbols": ["BTC/USDT:USDT", "ETHUSDT.P"],
    "max_price_drift_percent": "1",
    "second_approval_above": "2500",
    "second_approver": "anna",
}
# As the limits of the example are answered on a day on which one of them was raised.
LIMITS_SHOWN: Final[dict[str, JsonValue]] = {
    **LIMITS_EXAMPLE,
    "allowed_symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
    "pending": {"max_daily_loss": "400"},
    "pending_from": "2026-02-01T05:00:00.000000Z",
    "updated_at": "2026-01-31T12:00:00.000000Z",
}
SWITCH_EXAMPLE: Final[dict[str, JsonValue]] = {"is_on": True, "reason": "news at 14:30"}


class LimitsIn(In):
    """All limits at once; null or left out is no limit, but for `min_notional`, which is then 10.

    Amounts are in quote or settle currency, live and paper counted apart; a percentage is 1 for
    1 %; `allowed_symbols` takes tickers or ccxt symbols. An entry worth more than
    `second_approval_above` is sent only when `second_approver`, another user who may trade, has
    consented as well.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [LIMITS_EXAMPLE]})

    max_daily_loss: Amount | None = None
    max_open_positions: Count | None = None
    max_notional_per_symbol: Amount | None = None
    max_notional_total: Amount | None = None
    max_leverage: Count | None = None
    max_orders_per_minute: Count | None = None
    min_notional: Amount | None = DEFAULT_MIN_NOTIONAL
    allowed_symbols: list[Symbol] | None = Field(default=None, max_length=1_000)
    max_price_drift_percent: Amount | None = None
    second_approval_above: Amount | None = None
    second_approver: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _names_the_other_person(self) -> Self:
        if (self.second_approval_above is None) is not (self.second_approver is None):
            raise ValueError("second_approval_above and second_approver: give both, or neither")
        return self

    def values(self) -> dict[str, Any]:
        """By column, but for the symbols' and the other person's names, which are looked up."""
        least = NO_MINIMUM if self.min_notional is None else self.min_notional
        return {**self.model_dump(exclude={"second_approver"}), "min_notional": least}


class CapsOut(Out):
    """The limits that wait for the end of the day when they are to allow more; null is none."""

    max_daily_loss: Money | None = None
    max_open_positions: int | None = None
    max_notional_per_symbol: Money | None = None
    max_notional_total: Money | None = None
    max_leverage: int | None = None
    max_orders_per_minute: int | None = None
    allowed_symbols: list[str] | None = None
    max_price_drift_percent: Money | None = None
    second_approval_above: Money | None = None


class PendingLimitsOut(CapsOut):
    """What some limits become; the others are left out. Null is no limit any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [LIMITS_SHOWN["pending"]]})

    @model_serializer(mode="wrap")
    def _only_these(self, every: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in every(self).items() if name in self.model_fields_set}


class LimitsOut(CapsOut):
    """The trader's limits in force; null is no limit.

    `pending` names those that will allow more from `pending_from` on, with what they become; both
    are null when nothing waits.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [LIMITS_SHOWN]})

    min_notional: Money | None = DEFAULT_MIN_NOTIONAL
    second_approver: str | None = None
    pending: PendingLimitsOut | None = None
    pending_from: Moment | None = None
    updated_at: Moment | None = None

    @classmethod
    def of(cls, limits: TraderLimits, approver: User | None) -> Self:
        """Shape limits of a moment, and the person they name."""
        shown = {name: limits.values[name] for name in CapsOut.model_fields}
        return cls(
            **shown,
            min_notional=limits.values["min_notional"] or None,
            second_approver=None if approver is None else approver.username,
            pending=PendingLimitsOut(**limits.pending) if limits.pending else None,
            pending_from=limits.pending_from,
            updated_at=limits.updated_at,
        )


class KillSwitchIn(In):
    """Which entries to stop or to take again: all of yours, an account's or a strategy's."""

    model_config = ConfigDict(json_schema_extra={"examples": [SWITCH_EXAMPLE]})

    is_on: bool
    scope: SwitchScope = SwitchScope.USER
    scope_id: UUID | None = None
    reason: str | None = Field(default=None, max_length=500)

    @model_validator(mode="after")
    def _names_its_scope(self) -> Self:
        if self.scope_id is None and self.scope is not SwitchScope.USER:
            raise ValueError(f"scope_id: say which {self.scope.value}")
        return self


class KillSwitchOut(Out):
    """A switch. On: entries are denied and resting ones cancelled; exits and stops work."""

    is_on: bool
    scope: SwitchScope
    scope_id: UUID
    reason: str | None
    changed_at: Moment

    @classmethod
    def of(cls, row: KillSwitch) -> Self:
        """Shape a row."""
        return cls.model_validate(row)
