"""The notices table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.words import Word
from app.db.base import Base


class Severity(Word):
    """How soon somebody has to look."""

    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class Notice(Base):
    """One thing a trader has to know.

    Attributes:
        code: a stable word: `unprotected`, `order_unknown`, `closed_elsewhere` …
        subject_id: the position, order or account it is about.
        text: a sentence for three in the morning: what happened, what was done, what to do.
        times: how often it was said; a repetition within the hour makes no new row.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_user_id_id", "user_id", "id"),
        Index("ix_notices_subject_id_code", "subject_id", "code"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    severity: Mapped[Severity]
    code: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    times: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]
