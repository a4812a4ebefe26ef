"""Write the audit trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEntry
from app.core.ids import new_id
from app.core.origin import current_origin

SYSTEM: Final = "system"


async def record(
    session: AsyncSession,
    *,
    now: datetime,
    actor: str,
    action: str,
    subject_kind: str,
    subject_id: str,
    user_id: UUID | None = None,
    detail: Mapping[str, str] | None = None,
    source: str | None = None,
) -> AuditEntry:
    """Add a row to the caller's transaction: what is rolled back was not done.

    Args:
        session: the caller's transaction.
        now: when it happened.
        actor: a username, `system`, or `rule:` and the rule that acted.
        action: kind and participle, as in `signal.approved`.
        subject_kind: what it was done to, as in `signal`.
        subject_id: which one.
        user_id: whose it is; None for what concerns the installation.
        detail: figures and reasons as text; no secrets.
        source: the caller's address; that of the request at hand when left out.
    """
    origin = current_origin()
    entry = AuditEntry(
        id=new_id(),
        at=now,
        user_id=user_id,
        actor=actor,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        detail=dict(detail or {}),
        source=source or origin.source,
        request_id=origin.request_id,
    )
    session.add(entry)
    return entry
