"""Write the audit trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEntry
from app.core.ids import new_id
from app.core.origin import Origin, current_origin

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


def record_in(
    connection: Connection,
    *,
    now: datetime,
    actor: str,
    action: str,
    subject_kind: str,
    subject_id: str,
    user_id: UUID,
    detail: Mapping[str, str],
    origin: Origin,
) -> None:
    """As `record`, in a transaction without objects, which may be somebody else's.

    Args:
        connection: the transaction.
        now: when it happened.
        actor: as in `record`.
        action: as in `record`.
        subject_kind: as in `record`.
        subject_id: as in `record`.
        user_id: as in `record`.
        detail: as in `record`.
        origin: of the request that caused it.
    """
    entry = {
        "id": new_id(),
        "at": now,
        "user_id": user_id,
        "actor": actor,
        "action": action,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "detail": dict(detail),
        "source": origin.source,
        "request_id": origin.request_id,
    }
    connection.execute(insert(AuditEntry).values(entry))
