"""`/alarms`: what arrived and came of it, an alert by hand, and what one would mean."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from app.core.errors import NotFound, TooLarge
from app.desk.alarm_schemas import AlarmByHandIn, AlarmStory, AlarmTaken, ExplanationOut
from app.desk.explaining import explain
from app.desk.gaps import router as gaps
from app.desk.timeline import story_of
from app.http.answers import RawBodyOperation
from app.http.caller import Caller, require_trader
from app.pipeline.alarms.models import BY_HAND, source_of
from app.pipeline.alarms.routes import HANDLERS
from app.pipeline.alarms.service import MAX_BYTES, Reading, bytes_of
from app.pipeline.flow.intake import take_in
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies


@get("/{alarm_id:uuid}", operation_id="getAlarm", summary="One alarm and what came of it")
async def get_alarm(
    alarm_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> AlarmStory:
    """The bytes as they came, and every step from receipt to result with its time and price."""
    async with tools.database.read() as session:
        return await story_of(session, alarm_id, caller.user_id)


@post(
    "/",
    operation_id="createAlarm",
    opt={"raises": [NotFound]},
    responses={200: ResponseSpec(AlarmTaken, description="It came before")},
    summary="Send an alert by hand",
    guards=[require_trader],
)
async def create_alarm(
    data: JSONBody[AlarmByHandIn],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> Response[AlarmTaken]:
    """The same way as through the webhook; a repetition answers 200 with the first alarm."""
    body = bytes_of(data.body)
    async with tools.database.read() as session:
        strategy = await strategies.owned(session, data.strategy_id, caller.user_id)
    alarm, is_duplicate = await take_in(
        tools,
        strategy,
        body,
        source=source_of(BY_HAND, caller.username),
        reading=Reading.of(body, hiding=strategy.token_digests),
        actor=caller.username,
    )
    taken = AlarmTaken.of_delivery(alarm, is_duplicate=is_duplicate)
    return Response(taken, status_code=200 if is_duplicate else 201)


@post(
    "/preview",
    operation_id="previewAlarm",
    operation_class=RawBodyOperation,
    opt={"raises": [NotFound, TooLarge]},
    summary="What an alert would mean",
    description=(
        "The body is the alert's text as it is, whatever its content type, for example "
        '`{"symbol":"BTCUSDT","action":"buy","quantity":"0.01"}`. With `strategy_id` also what '
        "that strategy would do with it now, given its settings and its open book. Always 200: "
        "an alert that cannot be read has `understood` false, and a problem that says where."
    ),
    status_code=200,
    request_max_body_size=MAX_BYTES,
)
async def preview_alarm(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    strategy_id: FromQuery[UUID | None] = None,
) -> ExplanationOut:
    """Changes nothing."""
    body = await request.body()
    return await explain(tools, body, user_id=caller.user_id, strategy_id=strategy_id)


router = Router(
    path="/alarms",
    tags=["alarms"],
    route_handlers=[*HANDLERS, get_alarm, create_alarm, preview_alarm, gaps],
)
