"""Alarms as they cross HTTP."""

from typing import Any, Self
from uuid import UUID

from app.http.schemas import Moment, Out
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus


class AlarmOut(Out):
    """An alarm in a list."""

    id: UUID
    status: AlarmStatus
    reason: str | None
    strategy_id: UUID
    received_at: Moment
    decided_at: Moment | None
    deliveries: int
    source: str
    token_hint: str | None
    is_test: bool
    dialect: str | None
    alert_at: Moment | None
    ticker: str | None
    symbol: str | None
    sentence: str | None
    problems: list[dict[str, Any]]
    signal_id: UUID | None


class AlarmDetail(AlarmOut):
    """An alarm with the bytes as they came; unprintable ones are escaped, none are hidden."""

    body: str

    @classmethod
    def of(cls, row: Alarm) -> Self:
        """Shape a row."""
        values = {name: getattr(row, name) for name in AlarmOut.model_fields}
        return cls(**values, body=row.body.decode("utf-8", errors="backslashreplace"))
