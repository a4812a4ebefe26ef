"""Sums, rates and drawdowns over closed trades and booked days: pure arithmetic."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from app.core.decimals import EXACT
from app.pipeline.pnl.rules import Drawdown, Outcome, deepest_fall, outcome_of
from app.trading.days import trading_day

ZERO: Final = Decimal(0)
HUNDRED: Final = Decimal(100)
# Shares and averages are shown; twelve places are finer than any coin.
SHOWN: Final = Decimal("1e-12")


class Closed(Protocol):
    """What a report needs of a trade; amounts in settle currency, the result net."""

    @property
    def gross_pnl(self) -> Decimal: ...
    @property
    def fees(self) -> Decimal: ...
    @property
    def funding(self) -> Decimal: ...
    @property
    def realized_pnl(self) -> Decimal: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def closed_at(self) -> datetime: ...


class Day(Protocol):
    """One booked day of one currency and scope."""

    @property
    def day(self) -> date: ...
    @property
    def realized_pnl(self) -> Decimal: ...


RowT = TypeVar("RowT")
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Profit:
    """Trades added up, in settle currency; `realized_pnl` = gross - fees + funding."""

    trades: int
    wins: int
    losses: int
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Kpis:
    """How a scope has traded.

    Attributes:
        win_rate_percent: wins of all trades, 50 = 50 %; None without trades.
        profit_factor: sum of wins / sum of losses; None without a loss.
        average_win: net, above 0; None without one, as is `largest_win`.
        average_loss: net, as a positive amount; None without one, as is `largest_loss`.
        expectancy: net result of an average trade; None without trades.
        average_holding_seconds: from the first fill to the last, rounded; None without trades.
        fees_share_percent: fees of the gross result, 50 = 50 %; None where that is not above 0.
    """

    profit: Profit
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    largest_win: Decimal | None
    largest_loss: Decimal | None
    expectancy: Decimal | None
    average_holding_seconds: int | None
    fees_share_percent: Decimal | None
    drawdown: Drawdown


def grouped(rows: Iterable[RowT], key: Callable[[RowT], KeyT]) -> dict[KeyT, list[RowT]]:
    """Rows by key, in the order in which the keys first come."""
    groups: dict[KeyT, list[RowT]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def profit_of(trades: Sequence[Closed]) -> Profit:
    """Trades of one currency and scope, added up."""
    outcomes = [outcome_of(trade.realized_pnl) for trade in trades]
    with localcontext(EXACT):
        return Profit(
            trades=len(trades),
            wins=outcomes.count(Outcome.WIN),
            losses=outcomes.count(Outcome.LOSS),
            gross_pnl=sum((trade.gross_pnl for trade in trades), ZERO),
            fees=sum((trade.fees for trade in trades), ZERO),
            funding=sum((trade.funding for trade in trades), ZERO),
            realized_pnl=sum((trade.realized_pnl for trade in trades), ZERO),
        )


def kpis_of(trades: Sequence[Closed]) -> Kpis:
    """The usual figures over trades of one currency and scope, in any order."""
    profit = profit_of(trades)
    won = [trade.realized_pnl for trade in trades if trade.realized_pnl > 0]
    lost = [-trade.realized_pnl for trade in trades if trade.realized_pnl < 0]
    with localcontext(EXACT):
        sum_won, sum_lost = sum(won, ZERO), sum(lost, ZERO)
        return Kpis(
            profit=profit,
            win_rate_percent=_share(HUNDRED * profit.wins, profit.trades),
            profit_factor=_share(sum_won, sum_lost),
            average_win=_share(sum_won, len(won)),
            average_loss=_share(sum_lost, len(lost)),
            largest_win=max(won, default=None),
            largest_loss=max(lost, default=None),
            expectancy=_share(profit.realized_pnl, profit.trades),
            average_holding_seconds=_average_seconds(trades),
            fees_share_percent=_share(HUNDRED * profit.fees, max(profit.gross_pnl, ZERO)),
            drawdown=deepest_drawdown(trades),
        )


def deepest_drawdown(trades: Iterable[Closed]) -> Drawdown:
    """Where the running sum of closed results fell furthest below its peak; the first of equals."""
    return deepest_fall((trade.closed_at, trade.realized_pnl) for trade in trades)


def running(days: Iterable[Day]) -> list[tuple[date, Decimal, Decimal]]:
    """Day, its result, and the sum of all results up to its end; oldest first.

    Args:
        days: of one currency and scope, each day once, from the very first.
    """
    total = ZERO
    curve = []
    with localcontext(EXACT):
        for row in sorted(days, key=lambda row: row.day):
            total += row.realized_pnl
            curve.append((row.day, row.realized_pnl, total))
    return curve


def counted_by_day(moments: Iterable[datetime | None], *, zone: ZoneInfo) -> dict[date, int]:
    """How many of the moments fall on each of the trader's days."""
    counts: dict[date, int] = {}
    for moment in moments:
        if moment is not None:
            day = trading_day(moment, zone=zone)
            counts[day] = counts.get(day, 0) + 1
    return counts


def added_by_day(amounts: Iterable[tuple[date, Decimal]]) -> dict[date, Decimal]:
    """The sum of the amounts of each day."""
    days: dict[date, Decimal] = {}
    with localcontext(EXACT):
        for day, amount in amounts:
            days[day] = days.get(day, ZERO) + amount
    return days


def _average_seconds(trades: Sequence[Closed]) -> int | None:
    if not trades:
        return None
    held = sum((trade.closed_at - trade.opened_at for trade in trades), timedelta())
    return round((held / len(trades)).total_seconds())


def _share(part: Decimal, whole: Decimal | int) -> Decimal | None:
    return None if whole == 0 else (part / whole).quantize(SHOWN)
