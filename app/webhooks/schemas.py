"""What the sender of an alert is told."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.pipeline.flow.intake import Taken


class AlarmReceipt(BaseModel):
    """What became of one delivery; `reason` is `code: sentence`."""

    alarm_id: UUID
    status: str
    reason: str | None = None
    signal_id: UUID | None = None

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """The receipt of an alarm, or of one more delivery of it."""
        return cls(
            alarm_id=taken.alarm_id,
            status="duplicate" if taken.is_duplicate else taken.status.value,
            reason="duplicate: This alert was delivered before."
            if taken.is_duplicate
            else taken.reason,
            signal_id=taken.signal_id,
        )
