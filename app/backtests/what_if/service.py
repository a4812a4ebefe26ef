"""Asks what would have been: reads a part of the past, then works it out beside the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.backtests.what_if.answer import Answer, answer
from app.backtests.what_if.candles import tapes_of
from app.backtests.what_if.history.loading import Wanted, load
from app.backtests.what_if.replay.run import Setting
from app.backtests.what_if.scenario import Scenario, checked
from app.core.errors import Invalid
from app.db.session import Database
from app.market.instruments import InstrumentBook

# One at a time: it takes a second of a processor that guards positions as well.
_DESK: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="what-if")


async def what_if(
    database: Database,
    wanted: Wanted,
    scenarios: Sequence[Scenario],
    *,
    instruments: InstrumentBook,
    capital: Decimal,
    slippage: Decimal,
    now: datetime,
) -> Answer:
    """What other settings would have brought; changes nothing and asks no venue.

    Args:
        database: where the past is.
        wanted: whose, and which part of it.
        scenarios: none is a baseline with what each decision was worth.
        instruments: what the venues list.
        capital: of each account at the beginning, settle currency, above 0.
        slippage: fraction of the price by which what is filled at market is worse off.
        now: candles that are not closed by then are not looked at.

    Raises:
        NotFound: a strategy is not there, or not the user's.
        Invalid: `bad_scenario`.
        Denied: as `load` and `tapes_of`.
    """
    names = [one.name for one in scenarios]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"Two scenarios are called {twice!r}.", code="bad_scenario")
    async with database.read() as session:
        past = await load(session, wanted, instruments, now=now)
        ready = [checked(one, past) for one in scenarios]
        tapes = await tapes_of(session, past, now=now)
    setting = Setting(past=past, tapes=tapes, capital=capital, slippage=slippage)
    return await asyncio.get_running_loop().run_in_executor(_DESK, answer, setting, ready)
