"""Positions as they cross HTTP."""

from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from app.http.schemas import In, Moment, Out
from app.pipeline.orders.schemas import FillOut
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.trading.money import Money
from app.trading.words import CloseReason, PositionSide, TriggerBy


class PositionOut(Out):
    """A position; `quantity` in base units, `realized_pnl` net of fees in settle currency."""

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
    trailing_percent: Money | None
    trigger_by: TriggerBy
    realized_pnl: Money
    unrealized_pnl: Money | None
    price: Money | None
    fees: Money
    funding: Money
    dust_quantity: Money
    is_provisional: bool
    protection: str
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


class CloseIn(In):
    """How much to close, in base units; everything when left out."""

    quantity: Money | None = Field(default=None, gt=0)


def protection_of(row: Position) -> str:
    """Who guards it: `monitor` when a level is set, `none` when there is nothing to guard."""
    levels = (row.stop_loss, row.take_profit, row.trailing_percent)
    return "none" if row.is_closed or all(level is None for level in levels) else "monitor"


def _fields(
    schema: type[PositionOut],
    row: Position,
    price: Decimal | None,
    unrealized: Decimal | None,
) -> dict[str, Any]:
    values = {name: getattr(row, name, None) for name in schema.model_fields}
    values |= {"price": price, "unrealized_pnl": unrealized, "protection": protection_of(row)}
    return values
