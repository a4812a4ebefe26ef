"""Chapter 7: books and venue are compared, and what other hands did becomes known (I14, I15).

A failed or an empty answer proves nothing. What differs is acted on only when every order of the
symbol is settled and the same difference was seen twice, and a book of contracts loses quantity
only to executions that the venue shows.

The move table of orders stays as it is: one that ended here stays ended, whatever the venue makes
of it later. It is cancelled there, and what was executed of it is booked all the same, for fills
are facts and a status is only what was proven when it was written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from app.accounts import repository as accounts
from app.accounts import states
from app.accounts.models import ExchangeAccount
from app.core.errors import NotFound
from app.pipeline.flow.outside import Holdings, holdings_at_venue
from app.pipeline.flow.reconciling.funding import keep_funding
from app.pipeline.flow.reconciling.symbol import Look, Looked, reconcile_symbol
from app.pipeline.flow.tools import Tools
from app.pipeline.orders import repository as orders
from app.pipeline.positions import repository as positions

# Executions are read again from so long before the last comparison.
OVERLAP: Final = timedelta(seconds=60)
# An account that was never compared: what has happened on it lately.
FIRST_LOOK: Final = timedelta(days=1)
AT_ONCE: Final = 4

Step: TypeAlias = Callable[[], Awaitable[Looked]]
InLane: TypeAlias = Callable[[str, Step], Awaitable[Looked]]


async def _directly(symbol: str, step: Step) -> Looked:
    del symbol
    return await step()


async def reconcile_account(
    tools: Tools,
    account_id: UUID,
    *,
    in_lane: InLane = _directly,
    is_first: bool = False,
    with_funding: bool = True,
) -> Looked:
    """Compare an account with its venue, symbol by symbol, and take over what is proven.

    Args:
        tools: the database and the venues.
        account_id: which account.
        in_lane: runs a symbol's step while no other step of that symbol runs.
        is_first: the first comparison of this process: nothing can be in anybody's hands, so that
            a difference need not be seen twice.
        with_funding: also book funding payments.

    Raises:
        NotFound: no such account.
        Unavailable: its keys are not known.
        ExchangeError: the venue did not answer, or refuses the key; nothing is proven by that.
    """
    async with tools.database.read() as session:
        account = await session.get(ExchangeAccount, account_id)
        state = await states.state(session, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id}.")
    before = state.reconciled_at if state is not None else None
    since = tools.now() - FIRST_LOOK if before is None else before - OVERLAP
    venue = await tools.venues.of(account_id)
    there = await holdings_at_venue(venue, account.market_type)
    few = asyncio.Semaphore(AT_ONCE)

    async def look_at(symbol: str) -> Looked:
        look = Look(tools, venue, account_id, symbol, since, is_first)
        async with few:
            return await in_lane(symbol, lambda: reconcile_symbol(look))

    symbols = await _symbols(tools, account, there, since)
    answers = await asyncio.gather(*map(look_at, symbols), return_exceptions=True)
    total = Looked()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        total += answer
    if with_funding and await keep_funding(tools, venue, account):
        total += Looked(has_news=True)
    return total


async def _symbols(
    tools: Tools, account: ExchangeAccount, there: Holdings, since: datetime
) -> list[str]:
    """Where anything is held, waits, has lately moved, or was found not to be ours."""
    listed = tools.instruments.all(account.exchange, account.market_type)
    async with tools.database.read() as session:
        held = await positions.held(session, account_id=account.id)
        moved = await orders.touched_symbols(session, account.id, since)
        waiting = await orders.live_symbols(session, account.id)
        external = await accounts.external_of(session, account.id)
    there_only = {one.symbol for one in there.positions if one.symbol in listed}
    return sorted({one.symbol for one in held} | moved | waiting | set(external) | there_only)
