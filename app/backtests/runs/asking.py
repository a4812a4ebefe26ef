"""From what a trader asks for to a plan, or to a sentence that says why not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository as accounts
from app.accounts.models import ExchangeAccount
from app.backtests.runs.plan import Plan, closed_range, digest_of
from app.backtests.runs.schemas import BacktestIn
from app.backtests.runs.terms import Circumstances, RunTerms
from app.core.errors import Invalid
from app.db.session import Database
from app.exchanges.venues import PAPER
from app.http.caller import Caller
from app.market.asking import in_utc
from app.market.finding import listed, market_of
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.shelf import Shelf
from app.pipeline.risk import repository as risk
from app.pipeline.risk.in_force import limits_at
from app.strategies import repository as strategies
from app.strategies.models import Strategy

Source = tuple[Strategy, ExchangeAccount]


async def _source(session: AsyncSession, strategy_id: UUID | None, user_id: UUID) -> Source | None:
    """The strategy whose settings are taken, with its account.

    Raises:
        NotFound: it is not there, or somebody else's.
    """
    if strategy_id is None:
        return None
    row = await strategies.owned(session, strategy_id, user_id)
    return row, await accounts.exchange_account(session, user_id, row.account_id)


@asynccontextmanager
async def plan_for(
    asked: BacktestIn,
    database: Database,
    instruments: InstrumentBook,
    shelf: Shelf,
    *,
    caller: Caller,
    now: datetime,
) -> AsyncIterator[Plan]:
    """What was asked for, with what it left out; its parameters are still to be checked.

    An own algorithm can be asked until the block ends, and that waits: do it beside the event loop.

    Args:
        asked: as it was sent.
        database: with the strategy that it names, and the trader's limits.
        instruments: asked of the venue when they were never loaded: no transaction may be open.
        shelf: the algorithms.
        caller: who asks.
        now: when.

    Raises:
        Invalid: `no_algorithm`, `unknown_algorithm`; what is wrong with an own algorithm, of which
            an admin is told the line; as `market_of`.
        NotFound: `unknown_symbol`; no such strategy of the caller.
        ExchangeError: as `market_of`.
    """
    async with database.read() as session:
        source = await _source(session, asked.strategy_id, caller.user_id)
        limits = limits_at(await risk.profile(session, caller.user_id), now=now).in_force
    market = await _market(asked, source, instruments)
    instrument = listed(instruments, market)
    terms = asked.terms
    if source is not None:
        terms = RunTerms.of_strategy(source[0]).with_changes(asked.terms)
    since, until = closed_range(
        asked.timeframe,
        in_utc("from", asked.since),
        now if asked.until is None else in_utc("to", asked.until),
        now=now,
    )
    zone = ZoneInfo(caller.zone)
    try:
        async with shelf.opened(_algorithm(asked, source)) as chosen:
            yield Plan(
                definition=chosen,
                market=market,
                timeframe=asked.timeframe,
                since=since,
                until=until,
                terms=terms,
                circumstances=Circumstances(instrument, limits, zone, digest_of(chosen)),
            )
    except AlgorithmFault as fault:
        raise (fault.in_full() if caller.is_admin else fault) from None


async def _market(
    asked: BacktestIn, source: Source | None, instruments: InstrumentBook
) -> PriceKey:
    """On the strategy's account, unless another exchange is named."""
    exchange, market_type = asked.exchange or PAPER, asked.market_type
    if source is not None and asked.exchange is None:
        exchange, market_type = source[1].exchange, market_type or source[1].market_type
    return await market_of(instruments, asked.symbol, exchange=exchange, market_type=market_type)


def _algorithm(asked: BacktestIn, source: Source | None) -> str:
    name = asked.algorithm or (None if source is None else source[0].algorithm)
    if name is None:
        raise Invalid(
            "Name an algorithm, one of GET /algorithms, or a strategy that names one.",
            code="no_algorithm",
        )
    return name


def checked_parameters(plan: Plan, settings: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """The parameters as JSON takes them, once it is clear that they can be run.

    They come with their defaults, which may change one day; those of an own algorithm as they were
    sent, for its file is not run when it has changed.

    Raises:
        Invalid: as `Plan.check`.
    """
    plan.check(settings, now=now)
    found: dict[str, Any] = plan.definition.validated(settings).model_dump(mode="json")
    return found
