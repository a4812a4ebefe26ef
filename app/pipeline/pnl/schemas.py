"""Days and trades as they cross HTTP."""

from datetime import date
from typing import Self
from uuid import UUID

from app.http.schemas import Moment, Out
from app.pipeline.pnl.models import DailyPnl
from app.trading.money import Money
from app.trading.words import CloseReason, PositionSide


class DailyPnlOut(Out):
    """One local day; `realized_pnl` is net of `fees` and with `funding`."""

    date: date
    currency: str
    is_paper: bool
    realized_pnl: Money
    fees: Money
    funding: Money
    trades: int
    wins: int
    losses: int

    @classmethod
    def of(cls, row: DailyPnl) -> Self:
        """Shape a row."""
        values = {name: getattr(row, name) for name in cls.model_fields if name != "date"}
        return cls(date=row.day, **values)


class TradeOut(Out):
    """One round trip; `realized_pnl` = `gross_pnl` - `fees` + `funding`, in `currency`."""

    id: UUID
    account_id: UUID
    strategy_id: UUID
    position_id: UUID
    symbol: str
    position_side: PositionSide
    is_paper: bool
    currency: str
    quantity: Money
    entry_price: Money
    exit_price: Money
    gross_pnl: Money
    fees: Money
    funding: Money
    realized_pnl: Money
    is_provisional: bool
    close_reason: CloseReason
    opened_at: Moment
    closed_at: Moment
