"""`/events`: what changes, as it changes."""

from typing import Annotated, Any, Final

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, HeaderParameter, QueryParameter

from app.core.errors import ExchangeError, Invalid, NotFound, TooMany
from app.desk.providers import tools_of
from app.events.prices import PricePart, keys_of
from app.events.response import MEDIA_TYPE, EventResponse
from app.events.status import StatusPart
from app.events.stream import EventStream
from app.exchanges.venues import PAPER
from app.http.caller import Caller
from app.http.event_streams import STREAM
from app.http.filters import choice
from app.trading.words import MarketType

# As many digits as the largest number of a row has.
MOST_DIGITS: Final = 19
MOST_CHARACTERS: Final = 10_000


@get(
    "/events",
    operation_id="listenToEvents",
    summary="What changes of yours, as it changes",
    description="An event stream. Each event has a kind and, as `data`, a whole object as its GET "
    "answers it: `alarm`, `signal`, `order`, `position`, `pnl`, `bot`, `job`, `notice`; `gone` for "
    "one that was deleted; `status` for parts of `/status-server`; `price` for the symbols in "
    "`prices`. `reset` says that everything has to be loaded anew, as at the beginning. `beat` "
    "comes every 2 s while all is well, and `end` says why a stream ends. To go on after an "
    "interruption, give the last `id` as `Last-Event-ID` or `last_event_id`. A browser that sends "
    "no headers uses `ticket`, of `POST /auth/ticket`.",
    opt={STREAM: True, "raises": [TooMany, NotFound, ExchangeError]},
    responses={
        200: ResponseSpec(
            str, generate_examples=False, description="The stream", media_type=MEDIA_TYPE
        )
    },
)
async def listen_to_events(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    prices: Annotated[
        str | None,
        QueryParameter(
            name="prices", max_length=MOST_CHARACTERS, description="tickers: `BTCUSDT,ETHUSDT.P`"
        ),
    ] = None,
    exchange: FromQuery[str] = PAPER,
    market_type: FromQuery[str | None] = None,
    after: Annotated[str | None, QueryParameter(name="last_event_id")] = None,
    last: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> EventResponse:
    """Your own, whoever you are."""
    state, tools = request.app.state, tools_of(request)
    keys = await keys_of(
        tools.instruments,
        prices,
        exchange=exchange,
        market_type=choice(MarketType, market_type, "market_type"),
        most=state.settings.symbols_per_socket,
    )
    state.live_prices.check_room(keys)
    stream = EventStream(
        hub=state.events,
        database=tools.database,
        tools=tools,
        clock=state.clock,
        user_id=caller.user_id,
        # What the browser says it had last goes before the address it has opened.
        last=_number(last or after),
        more=(
            PricePart(state.live_prices, keys),
            StatusPart(tools.database, state.health_sources, caller),
        ),
    )
    return EventResponse(stream.lines())


def _number(text: str | None) -> int | None:
    """The number that was told last; None when there was none.

    Raises:
        Invalid: it is not one of ours.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise Invalid("Last-Event-ID: pass the id of an event as it came.")
    return int(text)


router = Router(path="/", tags=["events"], route_handlers=[listen_to_events])
