"""`/alarms`: what arrived and what became of it."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller
from app.http.filters import choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.pipeline.alarms import repository
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.schemas import AlarmOut
from app.pipeline.alarms.status import AlarmStatus


@get("/", operation_id="listAlarms", summary="Your alarms")
async def list_alarms(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    strategy_id: FromQuery[UUID | None] = None,
    symbol: FromQuery[str | None] = None,
) -> Page[AlarmOut]:
    """Newest first; `symbol` in either spelling."""
    query = repository.listing(
        caller.user_id,
        status=choice(AlarmStatus, status, "status"),
        strategy_id=strategy_id,
        symbol=symbol,
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Alarm.id,
        time_column=Alarm.received_at,
        shape=AlarmOut.model_validate,
    )


# The desk adds what crosses stages: a path has one router.
HANDLERS = [list_alarms]
