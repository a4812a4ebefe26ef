"""Questions about the audit trail."""

from uuid import UUID

from sqlalchemy import Select, select

from app.audit.models import AuditEntry


def entries(
    *, user_id: UUID | None, action: str | None, subject_id: str | None
) -> Select[tuple[AuditEntry]]:
    """The query for a list.

    Args:
        user_id: only this user's rows; None for everyone's.
        action: only this action, or all of one kind when it ends in a dot, as in `signal.`.
        subject_id: only what was done to this one.
    """
    query = select(AuditEntry)
    if user_id is not None:
        query = query.where(AuditEntry.user_id == user_id)
    if action and action.endswith("."):
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    elif action:
        query = query.where(AuditEntry.action == action)
    if subject_id:
        query = query.where(AuditEntry.subject_id == subject_id)
    return query
