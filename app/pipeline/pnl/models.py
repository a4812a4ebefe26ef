"""Trades, bookings and the daily sums."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base
from app.db.outbox import told_as
from app.trading.words import CloseReason, PositionSide


def day_key(day: date, currency: str, *, is_paper: bool) -> str:
    """What identifies a day among a trader's."""
    return f"{day} {currency} {'paper' if is_paper else 'live'}"


class Trade(Base):
    """One closed round trip; amounts in the settle currency, `realized_pnl` net of fees."""

    __tablename__ = "trades"
    __table_args__ = (
        UniqueConstraint("position_id"),
        Index("ix_trades_user_closed", "user_id", "closed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"), index=True)
    position_id: Mapped[UUID] = mapped_column(ForeignKey("positions.id"))
    symbol: Mapped[str] = mapped_column(String(80))
    position_side: Mapped[PositionSide]
    is_paper: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(20))
    quantity: Mapped[Decimal]
    entry_price: Mapped[Decimal]
    exit_price: Mapped[Decimal]
    gross_pnl: Mapped[Decimal]
    fees: Mapped[Decimal]
    funding: Mapped[Decimal]
    realized_pnl: Mapped[Decimal]
    is_provisional: Mapped[bool] = mapped_column(default=False)
    close_reason: Mapped[CloseReason]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime]


class Booking(Base):
    """What one closing fill (or the dust it left) earned or cost on one day of the trader's."""

    __tablename__ = "bookings"
    __table_args__ = (
        UniqueConstraint("fill_id"),
        Index("ix_bookings_user_day", "user_id", "day"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"), index=True)
    position_id: Mapped[UUID] = mapped_column(ForeignKey("positions.id"), index=True)
    fill_id: Mapped[UUID | None] = mapped_column(ForeignKey("fills.id"))
    is_paper: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(20))
    day: Mapped[date]
    gross_pnl: Mapped[Decimal]
    fees: Mapped[Decimal]
    net_pnl: Mapped[Decimal]
    booked_at: Mapped[datetime]


class FundingPayment(Base):
    """A book's share of one funding payment, or what EXTERNAL bears of it.

    Attributes:
        venue_id: the venue's own id of the payment: each counts once.
        position_id: the book; None for the part that is no book's.
        amount: settle currency, negative when paid.
    """

    __tablename__ = "funding_payments"
    __table_args__ = (
        UniqueConstraint("account_id", "venue_id", "position_id"),
        Index("ix_funding_payments_account_paid", "account_id", "paid_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    venue_id: Mapped[str] = mapped_column(String(80))
    position_id: Mapped[UUID | None] = mapped_column(ForeignKey("positions.id"), index=True)
    symbol: Mapped[str] = mapped_column(String(80))
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(20))
    paid_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


@told_as("pnl", subject=lambda row: day_key(row.day, row.currency, is_paper=row.is_paper))
class DailyPnl(Base):
    """One day of one trader in one currency, live or paper; `realized_pnl` net of fees."""

    __tablename__ = "daily_pnl"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(20), primary_key=True)
    is_paper: Mapped[bool] = mapped_column(primary_key=True)
    realized_pnl: Mapped[Decimal] = mapped_column(default=Decimal(0))
    fees: Mapped[Decimal] = mapped_column(default=Decimal(0))
    funding: Mapped[Decimal] = mapped_column(default=Decimal(0))
    trades: Mapped[int] = mapped_column(default=0)
    wins: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
