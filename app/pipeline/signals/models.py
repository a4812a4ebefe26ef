"""Signals, and the second consent that large ones need."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.state import advance
from app.db.base import Base
from app.db.outbox import told_as
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.signals.status import SIGNAL_MOVES, SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import LevelKind
from app.trading.targets import Target
from app.trading.words import OrderType, PositionSide

# Of the rows of a test the database itself takes no status that an order could follow from.
NEVER_SENT = "NOT is_test OR status IN ('pending', 'rejected', 'expired', 'superseded')"


@told_as("signal", unseen=("updated_at",))
class Signal(Base):
    """One intention: what to do with which symbol, as it was understood when it came."""

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("alarm_id", "part"),
        CheckConstraint(NEVER_SENT, name="test_is_never_sent"),
        Index("ix_signals_user_status", "user_id", "status"),
        Index("ix_signals_strategy_symbol_status", "strategy_id", "symbol", "status"),
        Index("ix_signals_status_expires", "status", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarms.id"))
    part: Mapped[int] = mapped_column(default=0)
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    external_id: Mapped[str | None] = mapped_column(String(120))
    status: Mapped[SignalStatus] = mapped_column(default=SignalStatus.PENDING)
    reason: Mapped[str | None] = mapped_column(Text)
    action: Mapped[SignalAction]
    symbol: Mapped[str] = mapped_column(String(80))
    position_side: Mapped[PositionSide]
    order_type: Mapped[OrderType] = mapped_column(default=OrderType.MARKET)
    limit_price: Mapped[Decimal | None]
    size_kind: Mapped[SizeKind]
    size_value: Mapped[Decimal | None]
    stop_kind: Mapped[LevelKind | None]
    stop_value: Mapped[Decimal | None]
    target_kind: Mapped[LevelKind | None]
    target_value: Mapped[Decimal | None]
    target_levels: Mapped[list[dict[str, Any]] | None]
    leverage: Mapped[int | None]
    sentence: Mapped[str] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    reference_price: Mapped[Decimal | None]
    alert_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    approved_fraction: Mapped[Decimal | None]
    quantity: Mapped[Decimal | None]
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    targets: Mapped[tuple[Target, ...] | None]
    updated_at: Mapped[datetime]

    def move(self, status: SignalStatus, *, now: datetime, reason: str | None = None) -> None:
        """Go where the table allows; `reason` is `code: sentence`."""
        self.status = advance(self.status, status, SIGNAL_MOVES)
        self.updated_at = now
        if reason is not None:
            self.reason = reason


# Whoever asks, the database itself takes no row in which one user is both.
TWO_PEOPLE = "confirmed_by_id IS NULL OR confirmed_by_id <> user_id"


class SecondApproval(Base):
    """An entry's first approval, while it may need a second person; then that person's consent.

    It counts while its signal is pending, and goes with it when that ends.

    Attributes:
        user_id: whose signal it is.
        first_by: a username, or the rule that approved it.
        asked_at: when the second person was asked; None until the entry was sized.
        entry_price: what it was sized at, quote per base; what both were told, as is the rest.
        quantity: base units, contracts on inverse; never more is sent.
        notional: in quote.
        confirmed_by_id: who consented, at `confirmed_at`.
    """

    __tablename__ = "second_approvals"
    __table_args__ = (CheckConstraint(TWO_PEOPLE, name="two_people"),)

    signal_id: Mapped[UUID] = mapped_column(ForeignKey("signals.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    first_by: Mapped[str] = mapped_column(String(80))
    first_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    entry_price: Mapped[Decimal | None]
    quantity: Mapped[Decimal | None]
    notional: Mapped[Decimal | None]
    stop_loss: Mapped[Decimal | None]
    confirmed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]
