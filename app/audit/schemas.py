"""The audit trail as it crosses HTTP."""

from uuid import UUID

from pydantic import ConfigDict

from app.http.schemas import Moment, Out


class AuditEntryOut(Out):
    """One thing that was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11",
                    "at": "2026-01-31T12:00:00.000000Z",
                    "user_id": "019c1f6e-0000-7c31-9d0e-3f0f5b1b6a11",
                    "actor": "ada",
                    "action": "signal.approved",
                    "subject_kind": "signal",
                    "subject_id": "019c1f6e-1111-7c31-9d0e-3f0f5b1b6a11",
                    "detail": {"fraction": "0.5"},
                    "source": "127.0.0.1",
                    "request_id": "019c1f6e4a527c319d0e3f0f5b1b6a11",
                }
            ]
        }
    )

    id: UUID
    at: Moment
    user_id: UUID | None
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    detail: dict[str, str]
    source: str | None
    request_id: str | None
