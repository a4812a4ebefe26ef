"""Positions as they cross HTTP."""

from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.http.schemas import In, Moment, Out, TargetShare
from app.pipeline.orders.schemas import FillOut
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.trading.money import Money
from app.trading.words import CloseReason, PositionSide, Protection, TriggerBy


class ScheduledOut(Out):
    """An exit that waits for its price; `quantity` in base units, null for all that is held.

    `price` is the limit it has now: that of its floor and of `limit_price` which pays more. The
    floor is the price at which cost and both fees are paid, and `min_profit_percent` on top.
    """

    id: UUID
    min_profit_percent: Money
    quantity: Money | None
    limit_price: Money | None
    price: Money
    scheduled_by: str
    scheduled_at: Moment


class PositionOut(Out):
    """A position; `quantity` in base units, `realized_pnl` net of fees in settle currency.

    `protection` says who guards it and `protection_note` what keeps its stop from the venue.
    `naked_seconds` is how long it had a stop that nobody carried; while that goes on,
    `naked_since` is set and the seconds since then come on top. `targets` is filled where there
    are several; `take_profit` is the nearest. At `close_at` it is closed whatever its price;
    `scheduled` is what is sold, or bought back, as soon as the market pays its price.
    """

    id: UUID
    status: PositionStatus
    strategy_id: UUID
    account_id: UUID
    symbol: str
    position_side: PositionSide
    quantity: Money
    entries: int
    entry_price: Money | None
    exit_price: Money | None
    sold_quantity: Money
    stop_loss: Money | None
    take_profit: Money | None
    targets: list[TargetShare] | None
    trailing_percent: Money | None
    trigger_by: TriggerBy
    realized_pnl: Money
    unrealized_pnl: Money | None
    price: Money | None
    fees: Money
    funding: Money
    dust_quantity: Money
    is_provisional: bool
    protection: Protection
    protection_note: str | None
    naked_since: Moment | None
    naked_seconds: Money
    scheduled: ScheduledOut | None
    close_at: Moment | None
    close_reason: CloseReason | None
    note: str | None
    opened_at: Moment | None
    closed_at: Moment | None

    @classmethod
    def of(
        cls, row: Position, *, price: Decimal | None = None, unrealized: Decimal | None = None
    ) -> Self:
        """Shape a row with its live figures.

        Args:
            row: the position.
            price: the price it would be closed at by its trigger; None when none is known.
            unrealized: result at that price, before fees.
        """
        return cls.model_validate(_fields(cls, row, price, unrealized))


class PositionDetail(PositionOut):
    """A position with its executions."""

    fills: list[FillOut]

    @classmethod
    def with_fills(
        cls,
        row: Position,
        fills: list[FillOut],
        *,
        price: Decimal | None,
        unrealized: Decimal | None,
    ) -> Self:
        """Shape a row with its executions and live figures."""
        return cls.model_validate({**_fields(PositionOut, row, price, unrealized), "fills": fills})


class LevelsIn(In):
    """New levels; null takes one away, a missing field leaves it as it is."""

    stop_loss: Money | None = Field(default=None, gt=0)
    take_profit: Money | None = Field(default=None, gt=0)
    trailing_percent: Money | None = Field(default=None, gt=0, lt=100)


class ScheduleIn(In):
    """Close at a profit, once the market pays it; everything when `quantity` is left out.

    `min_profit_percent` is on the price at which cost and both fees are paid, 1 = 1 %.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"min_profit_percent": "1"}]})

    min_profit_percent: Money = Field(ge=0, le=1000)
    quantity: Money | None = Field(default=None, gt=0)
    limit_price: Money | None = Field(default=None, gt=0)


class CloseIn(In):
    """How much to close, in base units; everything when left out."""

    quantity: Money | None = Field(default=None, gt=0)


def _fields(
    schema: type[PositionOut],
    row: Position,
    price: Decimal | None,
    unrealized: Decimal | None,
) -> dict[str, Any]:
    values = {name: getattr(row, name, None) for name in schema.model_fields}
    values |= {"price": price, "unrealized_pnl": unrealized}
    return values
