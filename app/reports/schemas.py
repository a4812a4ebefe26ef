"""Reports as they cross HTTP."""

from datetime import date
from uuid import UUID

from app.core.words import Word
from app.http.schemas import Moment, Out
from app.trading.money import Money


class GroupedBy(Word):
    """What a row of a report adds up."""

    STRATEGY = "strategy"
    SYMBOL = "symbol"
    DAY = "day"


class ProfitOut(Out):
    """Closed trades of one strategy, one symbol or one day; `realized_pnl` is net, in `currency`.

    A trade counts on the day of its last fill, in your time zone.
    """

    by: GroupedBy
    strategy_id: UUID | None
    strategy: str | None
    symbol: str | None
    date: date | None
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

    Losses are positive amounts. `max_drawdown` is the deepest fall of the sum of closed results
    below its peak: from `drawdown_began_at`, null where that was the very start, down to
    `drawdown_deepest_at`, and made good at `drawdown_recovered_at`, null where it is not yet.
    `fees_share_percent` is what fees took of a gross result above 0.
    """

    by: GroupedBy | None
    strategy_id: UUID | None
    strategy: str | None
    symbol: str | None
    date: date | None
    is_paper: bool
    currency: str
    trades: int
    wins: int
    losses: int
    win_rate_percent: Money | None
    profit_factor: Money | None
    average_win: Money | None
    average_loss: Money | None
    largest_win: Money | None
    largest_loss: Money | None
    expectancy: Money | None
    average_holding_seconds: int | None
    fees_share_percent: Money | None
    max_drawdown: Money
    drawdown_began_at: Moment | None
    drawdown_deepest_at: Moment | None
    drawdown_recovered_at: Moment | None
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
