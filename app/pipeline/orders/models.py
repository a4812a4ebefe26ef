"""Orders and their fills."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.state import advance
from app.db.base import Base
from app.db.outbox import told_as
from app.pipeline.orders.status import ORDER_MOVES, OrderStatus
from app.trading.targets import Target
from app.trading.words import (
    CloseReason,
    MarginMode,
    OrderOrigin,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TriggerBy,
    TriggerKind,
)


@told_as("order", unseen=("updated_at", "evidence"))
class Order(Base):
    """One intent towards a venue; committed before anything is sent."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_user_status", "user_id", "status"),
        Index("ix_orders_account_symbol_status", "account_id", "symbol", "status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    signal_id: Mapped[UUID | None] = mapped_column(ForeignKey("signals.id"), index=True)
    position_id: Mapped[UUID | None] = mapped_column(ForeignKey("positions.id"), index=True)
    client_order_id: Mapped[str] = mapped_column(String(32), unique=True)
    pair_id: Mapped[str | None] = mapped_column(String(32))
    exchange_order_id: Mapped[str | None] = mapped_column(String(80))
    triggered_order_id: Mapped[str | None] = mapped_column(String(80))
    origin: Mapped[OrderOrigin] = mapped_column(default=OrderOrigin.OURS, server_default="ours")
    symbol: Mapped[str] = mapped_column(String(80))
    side: Mapped[Side]
    order_type: Mapped[OrderType]
    time_in_force: Mapped[TimeInForce | None]
    quantity: Mapped[Decimal]
    limit_price: Mapped[Decimal | None]
    trigger_price: Mapped[Decimal | None]
    trigger_by: Mapped[TriggerBy | None]
    trigger_kind: Mapped[TriggerKind | None]
    reduce_only: Mapped[bool]
    leverage: Mapped[int | None]
    margin_mode: Mapped[MarginMode | None]
    purpose: Mapped[Purpose]
    close_reason: Mapped[CloseReason | None]
    reference_price: Mapped[Decimal]
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    targets: Mapped[tuple[Target, ...] | None]
    trailing_percent: Mapped[Decimal | None]
    status: Mapped[OrderStatus] = mapped_column(default=OrderStatus.CREATED)
    reason: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    filled_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    average_price: Mapped[Decimal | None]
    fee: Mapped[Decimal] = mapped_column(default=Decimal(0))
    fee_asset: Mapped[str | None] = mapped_column(String(20))
    cancel_requested_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    @property
    def remaining(self) -> Decimal:
        """Quantity that may still be filled, in base units."""
        return self.quantity - self.filled_quantity

    @property
    def is_conditional(self) -> bool:
        """Whether it was placed with a trigger: some venues keep those apart."""
        return self.trigger_price is not None

    @property
    def is_resting_exit(self) -> bool:
        """Whether it waits at the venue for a stop or a target to be reached."""
        return self.trigger_price is not None and self.purpose is not Purpose.ENTRY

    @property
    def is_scheduled(self) -> bool:
        """Whether it is a scheduled exit that was sent: a limit, never worse than its floor."""
        return self.close_reason is CloseReason.SCHEDULED and self.limit_price is not None

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not ORDER_MOVES[self.status]

    def move(self, status: OrderStatus, *, now: datetime, reason: str | None = None) -> None:
        """Go where the table allows; staying put is no move."""
        if status is not self.status:
            self.status = advance(self.status, status, ORDER_MOVES)
            self.updated_at = now
        if reason is not None:
            self.reason = reason
        if self.is_final:
            self.finished_at = self.finished_at or now


class Fill(Base):
    """One execution, as the venue booked it. Never changed, never invented."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("account_id", "symbol", "exchange_trade_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    position_id: Mapped[UUID | None] = mapped_column(ForeignKey("positions.id"), index=True)
    exchange_trade_id: Mapped[str] = mapped_column(String(80))
    symbol: Mapped[str] = mapped_column(String(80))
    side: Mapped[Side]
    price: Mapped[Decimal]
    quantity: Mapped[Decimal]
    fee: Mapped[Decimal]
    fee_asset: Mapped[str] = mapped_column(String(20))
    executed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
