"""/health/live, /health/ready, /status-server and /logs."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from app import __version__
from app.accounts.authentication import optional_caller
from app.core.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from app.core.log import JSON_FILE
from app.health.metrics import metrics
from app.health.schemas import LiveOut, LogLineOut, ReadyOut, StatusOut, shape_line
from app.health.status import Health, ask_all, overall
from app.health.tail import LEVELS, LogFilter, newest
from app.http.caller import require_admin
from app.http.schemas import Page
from app.http.session import database_of

PUBLIC = {"public": True}
MAX_LINES = 500
MAX_TEXT = 200

Readiness = tuple[bool, str]
ReadinessCheck = Callable[[], Readiness | Awaitable[Readiness]]
"""Says whether it is ready, and what it waits for; kept in `app.state.readiness` by name."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@get("/health/live", opt=PUBLIC, operation_id="get_live", summary="Does the process answer")
async def live() -> LiveOut:
    """Answer."""
    return LiveOut()


@get(
    "/health/ready",
    opt=PUBLIC,
    operation_id="get_ready",
    summary="May traffic be sent here",
    responses={503: ResponseSpec(ReadyOut, description="Not yet")},
)
async def ready(request: Request[Any, Any, Any]) -> Response[ReadyOut]:
    """Ask everything that has to be there before the first request."""
    checks: Mapping[str, ReadinessCheck] = request.app.state.get("readiness") or {}
    waiting = [name for name, check in checks.items() if not await _is_ready(check)]
    status = Health.DOWN if waiting else Health.OK
    return Response(
        ReadyOut(status=status, waiting_for=waiting), status_code=503 if waiting else 200
    )


@get(
    "/status-server",
    opt={**PUBLIC, "raises": [Forbidden, Unauthenticated, Unavailable]},
    operation_id="get_status",
    summary="How the house is doing: one word for visitors, each part for users",
)
async def status_server(request: Request[Any, Any, Any]) -> StatusOut:
    """Ask every part how it is."""
    caller = await optional_caller(request)
    sources = request.app.state.get("health_sources") or []
    checks = await ask_all(database_of(request), sources, caller)
    status = overall(list(checks.values()))
    if caller is None:
        return StatusOut(status=status)
    parts = {name: {"status": check.status, **check.detail} for name, check in checks.items()}
    return StatusOut.model_validate({"status": status, "version": __version__, **parts})


@get(
    "/logs",
    guards=[require_admin],
    operation_id="list_log_lines",
    summary="The newest log lines (admin)",
)
async def logs(
    *,
    request: Request[Any, Any, Any],
    level: Annotated[str | None, QueryParameter(description="this level and worse")] = None,
    contains: Annotated[str | None, QueryParameter(max_length=MAX_TEXT)] = None,
    event: Annotated[
        str | None,
        QueryParameter(max_length=MAX_TEXT, description="`alarm.accepted`, or a kind: `alarm.`"),
    ] = None,
    request_id: Annotated[str | None, QueryParameter(max_length=MAX_TEXT)] = None,
    alarm_id: Annotated[str | None, QueryParameter(max_length=MAX_TEXT)] = None,
    client_order_id: Annotated[str | None, QueryParameter(max_length=MAX_TEXT)] = None,
    since: Annotated[str | None, QueryParameter(name="from")] = None,
    until: Annotated[str | None, QueryParameter(name="to")] = None,
    cursor: Annotated[str | None, QueryParameter(description="next_cursor of the page before")] = (
        None
    ),
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LINES)] = 50,
) -> Page[LogLineOut]:
    """Read the end of the JSON log; what was rotated away is in the files beside it."""
    ids = {"request_id": request_id, "alarm_id": alarm_id, "client_order_id": client_order_id}
    ends = [_moment("to", until), _moment("cursor", cursor)]
    wanted = LogFilter(
        level=_level(level),
        contains=contains,
        event=event,
        ids=tuple((name, value) for name, value in ids.items() if value is not None),
        since=_moment("from", since),
        until=min((end for end in ends if end is not None), default=None),
    )
    path = request.app.state.settings.log_dir / JSON_FILE
    lines, more = await asyncio.to_thread(newest, path, wanted, limit=limit)
    items = [shape_line(line) for line in lines]
    return Page(items=items, next_cursor=items[-1].at if more else None)


async def _is_ready(check: ReadinessCheck) -> bool:
    answer = check()
    ok, _ = await answer if inspect.isawaitable(answer) else answer
    return ok


def _level(level: str | None) -> str | None:
    if level is not None and level.lower() not in LEVELS:
        raise Invalid(f"level: one of {', '.join(LEVELS)}")
    return level.lower() if level is not None else None


def _moment(name: str, value: str | None) -> datetime | None:
    try:
        return _MOMENT.validate_python(value) if value is not None else None
    except ValidationError:
        raise Invalid(f"{name}: a time with a zone, as 2026-01-31T00:00:00Z") from None


router = Router(
    path="/", route_handlers=[live, ready, status_server, logs, metrics], tags=["health"]
)
