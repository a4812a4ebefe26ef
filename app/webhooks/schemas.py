"""What the sender of an alert is told."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.pipeline.alarms.models import Alarm


class AlarmReceipt(BaseModel):
    """What became of one delivery; `reason` is `code: sentence`."""

    alarm_id: UUID
    status: str
    reason: str | None = None
    signal_id: UUID | None = None

    @classmethod
    def of(cls, alarm: Alarm, *, is_duplicate: bool) -> Self:
        """The receipt of an alarm, or of one more delivery of it."""
        return cls(
            alarm_id=alarm.id,
            status="duplicate" if is_duplicate else alarm.status.value,
            reason="duplicate: This alert was delivered before." if is_duplicate else alarm.reason,
            signal_id=alarm.signal_id,
        )
