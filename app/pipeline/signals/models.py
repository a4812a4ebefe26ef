"""The signals table."""

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
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.signals.status import SIGNAL_MOVES, SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import LevelKind
from app.trading.targets import Target
from app.trading.words import OrderType, PositionSide

# Of the rows of a test the database itself takes no status that an order could follow from.
NEVER_SENT = "NOT is_test OR status IN ('pending', 'rejected', 'expired', 'superseded')"


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
