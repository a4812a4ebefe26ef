"""Figures of a run, each with its definition; what is not defined is None."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal, localcontext
from math import sqrt
from typing import Final

import numpy as np

from app.algorithms.indicators.inputs import Series
from app.backtests.engine.outcome import Outcome
from app.core.decimals import EXACT, to_places
from app.pipeline.pnl.rules import Outcome as Result

ZERO: Final = Decimal(0)
DAYS_A_YEAR: Final = 365
A_MOMENT: Final = np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a run went; amounts in settle currency, fractions as fractions.

    Attributes:
        net_profit: equity at the end less capital, the open position at the last close in it.
        net_return: that as a fraction of the capital.
        fees: paid, of open entries too; less rebates.
        funding: received; negative when paid.
        trades: closed round trips; `wins` and `losses` by their net result.
        win_rate: wins of all closed trades; None without any.
        gross_profit: sum of the winners' net results; `gross_loss` of the losers', positive.
        profit_factor: the first by the second; None without a losing trade.
        expectancy: mean net result of a trade, to 18 places; None without any.
        max_drawdown: largest fall of the equity from an earlier peak, at closes; 0 or more.
        max_drawdown_fraction: largest fall as a fraction of its peak.
        longest_drawdown: longest time from a peak until it was reached again, or the end.
        sharpe: mean of the daily returns by their sample deviation, times the root of the days in a
            year, 365: returns of the last equity of each UTC day, the first of the capital, no
            interest taken off. Candles longer than a day count as their days. None for fewer than
            two returns, without any deviation, or when the equity was used up.
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
    results = [trade.summary.realized_pnl for trade in outcome.trades]
    outcomes = [trade.summary.outcome for trade in outcome.trades]
    count, wins = len(results), outcomes.count(Result.WIN)
    depth, fraction = _deepest(outcome)
    with localcontext(EXACT):
        net_profit = outcome.balance + outcome.unrealised - outcome.capital
        profit = sum((one for one in results if one > 0), ZERO)
        loss = -sum((one for one in results if one < 0), ZERO)
        return Statistics(
            net_profit=net_profit,
            net_return=float(net_profit / outcome.capital),
            fees=_fees(outcome),
            funding=sum((one.amount for one in outcome.payments), ZERO),
            trades=count,
            wins=wins,
            losses=outcomes.count(Result.LOSS),
            win_rate=wins / count if count else None,
            gross_profit=profit,
            gross_loss=loss,
            profit_factor=float(profit / loss) if loss else None,
            expectancy=to_places((profit - loss) / count) if count else None,
            max_drawdown=depth,
            max_drawdown_fraction=fraction,
            longest_drawdown=_longest(outcome),
            sharpe=_sharpe(outcome),
            exposure=float(np.mean(outcome.is_held)),
        )


def _fees(outcome: Outcome) -> Decimal:
    """In settle currency; what a buy on spot paid in coins at the price of its fill."""
    settle = outcome.instrument.settle
    return sum(
        (fill.fee if fill.fee_asset == settle else fill.fee * fill.price for fill in outcome.fills),
        ZERO,
    )


def _with_capital(outcome: Outcome) -> Series:
    """The equity with the capital before it, from which the first fall may be."""
    return np.concatenate(([float(outcome.capital)], outcome.equity))


def _deepest(outcome: Outcome) -> tuple[float, float]:
    equity = _with_capital(outcome)
    peaks = np.maximum.accumulate(equity)
    return float(np.max(peaks - equity)), float(np.max((peaks - equity) / peaks))


def _longest(outcome: Outcome) -> timedelta:
    equity = _with_capital(outcome)
    began_at = outcome.began_at.astimezone(UTC).replace(tzinfo=None)
    moments = np.concatenate(([np.datetime64(began_at, "us")], outcome.closed_at))
    tops = np.flatnonzero(equity >= np.maximum.accumulate(equity))
    # From one top to the next where something lies between them, and from the last to the end.
    ends = np.append(tops[1:], len(equity) - 1)
    is_fall = (ends - tops > 1) | (equity[ends] < equity[tops])
    lengths = (moments[ends] - moments[tops])[is_fall].astype("timedelta64[us]")
    longest: timedelta = lengths.max().item() if len(lengths) else timedelta(0)
    return longest


def _sharpe(outcome: Outcome) -> float | None:
    # What closes at midnight belongs to the day that it ends.
    days = (outcome.closed_at - A_MOMENT).astype("datetime64[D]")
    lasts = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    equity = np.concatenate(([float(outcome.capital)], outcome.equity[lasts]))
    if len(lasts) < 2 or np.min(equity) <= 0:
        return None
    returns = np.diff(equity) / equity[:-1]
    deviation = float(np.std(returns, ddof=1))
    if deviation == 0:
        return None
    days_apart = float(np.median(np.diff(days[lasts]).astype(np.int64)))
    return float(np.mean(returns)) / deviation * sqrt(DAYS_A_YEAR / days_apart)
