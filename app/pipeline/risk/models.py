"""Limits, switches and the daily-loss latch."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.words import Word
from app.db.base import Base


class SwitchScope(Word):
    """What a kill switch stops."""

    USER = "user"
    ACCOUNT = "account"
    STRATEGY = "strategy"


class RiskProfile(Base):
    """A trader's limits as they were last set; a missing row or a null column is no limit.

    What is in force is told by `in_force.limits_at` alone: the columns hold until `pending_from`,
    and then what is `pending` takes the place of those that it names.

    Attributes:
        second_approver_id: who has to consent to entries above `second_approval_above`.
    """

    __tablename__ = "risk_profiles"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    max_daily_loss: Mapped[Decimal | None]
    max_open_positions: Mapped[int | None]
    max_notional_per_symbol: Mapped[Decimal | None]
    max_notional_total: Mapped[Decimal | None]
    max_leverage: Mapped[int | None]
    max_orders_per_minute: Mapped[int | None]
    min_notional: Mapped[Decimal] = mapped_column(default=Decimal(10))
    allowed_symbols: Mapped[list[str] | None]
    max_price_drift_percent: Mapped[Decimal | None]
    second_approval_above: Mapped[Decimal | None]
    # No foreign key: SQLite takes none together with a new column, and no user is ever deleted.
    second_approver_id: Mapped[UUID | None]
    pending: Mapped[dict[str, Any] | None]
    pending_from: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class KillSwitch(Base):
    """On while the row says so; survives restarts."""

    __tablename__ = "kill_switches"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    scope: Mapped[SwitchScope] = mapped_column(primary_key=True)
    scope_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_on: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]


class DailyFreeze(Base):
    """The daily loss limit was reached: no new entries on that day of the trader's."""

    __tablename__ = "daily_freezes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    is_paper: Mapped[bool] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    loss: Mapped[Decimal]
    frozen_at: Mapped[datetime]
