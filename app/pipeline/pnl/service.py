"""Book what closing fills realised, and the round trip when a position is flat."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.failpoints import failpoint
from app.core.ids import new_id
from app.pipeline.pnl import repository
from app.pipeline.pnl.models import Booking, DailyPnl, Trade
from app.pipeline.pnl.rules import DailyTotals, trade_summary
from app.pipeline.positions.book import Book, Realised
from app.pipeline.positions.models import Position
from app.trading.days import trading_day
from app.trading.words import CloseReason


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where results are booked: whose day, live or paper, in which currency."""

    zone: ZoneInfo
    is_paper: bool
    currency: str


async def book(
    session: AsyncSession,
    position: Position,
    realised: Realised,
    ledger: Ledger,
    *,
    fill_id: UUID | None,
) -> None:
    """Add one closing fill's result to its day: the day of the execution, not of this row.

    Args:
        session: the caller's transaction.
        position: whose result it is.
        realised: amounts in settle currency.
        ledger: zone, scope and currency.
        fill_id: the closing fill; None for the entry fees that dust leaves behind.
    """
    session.add(
        Booking(
            id=new_id(),
            user_id=position.user_id,
            strategy_id=position.strategy_id,
            position_id=position.id,
            fill_id=fill_id,
            is_paper=ledger.is_paper,
            currency=ledger.currency,
            day=trading_day(realised.at, zone=ledger.zone),
            gross_pnl=realised.gross,
            fees=realised.fees,
            net_pnl=realised.net,
            booked_at=realised.at,
        )
    )
    failpoint("C38")
    row = await _day_row(session, position.user_id, realised.at, ledger)
    _store(row, _totals(row).with_realised(realised))


async def close_trade(
    session: AsyncSession, position: Position, closed: Book, ledger: Ledger
) -> Trade:
    """Write the round trip of a flat position and count it on the day it closed."""
    summary = trade_summary(closed)
    entry_price = summary.entry_price or position.entry_price
    trade = Trade(
        id=new_id(),
        user_id=position.user_id,
        account_id=position.account_id,
        strategy_id=position.strategy_id,
        position_id=position.id,
        symbol=position.symbol,
        position_side=position.position_side,
        is_paper=ledger.is_paper,
        currency=ledger.currency,
        quantity=summary.quantity,
        entry_price=entry_price,
        exit_price=summary.exit_price or entry_price,
        gross_pnl=summary.gross,
        fees=summary.fees,
        funding=summary.funding,
        realized_pnl=summary.realized_pnl,
        is_provisional=summary.is_provisional,
        close_reason=position.close_reason or CloseReason.EXTERNAL,
        opened_at=summary.opened_at,
        closed_at=summary.closed_at,
    )
    session.add(trade)
    row = await _day_row(session, position.user_id, trade.closed_at, ledger)
    _store(row, _totals(row).with_trade(trade.realized_pnl))
    return trade


async def book_funding(
    session: AsyncSession, position: Position, amount: Decimal, paid_at: datetime, ledger: Ledger
) -> None:
    """Count a book's share of a funding payment on the day it was paid, and in its trade.

    Args:
        session: the caller's transaction.
        position: whose share it is; closed or open. Its own amounts are the caller's.
        amount: settle currency, negative when paid.
        paid_at: by the venue.
        ledger: zone, scope and currency.
    """
    row = await _day_row(session, position.user_id, paid_at, ledger)
    _store(row, _totals(row).with_funding(amount))
    trade = await repository.trade_of(session, position.id)
    if trade is None:
        return
    before = trade.realized_pnl
    trade.funding += amount
    trade.realized_pnl += amount
    closing_day = await _day_row(session, position.user_id, trade.closed_at, ledger)
    _store(closing_day, _totals(closing_day).with_result(before, trade.realized_pnl))


async def _day_row(session: AsyncSession, user_id: UUID, at: datetime, ledger: Ledger) -> DailyPnl:
    day = trading_day(at, zone=ledger.zone)
    row = await repository.day_row(session, user_id, day, ledger.currency, is_paper=ledger.is_paper)
    if row is None:
        row = DailyPnl(user_id=user_id, day=day, currency=ledger.currency, is_paper=ledger.is_paper)
        _store(row, DailyTotals())
        session.add(row)
    return row


def _totals(row: DailyPnl) -> DailyTotals:
    return DailyTotals(**{name: getattr(row, name) for name in DailyTotals.__slots__})


def _store(row: DailyPnl, totals: DailyTotals) -> None:
    for name in DailyTotals.__slots__:
        setattr(row, name, getattr(totals, name))
