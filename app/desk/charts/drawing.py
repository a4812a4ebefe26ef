"""Brings an algorithm and the candles it needs together."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bars
from app.algorithms.charting import Chart, chart
from app.algorithms.intents import Account
from app.core.errors import Invalid
from app.db.session import Database
from app.market.bars import BY_LENGTH, bar_of
from app.market.candles import repository
from app.market.candles.series import Series
from app.market.fetching.fetcher import CandleFetcher
from app.market.prices import PriceKey
from app.trading.instrument import Instrument
from app.trading.timeframe import Timeframe

# Of one timeframe, those before the chart included: what somebody can wait for.
MOST_CANDLES: Final = 4000
# What the made-up account has: only sizes depend on it, and a chart shows none.
CAPITAL: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is to be drawn.

    Attributes:
        settings: parameters of the algorithm, the others have their defaults.
        limit: how many candles are shown, those that averages have to have seen before apart.
    """

    definition: Definition[Any]
    settings: Mapping[str, Any]
    market: PriceKey
    timeframe: Timeframe
    limit: int

    def counts(self) -> dict[Timeframe, int]:
        """How many closed candles of each timeframe it takes.

        Raises:
            Invalid: `bad_parameters`; `bad_timeframe` for months, which have no length;
                `too_many_candles`.
        """
        base = self.timeframe.length
        if base is None:
            raise Invalid("A chart of months cannot be drawn.", code="bad_timeframe")
        warm_up = self.definition.warm_up(self.definition.validated(self.settings))
        found = {self.timeframe: warm_up + self.limit}
        for length in self.definition.larger:
            # One more: the first one may have begun before the first shown candle.
            found[BY_LENGTH[length]] = warm_up + -(-self.limit * base // length) + 1
        most = max(found.values())
        if most > MOST_CANDLES:
            detail = f"That takes {most} candles; a chart is made of {MOST_CANDLES} at most."
            raise Invalid(detail, code="too_many_candles")
        return found


async def draw(
    drawing: Drawing,
    instrument: Instrument,
    *,
    database: Database,
    fetcher: CandleFetcher,
    now: datetime,
) -> Chart:
    """Fetch what is missing of the candles it takes, and run the algorithm over them.

    An algorithm is asked beside the event loop: one of the operator's folder is in another process.

    Raises:
        Invalid: as `Drawing.counts` and `algorithms.charting.chart`: `too_few_candles` where the
            market is too young.
        ExchangeError: the venue was to be asked, and did not answer.
    """
    bars = {
        timeframe: await _bars(drawing.market, timeframe, count, database, fetcher, now)
        for timeframe, count in (await asyncio.to_thread(drawing.counts)).items()
    }
    base = bars.pop(drawing.timeframe)
    account = Account(instrument, CAPITAL)
    return await asyncio.to_thread(
        chart,
        drawing.definition,
        drawing.settings,
        base,
        account=account,
        larger=list(bars.values()),
    )


async def _bars(
    market: PriceKey,
    timeframe: Timeframe,
    count: int,
    database: Database,
    fetcher: CandleFetcher,
    now: datetime,
) -> Bars:
    """The last so many candles that have closed."""
    series, until = Series.of(market, timeframe), timeframe.open_of(now)
    length = timeframe.close_of(until) - until
    since = until - count * length
    await fetcher.fetch(series, since, until)
    async with database.read() as session:
        newest = await repository.newest(session, series, since=since, until=until, limit=count)
    return Bars.of(length, [bar_of(one) for one in reversed(newest)])
