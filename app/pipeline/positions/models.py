"""The positions table."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.state import advance
from app.db.base import Base
from app.db.outbox import told_as
from app.pipeline.positions.status import POSITION_MOVES, PositionStatus
from app.trading.scheduled import ScheduledExit
from app.trading.targets import Target
from app.trading.words import CloseReason, MarginMode, PositionSide, Protection, TriggerBy

ZERO = Decimal(0)


@told_as(
    "position",
    # What follows the market all day, and is in no answer.
    unseen=("trailing_peak", "day_start_on", "day_start_unrealized", "updated_at"),
)
class Position(Base):
    """One strategy's book of one symbol and side; the amounts are those of `book.Book`."""

    __tablename__ = "positions"
    __table_args__ = (
        Index("ix_positions_user_status", "user_id", "status"),
        Index("ix_positions_strategy_symbol_status", "strategy_id", "symbol", "status"),
        Index("ix_positions_account_symbol_status", "account_id", "symbol", "status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    symbol: Mapped[str] = mapped_column(String(80))
    position_side: Mapped[PositionSide]
    status: Mapped[PositionStatus] = mapped_column(default=PositionStatus.OPENING)
    leverage: Mapped[int | None]
    margin_mode: Mapped[MarginMode | None]
    entries: Mapped[int] = mapped_column(default=0)
    quantity: Mapped[Decimal] = mapped_column(default=ZERO)
    cost: Mapped[Decimal] = mapped_column(default=ZERO)
    open_fees: Mapped[Decimal] = mapped_column(default=ZERO)
    average_quantity: Mapped[Decimal] = mapped_column(default=ZERO)
    average_cost: Mapped[Decimal] = mapped_column(default=ZERO)
    sold_quantity: Mapped[Decimal] = mapped_column(default=ZERO)
    sold_cost: Mapped[Decimal] = mapped_column(default=ZERO)
    exit_value: Mapped[Decimal] = mapped_column(default=ZERO)
    fees: Mapped[Decimal] = mapped_column(default=ZERO)
    funding: Mapped[Decimal] = mapped_column(default=ZERO)
    dust_quantity: Mapped[Decimal] = mapped_column(default=ZERO)
    is_provisional: Mapped[bool] = mapped_column(default=False)
    entry_price: Mapped[Decimal | None]
    exit_price: Mapped[Decimal | None]
    realized_pnl: Mapped[Decimal] = mapped_column(default=ZERO)
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    targets: Mapped[tuple[Target, ...] | None]
    trailing_percent: Mapped[Decimal | None]
    trailing_peak: Mapped[Decimal | None]
    trigger_by: Mapped[TriggerBy] = mapped_column(default=TriggerBy.MARK)
    day_start_on: Mapped[date | None]
    day_start_unrealized: Mapped[Decimal] = mapped_column(default=ZERO)
    protection: Mapped[Protection] = mapped_column(default=Protection.NONE, server_default="none")
    protection_note: Mapped[str | None] = mapped_column(Text)
    naked_since: Mapped[datetime | None]
    naked_seconds: Mapped[Decimal] = mapped_column(default=ZERO, server_default="0")
    scheduled: Mapped[ScheduledExit | None]
    close_at: Mapped[datetime | None]
    close_reason: Mapped[CloseReason | None]
    note: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime | None]
    last_fill_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def is_closed(self) -> bool:
        """Whether it is history."""
        return self.status is PositionStatus.CLOSED

    @property
    def is_to_be_closed(self) -> bool:
        """Whether its exit died, or it is a late fill of a closed book: it still has to go."""
        is_open = self.status in {PositionStatus.OPENING, PositionStatus.OPEN}
        return is_open and self.close_reason is not None

    def is_overdue(self, now: datetime) -> bool:
        """Whether its time is up: it is closed whatever its price."""
        return self.close_at is not None and self.close_at <= now

    def move(self, status: PositionStatus, *, now: datetime) -> None:
        """Go where the table allows; staying put is no move."""
        if status is not self.status:
            self.status = advance(self.status, status, POSITION_MOVES)
            self.updated_at = now
