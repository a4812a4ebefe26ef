"""What the sender of an alert is told."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.pipeline.alarms.keeping import Receipt


class AlarmReceipt(BaseModel):
    """What became of one delivery; `reason` is `code: sentence`."""

    alarm_id: UUID
    status: str
    reason: str | None = None
    signal_id: UUID | None = None

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """The receipt of an alarm, or of one more delivery of it."""
        return cls(
            alarm_id=receipt.alarm_id,
            status="duplicate" if receipt.is_duplicate else receipt.status.value,
            reason="duplicate: This alert was delivered before."
            if receipt.is_duplicate
            else receipt.reason,
            signal_id=receipt.signal_id,
        )
