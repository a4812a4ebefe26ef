"""Jobs as they cross HTTP."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from app.http.schemas import Moment, Out
from app.jobs.status import JobStatus


class JobOut(Out):
    """One piece of long work: `done` of `total` in what `unit` says, `total` null while unknown.

    A job that failed says why in `reason`, as `code: sentence`; what it had done by then stays.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11",
                    "kind": "candles_fetch",
                    "status": "running",
                    "parameters": {"symbol": "BTC/USDT", "timeframe": "1h"},
                    "done": 4000,
                    "total": 8760,
                    "unit": "candles",
                    "result": None,
                    "reason": None,
                    "is_cancel_wanted": False,
                    "created_at": "2026-01-31T12:00:00.000000Z",
                    "started_at": "2026-01-31T12:00:01.000000Z",
                    "ended_at": None,
                }
            ]
        }
    )

    id: UUID
    kind: str
    status: JobStatus
    parameters: dict[str, Any]
    done: int
    total: int | None
    unit: str
    result: dict[str, Any] | None
    reason: str | None
    is_cancel_wanted: bool
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
