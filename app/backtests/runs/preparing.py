"""Candles for a backtest: fetched where they are missing, then read as columns of floats."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.algorithms.bars import Bars, Moments
from app.backtests.processes.messages import Ground
from app.backtests.runs.plan import Plan
from app.core.errors import Invalid
from app.db.session import Database
from app.market.bars import length_of
from app.market.candles import repository
from app.market.candles.series import Series
from app.market.fetching.fetcher import CandleFetcher, Fetched, Report, unheard
from app.trading.timeframe import Timeframe

# Open, high, low, close, volume.
NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a backtest is run on.

    Attributes:
        fetched: what came of asking the venue, by timeframe.
    """

    ground: Ground
    fetched: dict[Timeframe, Fetched]

    @property
    def missing(self) -> dict[str, int]:
        """How many candles the venue does not have either, by timeframe, where there are any."""
        found = {one.value: fetched.missing for one, fetched in self.fetched.items()}
        return {timeframe: count for timeframe, count in found.items() if count}


class Preparer:
    """Brings a plan and its candles together.

    Args:
        database: where the candles are.
        fetcher: asks venues for those that are not.
    """

    def __init__(self, database: Database, fetcher: CandleFetcher) -> None:
        self._database = database
        self._fetcher = fetcher

    async def prepare(
        self, plan: Plan, cases: Sequence[Mapping[str, Any]], report: Report = unheard
    ) -> Prepared:
        """Fetch what is missing, and read what there is.

        Args:
            plan: which candles.
            cases: parameters of each run: their warm-up says how far back they go.
            report: hears how much of the base candles has been looked at.

        Raises:
            Invalid: `too_few_candles` where there are none; as `Plan.series` and
                `CandleFetcher.fetch`.
            ExchangeError: as `CandleFetcher.fetch`.
        """
        fetched: dict[Timeframe, Fetched] = {}
        bars: list[Bars] = []
        # An own algorithm is asked for its warm-up, which is waited for.
        needed = await asyncio.to_thread(plan.series, cases)
        for series, since in needed.items():
            heard = unheard if bars else report
            fetched[series.timeframe] = await self._fetcher.fetch(series, since, plan.until, heard)
            bars.append(await read_bars(self._database, series, since, plan.until))
        base, *larger = bars
        if not len(base):
            detail = f"{plan.market.symbol} has no {plan.timeframe} candle in that range."
            raise Invalid(detail, code="too_few_candles")
        ground = Ground(
            algorithm=plan.definition.name,
            since=plan.since,
            bars=base,
            larger=tuple(larger),
            instrument=plan.terms.instrument(plan.circumstances.instrument),
            terms=plan.terms.terms(),
            means=plan.circumstances.means(plan.terms),
            funding=tuple(plan.terms.funding(plan.market.market_type, plan.since, plan.until)),
            source=plan.definition.source,
        )
        return Prepared(ground, fetched)


async def read_bars(database: Database, series: Series, since: datetime, until: datetime) -> Bars:
    """The stored candles of a range, for an algorithm.

    Args:
        database: where they are.
        series: of any timeframe but months.
        since: inclusive.
        until: exclusive.

    Raises:
        Invalid: `bad_timeframe` for months.
    """
    length = length_of(series.timeframe)
    opened: list[Moments] = []
    numbers: list[NDArray[np.float64]] = []
    pages = repository.bare_prices(database, series, since=since, until=until)
    async with aclosing(pages):
        async for rows in pages:
            naive = [row[0].replace(tzinfo=None) for row in rows]
            opened.append(np.array(naive, dtype="datetime64[us]"))
            # Text on SQLite and decimals elsewhere: numpy alone would not take both for numbers.
            numbers.append(np.array([[float(one) for one in row[1:]] for row in rows]))
    if not opened:
        empty = np.empty(0)
        return Bars(length, np.empty(0, dtype="datetime64[us]"), *([empty] * NUMBERS))
    columns = np.ascontiguousarray(np.concatenate(numbers).T)
    return Bars(length, np.concatenate(opened), *columns)
