"""A test alarm and the report on it, as they cross HTTP."""

from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.http.schemas import In, Moment, Out

ALERT: Final = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.01","stop_loss":"58000"}'
REPORT: Final[dict[str, JsonValue]] = {
    "alarm_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "status": "accepted",
    "reason": None,
    "is_test": True,
    "steps": [
        {
            "step": "door.address",
            "ok": True,
            "detail": "Alerts from 52.89.214.238 are taken.",
            "at": None,
        },
        {
            "step": "verdict",
            "ok": True,
            "detail": "It would wait for your approval, and then be sent as: buy 0.01 "
            "BTC/USDT:USDT at market.",
            "at": None,
        },
    ],
}


class RehearsalIn(In):
    """The alert to try, as TradingView would send it; the strategy's own template without it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": ALERT}]})

    body: str | None = Field(default=None, min_length=1)


class RehearsedStep(Out):
    """One step of the way, whether a real alert would get past it, and why in a sentence."""

    step: str
    ok: bool
    detail: str
    at: Moment | None = None


class RehearsalOut(Out):
    """What came of a test; the last step says what would come of the real alert.

    `status` and `reason` are what the door answered; `turned_away`, without an alarm, when it did
    not let the alert in.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [REPORT]})

    alarm_id: UUID | None
    status: str
    reason: str | None
    is_test: Literal[True] = True
    steps: list[RehearsedStep]
