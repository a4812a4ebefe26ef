"""What TradingView says it holds, and the alerts that are missing from the story it tells."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base
from app.pipeline.alarms.gaps.chain import Missing, Reported
from app.pipeline.alarms.status import GapKind, GapStatus
from app.trading.words import PositionSide


class Twin(Base):
    """A strategy's position of one market at TradingView, after the newest alert that says it."""

    __tablename__ = "twins"

    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(80), primary_key=True)
    ticker: Mapped[str] = mapped_column(String(80))
    position_side: Mapped[PositionSide | None]
    size: Mapped[Decimal | None]
    reported_at: Mapped[datetime]
    alarm_id: Mapped[UUID] = mapped_column(ForeignKey("alarms.id"))

    @property
    def reported(self) -> Reported:
        """The position as the chain compares it."""
        return Reported(self.position_side, self.size, self.reported_at)

    def note(self, reported: Reported, *, ticker: str, alarm_id: UUID) -> None:
        """A newer alert says so."""
        self.position_side, self.size = reported.side, reported.size
        self.reported_at, self.ticker, self.alarm_id = reported.at, ticker, alarm_id


class Gap(Base):
    """Alerts of one strategy that never arrived, and what was decided about it.

    Attributes:
        ticker: the market in the alert's spelling; None for a silence, which concerns all.
        expected_side: what the last alert that arrived had left; None is flat.
        expected_at: when that alert was made; of a silence, since when nothing came.
        reported_side: what TradingView says it was when the next alert came.
        reported_at: when that one was made; None for a silence.
        before_alarm_id: the last alarm that arrived before.
        alarm_id: the alarm that revealed it; None for a silence.
        repair_alarm_id: the alarm that a missed alert's text became.
        signal_id: the last signal that adopting it made.
        sentence: what is missing, for a trader.
        told_at: when the trader was told; None while it is so young that it may close by itself.
    """

    __tablename__ = "gaps"
    __table_args__ = (
        Index("ix_gaps_user_id_status", "user_id", "status"),
        Index("ix_gaps_strategy_id_symbol_status", "strategy_id", "symbol", "status"),
        Index("ix_gaps_status_opened_at", "status", "opened_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    kind: Mapped[GapKind]
    status: Mapped[GapStatus] = mapped_column(default=GapStatus.OPEN)
    ticker: Mapped[str | None] = mapped_column(String(80))
    symbol: Mapped[str | None] = mapped_column(String(80))
    expected_side: Mapped[PositionSide | None]
    expected_size: Mapped[Decimal | None]
    expected_at: Mapped[datetime]
    reported_side: Mapped[PositionSide | None]
    reported_size: Mapped[Decimal | None]
    reported_at: Mapped[datetime | None]
    before_alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarms.id"))
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarms.id"), index=True)
    repair_alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarms.id"), index=True)
    signal_id: Mapped[UUID | None]
    sentence: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(Text)

    @property
    def missing(self) -> Missing:
        """What the chain lacks; a silence says nothing of a position."""
        if self.reported_at is None:
            raise AssertionError("a silence has no positions")
        return Missing(
            Reported(self.expected_side, self.expected_size, self.expected_at),
            Reported(self.reported_side, self.reported_size, self.reported_at),
        )
