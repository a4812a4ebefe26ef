"""The alarms and their claims."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.state import advance
from app.db.base import Base
from app.db.outbox import told_as
from app.pipeline.alarms.status import ALARM_MOVES, AlarmStatus

# What the source of an alert by hand, or of a test, begins with; the user's name follows.
BY_HAND: Final = "user:"
TEST_SOURCE: Final = "test:"
# … and that of a bot's; its id follows.
BOT_SOURCE: Final = "bot:"
TOLD_AS: Final = "alarm"
# Characters.
MAX_SOURCE: Final = 64


@told_as(TOLD_AS)
class Alarm(Base):
    """One distinct alert as it arrived, with what became of it. The body never changes."""

    __tablename__ = "alarms"
    __table_args__ = (
        Index("ix_alarms_user_status", "user_id", "status"),
        Index("ix_alarms_strategy_received", "strategy_id", "received_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    status: Mapped[AlarmStatus] = mapped_column(default=AlarmStatus.RECEIVED)
    reason: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(
        LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb")
    )
    source: Mapped[str] = mapped_column(String(MAX_SOURCE))
    token_hint: Mapped[str | None] = mapped_column(String(8))
    received_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    deliveries: Mapped[int] = mapped_column(default=1)
    dialect: Mapped[str | None] = mapped_column(String(40))
    alert_at: Mapped[datetime | None]
    ticker: Mapped[str | None] = mapped_column(String(80))
    symbol: Mapped[str | None] = mapped_column(String(80))
    sentence: Mapped[str | None] = mapped_column(Text)
    problems: Mapped[list[dict[str, Any]]]
    signal_id: Mapped[UUID | None]

    @property
    def is_test(self) -> bool:
        """Whether it came from `POST /strategies/{id}/test-alarm`: nothing may move for it."""
        return is_test_source(self.source)

    @property
    def is_from_bot(self) -> bool:
        """Whether one of our own algorithms sent it, which says close when it means that."""
        return self.source.startswith(BOT_SOURCE)

    def decide(self, status: AlarmStatus, *, reason: str | None, now: datetime) -> None:
        """Say what became of it; `reason` is `code: sentence`."""
        self.status = advance(self.status, status, ALARM_MOVES)
        self.reason = reason
        self.decided_at = now


class AlarmClaim(Base):
    """Who was first with a key, and until when the key is taken."""

    __tablename__ = "alarm_claims"

    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    alarm_id: Mapped[UUID]
    valid_until: Mapped[datetime] = mapped_column(index=True)


def source_of(kind: str, name: str) -> str:
    """The source of an alert from inside, as long as its column takes.

    Args:
        kind: `BY_HAND`, `TEST_SOURCE` or `BOT_SOURCE`.
        name: of the user; the id of the bot.
    """
    return f"{kind}{name}"[:MAX_SOURCE]


def is_test_source(source: str) -> bool:
    """Whether an alert came by a test; other sources are addresses, or begin otherwise."""
    return source.startswith(TEST_SOURCE)
