"""`POST /backtests/what-if`: other settings over the trader's own alarms."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.backtests.what_if.history.loading import Wanted
from app.backtests.what_if.scenario_schemas import HUNDRED, WhatIfIn
from app.backtests.what_if.schemas import WhatIfOut
from app.backtests.what_if.service import what_if
from app.core.errors import Denied, Invalid, NotFound
from app.db.session import Database
from app.http.caller import Caller, require_trader
from app.market.asking import in_utc
from app.market.instruments import InstrumentBook


@post(
    "/what-if",
    operation_id="askWhatIf",
    summary="Your own alarms under other settings",
    description="Your stored alarms once more over stored candles: what was decided stands, but "
    "for what a scenario changes. Says what each scenario would have brought, and what each rule "
    "and each rejection has earned or cost. Changes nothing and fetches nothing; the same question "
    "over the same candles has the same answer. At most 500 alarms at a time.",
    guards=[require_trader],
    status_code=200,
    opt={"raises": [NotFound, Denied]},
)
async def ask_what_if(
    request: Request[Any, Any, Any],
    data: JSONBody[WhatIfIn],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
) -> WhatIfOut:
    """Of the caller's own strategies."""
    instruments: InstrumentBook = request.app.state.tools.instruments
    answer = await what_if(
        database,
        wanted_by(caller, data, now=now),
        [one.scenario() for one in data.scenarios],
        instruments=instruments,
        capital=data.capital,
        slippage=data.slippage_percent / HUNDRED,
        now=now,
    )
    return WhatIfOut.of(answer)


def wanted_by(caller: Caller, data: WhatIfIn, *, now: datetime) -> Wanted:
    """Which part of whose past.

    Raises:
        Invalid: `reversed_range`, `future_range`, or a moment that has no UTC.
    """
    since = None if data.since is None else in_utc("from", data.since)
    until = now if data.until is None else min(now, in_utc("to", data.until))
    if since is not None and since > now:
        raise Invalid("from is yet to come: nothing has happened then.", code="future_range")
    if since is not None and since >= until:
        raise Invalid("from is not before to.", code="reversed_range")
    return Wanted(
        user_id=caller.user_id,
        strategy_ids=data.strategy_ids,
        since=since,
        until=until,
        zone=ZoneInfo(caller.zone),
    )


router = Router(path="/backtests", tags=["backtests"], route_handlers=[ask_what_if])
