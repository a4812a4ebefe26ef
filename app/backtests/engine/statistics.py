"""Figures of a run, each with its definition; what is not defined is None."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from app.backtests.engine.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a run went; amounts in settle currency, fractions as fractions.

    Attributes:
        net_profit: equity at the end less capital, the open position at the last close in it.
        net_return: that as a fraction of the capital.
        fees: paid, of open entries too; positive.
        funding: received; negative when paid.
        trades: closed round trips; `wins` and `losses` by their net result.
        win_rate: wins of all closed trades; None without any.
        gross_profit: sum of the winners' net results; `gross_loss` of the losers', positive.
        profit_factor: the first by the second; None without a losing trade.
        expectancy: mean net result of a trade; None without any.
        max_drawdown: largest fall of the equity from an earlier peak, at closes; 0 or more.
        max_drawdown_fraction: largest fall as a fraction of its peak.
        longest_drawdown: longest time from a peak until it was reached again, or the end.
        sharpe: mean of the daily returns by their sample deviation, times √365: returns of the
            last equity of each UTC day, the first of the capital, no interest taken off. None for
            fewer than two days, or without any deviation.
        exposure: fraction of the closes at which something was held.
    """

    net_profit: Decimal
    net_return: float
    fees: Decimal
    funding: Decimal
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    gross_profit: Decimal
    gross_loss: Decimal
    profit_factor: float | None
    expectancy: Decimal | None
    max_drawdown: float
    max_drawdown_fraction: float
    longest_drawdown: timedelta
    sharpe: float | None
    exposure: float


def statistics(outcome: Outcome) -> Statistics:
    """Measure a run.

    Args:
        outcome: of at least one candle.
    """
    raise NotImplementedError
