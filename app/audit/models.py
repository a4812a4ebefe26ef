"""The audit trail and its seals as tables."""

from datetime import datetime
from typing import Any, Never
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, event
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base


class AuditEntry(Base):
    """One thing that somebody or something did; never changed, never deleted.

    Attributes:
        user_id: whose it is; None for what concerns the installation.
        actor: a username, `system`, or `rule:` and the rule that acted.
        action: kind and participle, as in `signal.approved`.
        detail: strings only, so that a figure reads tomorrow as it did today.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_user_id_id", "user_id", "id"),
        Index("ix_audit_entries_subject_id_id", "subject_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
    source: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))


class AuditSeal(Base):
    """One link of the chain over the trail; never changed, never deleted.

    Attributes:
        number: 1 for the first, then without a gap: of two sealers that want the same one wins.
        digest: over the digest before it and all of the entry, in hex; `chain` says how.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    digest: Mapped[str] = mapped_column(String(64))


def _refuse(*_: Any) -> Never:
    raise RuntimeError("what is in the audit trail is never changed and never deleted")


for _table in (AuditEntry, AuditSeal):
    for _moment in ("before_update", "before_delete"):
        event.listen(_table, _moment, _refuse)
