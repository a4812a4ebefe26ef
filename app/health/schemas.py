"""Health, status and log lines as they cross HTTP."""

from typing import Any

from pydantic import ConfigDict

from app.health.status import Health
from app.http.schemas import Out


class LiveOut(Out):
    """The process answers."""

    status: Health = Health.OK


class ReadyOut(Out):
    """Whether traffic may be sent here; `waiting_for` names what is missing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "down", "waiting_for": ["database"]}]}
    )

    status: Health
    waiting_for: list[str]


class StatusOut(Out):
    """A visitor sees `status`; whoever is logged in sees each part under its name."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"status": "ok"},
                {
                    "status": "degraded",
                    "version": "0.1.0",
                    "database": {"status": "ok", "latency_ms": 0.4, "kind": "sqlite"},
                    "monitor": {"status": "degraded", "last_tick_age_seconds": 4.2},
                },
            ]
        },
    )

    status: Health


class LogLineOut(Out):
    """One line of the log; `fields` has whatever was said beside the event."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-01-31T12:00:00.000000Z",
                    "level": "info",
                    "logger": "app.webhooks.routes",
                    "event": "alarm.accepted",
                    "exception": None,
                    "fields": {"alarm_id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"},
                }
            ]
        }
    )

    at: str
    level: str
    logger: str
    event: str
    exception: str | None
    fields: dict[str, str | None]


def shape_line(line: dict[str, Any]) -> LogLineOut:
    """A line of the file to what crosses HTTP."""
    own = ("at", "level", "logger", "event", "exception")
    rest = {key: value for key, value in line.items() if key not in own}
    return LogLineOut(
        at=str(line.get("at", "")),
        level=str(line.get("level", "")),
        logger=str(line.get("logger", "")),
        event=str(line.get("event", "")),
        exception=line.get("exception"),
        fields={key: None if value is None else str(value) for key, value in rest.items()},
    )
