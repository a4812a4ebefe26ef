"""The notices table, and where notices are sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.words import Word
from app.db.base import Base
from app.db.outbox import told_as


class Severity(Word):
    """How soon somebody has to look."""

    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class Delivery(Word):
    """How far a notice is on its way to its user's own address."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@told_as("notice", unseen=("next_try_at",))
class Notice(Base):
    """One thing a trader has to know.

    Attributes:
        code: a stable word: `unprotected`, `order_unknown`, `closed_elsewhere` …
        subject_id: the position, order or account it is about.
        text: a sentence for three in the morning: what happened, what was done, what to do.
        times: how often it was said; a repetition within the hour makes no new row.
        delivery: None when its user had no address for notices.
        tries: how often it was sent, or begun to be.
        next_try_at: not before then; None when it is not to be sent at all.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_user_id_id", "user_id", "id"),
        Index("ix_notices_subject_id_code", "subject_id", "code"),
        Index("ix_notices_delivery_next_try_at", "delivery", "next_try_at"),
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
    delivery: Mapped[Delivery | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]


class NoticeAddress(Base):
    """Where a user's notices are sent.

    Attributes:
        id: the user's.
        host: of the address, to show; the rest of an address may be a secret.
        sealed: the address, and the secret that signs what is sent there.
        tested_at: when a test was last sent.
    """

    __tablename__ = "notice_addresses"

    id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    sealed: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]
    tested_at: Mapped[datetime | None]
