"""The strategies table."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base
from app.strategies.words import (
    Approval,
    LevelKind,
    OnOpposite,
    Sides,
    SizingMode,
)
from app.trading.words import MarginMode, TriggerBy


class Strategy(Base):
    """One source of alerts, bound to one exchange account."""

    __tablename__ = "strategies"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    token_hint: Mapped[str] = mapped_column(String(8))
    previous_token_digest: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    previous_token_hint: Mapped[str | None] = mapped_column(String(8))
    previous_token_until: Mapped[datetime | None]
    approval: Mapped[Approval] = mapped_column(default=Approval.MANUAL)
    sizing_mode: Mapped[SizingMode] = mapped_column(default=SizingMode.FROM_ALERT)
    sizing_value: Mapped[Decimal | None]
    leverage: Mapped[int] = mapped_column(default=1)
    margin_mode: Mapped[MarginMode] = mapped_column(default=MarginMode.ISOLATED)
    default_stop_loss_kind: Mapped[LevelKind | None]
    default_stop_loss_value: Mapped[Decimal | None]
    default_take_profit_kind: Mapped[LevelKind | None]
    default_take_profit_value: Mapped[Decimal | None]
    max_alarm_age_seconds: Mapped[int] = mapped_column(default=120)
    signal_ttl_seconds: Mapped[int] = mapped_column(default=900)
    max_price_drift_percent: Mapped[Decimal | None]
    ticker_map: Mapped[dict[str, Any]] = mapped_column(default=dict)
    allowed_symbols: Mapped[list[str] | None]
    sides: Mapped[Sides] = mapped_column(default=Sides.BOTH)
    on_opposite: Mapped[OnOpposite] = mapped_column(default=OnOpposite.CLOSE)
    max_entries: Mapped[int] = mapped_column(default=1)
    allocation: Mapped[Decimal | None]
    reinvest: Mapped[bool] = mapped_column(default=False)
    approve_exits: Mapped[Approval] = mapped_column(default=Approval.AUTO)
    exit_max_age_seconds: Mapped[int] = mapped_column(default=900)
    max_holding_seconds: Mapped[int | None]
    heartbeat_seconds: Mapped[int | None]
    heartbeat_since: Mapped[datetime | None]
    max_slippage_percent: Mapped[Decimal | None]
    trigger_by: Mapped[TriggerBy] = mapped_column(default=TriggerBy.MARK)
    raise_to_min_notional: Mapped[bool] = mapped_column(default=False)
    algorithm: Mapped[str | None] = mapped_column(String(120))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_manual: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    @property
    def token_digests(self) -> frozenset[str]:
        """Of its token, and of the one before; whether that one still opens the door or not."""
        return frozenset(filter(None, (self.token_digest, self.previous_token_digest)))

    def has_previous_token(self, now: datetime) -> bool:
        """Whether the token before the last rotation still opens the door."""
        return self.previous_token_until is not None and now < self.previous_token_until
