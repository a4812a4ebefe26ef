"""Reports as they cross HTTP."""

from datetime import date
from uuid import UUID

from app.core.words import Word
from app.http.schemas import Out
from app.trading.money import Money


class GroupedBy(Word):
    """What a row of the profit report adds up."""

    STRATEGY = "strategy"
    SYMBOL = "symbol"


class ProfitOut(Out):
    """Closed trades of one strategy or one symbol; `realized_pnl` is net, in `currency`."""

    by: GroupedBy
    strategy_id: UUID | None
    strategy: str | None
    symbol: str | None
    is_paper: bool
    currency: str
    trades: int
    wins: int
    losses: int
    gross_pnl: Money
    fees: Money
    funding: Money
    realized_pnl: Money


class PositionsDayOut(Out):
    """How many positions were opened and closed on one of the trader's days."""

    date: date
    is_paper: bool
    opened: int
    closed: int


class KpisOut(Out):
    """How one scope has traded in one currency; null where there is nothing to divide by.

    `average_loss` is a positive amount; `max_drawdown` is that of the sum of closed results.
    """

    is_paper: bool
    currency: str
    trades: int
    wins: int
    losses: int
    win_rate_percent: Money | None
    profit_factor: Money | None
    average_win: Money | None
    average_loss: Money | None
    expectancy: Money | None
    max_drawdown: Money
    gross_pnl: Money
    fees: Money
    funding: Money
    realized_pnl: Money


class EquityDayOut(Out):
    """One day of the curve: its result, and the sum of all results up to its end."""

    date: date
    currency: str
    is_paper: bool
    realized_pnl: Money
    cumulative_pnl: Money
