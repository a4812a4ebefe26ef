"""`/backtests/{id}/replay`: a stored run as a stream of events.

A stream of its own, and not a part of `/events`: what stands there is a row that was committed, has
a number, and comes again after an interruption. A playback is nobody's news. It goes as fast as one
page wants it to, stops when that page does, and a second page would not want to see it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from app.backtests.replay.playing import Playback, Playbacks
from app.backtests.replay.schemas import EndOut, FrameOut
from app.backtests.runs import repository
from app.backtests.runs.models import Backtest
from app.core.clock import iso
from app.core.errors import Conflict, Invalid, TooMany
from app.db.session import Database
from app.http.caller import Caller
from app.market.asking import in_utc

SLOWEST: Final = 0.1
FASTEST: Final = 1_000.0
DEFAULT_SPEED: Final = 10.0
# Of a part that is asked for by their number.
MOST_CANDLES: Final = 5_000


@get(
    "/{backtest_id:uuid}/replay",
    operation_id="replayBacktest",
    summary="Play a backtest back, candle by candle",
    description="An event stream: `candle` for each candle, with its fills and the equity at "
    "its close, `end` at the end with the moment to go on from. To pause is to close it, and to go "
    "on is to open it at the next candle: by `from`, or by `Last-Event-ID`, the open time of the "
    "last one. `candles=1` is a step. It ends with the access token that opened it.",
    opt={"raises": [Conflict, TooMany]},
)
async def replay_backtest(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    backtest_id: FromPath[UUID],
    speed: Annotated[
        float, QueryParameter(name="speed", ge=SLOWEST, le=FASTEST, description="candles a second")
    ] = DEFAULT_SPEED,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    count: Annotated[
        int | None,
        QueryParameter(
            name="candles",
            ge=1,
            le=MOST_CANDLES,
            description="how far at most; to the end without it",
        ),
    ] = None,
    last: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> ServerSentEvent:
    """Your own, once it is done."""
    async with database.read() as session:
        row = await repository.own(session, backtest_id, caller.user_id, is_sweep=False)
    if row.result is None:
        raise Conflict("It is not done: there is nothing to play yet.", code="backtest_not_done")
    playbacks: Playbacks = request.app.state.playbacks
    playbacks.check_room(caller.user_id)
    begin = _begin(row, since, last)
    playback = Playback(
        row=row,
        since=begin,
        until=_end(row, begin, count),
        speed=speed,
        database=database,
        clock=request.app.state.clock,
        expires_at=getattr(request.auth, "expires_at", None),
    )
    return ServerSentEvent(_counted(playback, playbacks, caller.user_id))


def _begin(row: Backtest, since: datetime | None, last: str | None) -> datetime:
    """Where to begin: what the browser says it had last goes before the address it has opened."""
    if last:
        try:
            seen = in_utc("Last-Event-ID", datetime.fromisoformat(last))
        except ValueError:
            raise Invalid("Last-Event-ID: pass the id of an event as it came.") from None
        return row.since if seen < row.since else row.timeframe.close_of(min(seen, row.until))
    return row.since if since is None else max(row.since, in_utc("from", since))


def _end(row: Backtest, begin: datetime, count: int | None) -> datetime:
    if count is None:
        return row.until
    return next(islice(row.timeframe.opens(begin, row.until), count, None), row.until)


async def _counted(
    playback: Playback, playbacks: Playbacks, user_id: UUID
) -> AsyncGenerator[ServerSentEventMessage]:
    with playbacks.counted(user_id):
        async with aclosing(playback.frames()) as found:
            async for frame in found:
                shown = FrameOut.of(frame)
                yield ServerSentEventMessage(
                    shown.model_dump_json(), event="candle", id=iso(shown.open_time)
                )
        yield ServerSentEventMessage(EndOut(next=playback.next).model_dump_json(), event="end")


router = Router(path="/backtests", tags=["backtests"], route_handlers=[replay_backtest])
