"""Notices as they cross HTTP."""

from uuid import UUID

from pydantic import ConfigDict

from app.http.schemas import Moment, Out
from app.notifications.models import Delivery, Severity


class NoticeOut(Out):
    """One thing that you have to know; `times` counts repetitions, the latest one at `last_at`.

    `delivery` says how far it is on its way to your own address: `waiting`, `delivered` or
    `given_up`, after so many `tries`; null when it is not sent.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11",
                    "severity": "urgent",
                    "code": "unprotected",
                    "subject_kind": "position",
                    "subject_id": "019c1f6e-1111-7c31-9d0e-3f0f5b1b6a11",
                    "text": "The venue took no stop for long BTC/USDT:USDT; it was closed.",
                    "times": 1,
                    "created_at": "2026-01-31T12:00:00.000000Z",
                    "last_at": "2026-01-31T12:00:00.000000Z",
                    "delivery": "delivered",
                    "tries": 1,
                }
            ]
        }
    )

    id: UUID
    severity: Severity
    code: str
    subject_kind: str
    subject_id: str
    text: str
    times: int
    created_at: Moment
    last_at: Moment
    delivery: Delivery | None
    tries: int
