"""The jobs table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base
from app.db.outbox import told_as
from app.jobs.status import JobStatus


@told_as("job", unseen=("checkpoint", "holder", "held_until", "tries"))
class Job(Base):
    """One piece of long work.

    Attributes:
        kind: which program does it: `candles_fetch` …
        parameters: what it was asked for, as its kind understands it.
        done: of `total`, in what `unit` says; `total` is None while nobody knows.
        checkpoint: where it goes on after an end in the middle; its kind's own.
        result: what came of it.
        reason: why it failed, as `code: sentence`.
        is_cancel_wanted: its owner has called it off, and whoever works on it has not heard yet.
        holder: of whoever works on it, new with each beginning: it fences what is written.
        held_until: the holder counts as gone after that.
        tries: how often it was begun and neither ended nor was handed back.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_user_id_id", "user_id", "id"),
        Index("ix_jobs_status_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(32))
    parameters: Mapped[dict[str, Any]]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int | None] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(32))
    checkpoint: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None] = mapped_column(Text)
    is_cancel_wanted: Mapped[bool] = mapped_column(default=False)
    holder: Mapped[UUID | None]
    held_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
