"""Days, daily sums and trades: pure arithmetic over what the books have realised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from app.core.decimals import EXACT
from app.core.errors import Conflict
from app.core.words import Word
from app.pipeline.positions.book import Book, Realised
from app.trading.days import trading_day
from app.trading.words import PositionSide

ZERO: Final = Decimal(0)


class Outcome(Word):
    """How a trade ended, by its net result."""

    WIN = "win"
    LOSS = "loss"
    EVEN = "even"


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of the sum of closed results below its peak; the sum starts at 0.

    Attributes:
        depth: 0 or more, in settle currency.
        began_at: when the sum was at that peak for the last time; None where that was the start.
        deepest_at: None where nothing fell.
        recovered_at: when the sum was at the peak again; None while it is not.
    """

    depth: Decimal = ZERO
    began_at: datetime | None = None
    deepest_at: datetime | None = None
    recovered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TradeSummary:
    """One closed round trip, in settle currency (TRADING 27-30).

    Attributes:
        quantity: what was closed; dust is not in it.
        entry_price: average cost of what was closed, quote per base; None when all was dust.
        exit_price: average of the closing fills, quote per base; None when all was dust.
        fees: entry and exit, positive when paid.
        funding: received; negative when paid.
        realized_pnl: gross less fees plus funding.
        is_provisional: a fee is an estimate until its rate is known.
    """

    position_side: PositionSide
    quantity: Decimal
    dust_quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    gross: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    opened_at: datetime
    closed_at: datetime
    is_provisional: bool

    @property
    def outcome(self) -> Outcome:
        """Win, loss or even."""
        return outcome_of(self.realized_pnl)


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """One row of the venue's funding ledger, settle currency, negative when paid."""

    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class DailyTotals:
    """One local day of one trader in one currency, live or paper (TRADING 30).

    Attributes:
        realized_pnl: net: gross less fees plus funding.
        fees: positive when paid, entry shares and exits.
        funding: received; negative when paid.
        trades: closed on this day; `wins` and `losses` by their net result.
    """

    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    trades: int = 0
    wins: int = 0
    losses: int = 0

    def with_realised(self, booked: Realised) -> "DailyTotals":
        """The day after one closing fill."""
        with localcontext(EXACT):
            return replace(
                self, realized_pnl=self.realized_pnl + booked.net, fees=self.fees + booked.fees
            )

    def with_funding(self, received: Decimal) -> "DailyTotals":
        """The day after one funding payment; negative when paid."""
        with localcontext(EXACT):
            return replace(
                self,
                realized_pnl=self.realized_pnl + received,
                funding=self.funding + received,
            )

    def with_trade(self, realized_pnl: Decimal) -> "DailyTotals":
        """The day after a trade closed with that net result; counts only, its fills are booked."""
        outcome = outcome_of(realized_pnl)
        return replace(
            self,
            trades=self.trades + 1,
            wins=self.wins + (outcome is Outcome.WIN),
            losses=self.losses + (outcome is Outcome.LOSS),
        )

    def with_result(self, before: Decimal, after: Decimal) -> "DailyTotals":
        """The day after the net result of a trade that is counted on it has changed."""
        was, is_now = outcome_of(before), outcome_of(after)
        return replace(
            self,
            wins=self.wins + (is_now is Outcome.WIN) - (was is Outcome.WIN),
            losses=self.losses + (is_now is Outcome.LOSS) - (was is Outcome.LOSS),
        )


def outcome_of(realized_pnl: Decimal) -> Outcome:
    """Win above 0, loss below, even at 0; net of fees and funding."""
    if realized_pnl == 0:
        return Outcome.EVEN
    return Outcome.WIN if realized_pnl > 0 else Outcome.LOSS


def trade_summary(book: Book) -> TradeSummary:
    """The trade that a flat book has become.

    Raises:
        Conflict: `still_open`, when something is held or nothing ever was.
    """
    if not book.is_flat or book.opened_at is None or book.last_fill_at is None:
        raise Conflict("a book that is open, or never was, is no trade", code="still_open")
    return TradeSummary(
        position_side=book.position_side,
        quantity=book.sold_quantity,
        dust_quantity=book.dust_quantity,
        entry_price=book.sold_entry_price,
        exit_price=book.exit_price,
        gross=book.gross,
        fees=book.fees,
        funding=book.funding,
        realized_pnl=book.net,
        opened_at=book.opened_at,
        closed_at=book.last_fill_at,
        is_provisional=book.is_provisional,
    )


def daily_totals(
    booked: Iterable[Realised],
    *,
    funding: Iterable[FundingPaid] = (),
    trades: Iterable[TradeSummary] = (),
    zone: ZoneInfo,
) -> dict[date, DailyTotals]:
    """All days of one scope from scratch: what the stored rows must equal.

    A fill counts on the day it happened, funding on the day it was paid, a trade on the day of
    its last fill; the order of the rows does not matter.

    Args:
        booked: of one trader in one currency, live or paper, as are `funding` and `trades`.
        funding: the venue's rows, each once.
        trades: closed ones.
        zone: of the trader.
    """
    days: dict[date, DailyTotals] = {}
    for one in booked:
        day = trading_day(one.at, zone=zone)
        days[day] = days.get(day, DailyTotals()).with_realised(one)
    for paid in funding:
        day = trading_day(paid.at, zone=zone)
        days[day] = days.get(day, DailyTotals()).with_funding(paid.amount)
    for trade in trades:
        day = trading_day(trade.closed_at, zone=zone)
        days[day] = days.get(day, DailyTotals()).with_trade(trade.realized_pnl)
    return days


def equity_curve(start: Decimal, days: Mapping[date, DailyTotals]) -> list[tuple[date, Decimal]]:
    """Realised equity at the end of each day that has a row, oldest first, settle currency.

    Args:
        start: equity before the first day.
        days: of one scope; transfers are not in them.
    """
    curve: list[tuple[date, Decimal]] = []
    equity = start
    with localcontext(EXACT):
        for day in sorted(days):
            equity += days[day].realized_pnl
            curve.append((day, equity))
    return curve


def expected_wallet(
    start: Decimal, *, net_realised: Decimal, transfers: Decimal, open_entry_fees: Decimal
) -> Decimal:
    """What a wallet must hold: start + net realised + transfers - unrecognised entry fees (I26).

    Args:
        start: wallet balance at the beginning, settle currency.
        net_realised: gross less fees plus funding, since then.
        transfers: deposits less withdrawals; never PnL.
        open_entry_fees: `open_fees` of all open books.

    Returns:
        Wallet balance of a contract account; on spot, quote balance plus the cost of open books
        and of dust.
    """
    with localcontext(EXACT):
        return start + net_realised + transfers - open_entry_fees


def deepest_fall(results: Iterable[tuple[datetime, Decimal]]) -> Drawdown:
    """Where the running sum of results fell furthest below its peak; the first of equals.

    Args:
        results: when each was booked, and how much; of one moment in the order that counts.
    """
    peak = total = ZERO
    peak_at: datetime | None = None
    found = Drawdown()
    with localcontext(EXACT):
        for at, result in sorted(results, key=lambda one: one[0]):
            total += result
            if total >= peak:
                peak, peak_at = total, at
                if found.deepest_at is not None and found.recovered_at is None:
                    found = replace(found, recovered_at=at)
            elif peak - total > found.depth:
                found = Drawdown(peak - total, peak_at, at)
    return found
