"""Backtests that are valid by default; a test names only what it is about."""

from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.algorithms.bars import Bars
from app.algorithms.registry import definition
from app.backtests.processes.messages import Ground
from app.backtests.runs.plan import Plan
from app.backtests.runs.terms import Circumstances, RunTerms
from app.market.bars import bar_of
from app.pipeline.risk.exposure import Limits
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from tests.builders import LINEAR
from tests.fakes.market import an_instrument
from tests.market_builders import MARKET, START
from tests.unit.algorithms.markets import a_walk

MINUTE: Final = timedelta(minutes=1)
# Crosses every few candles, and has seen enough after 99 of them.
ALGORITHM: Final = "macd"
PARAMETERS: Final = {"fast": 3, "slow": 6, "signal": 3}
WARM_UP: Final = 99
COUNT: Final = 300
# The first one that counts.
SINCE: Final = START + WARM_UP * MINUTE
UNTIL: Final = SINCE + COUNT * MINUTE


@cache
def a_market(count: int = WARM_UP + COUNT, seed: int = 1) -> tuple[Candle, ...]:
    """Minutes from the start on, of a price around sixty thousand."""
    walk = a_walk(seed, count, start=60_000, volatility=0.002, digits=1)
    rows = zip(walk.opens, walk.highs, walk.lows, walk.closes, strict=True)
    candles = []
    for number, row in enumerate(rows):
        opened, high, low, close = (Decimal(str(float(price))) for price in row)
        at = START + number * MINUTE
        candles.append(Candle(Timeframe.M1, at, opened, high, low, close, Decimal(1)))
    return tuple(candles)


def a_plan(**changes: Any) -> Plan:
    """Five hours of that market."""
    circumstances = Circumstances(an_instrument(LINEAR), Limits(), ZoneInfo("UTC"))
    values: dict[str, Any] = {
        "definition": definition(ALGORITHM),
        "market": MARKET,
        "timeframe": Timeframe.M1,
        "since": SINCE,
        "until": UNTIL,
        "terms": RunTerms(),
        "circumstances": circumstances,
    }
    return Plan(**{**values, **changes})


def a_ground(**changes: Any) -> Ground:
    """What a process is sent for that plan."""
    plan = a_plan()
    values: dict[str, Any] = {
        "algorithm": plan.definition.name,
        "since": plan.since,
        "bars": Bars.of(MINUTE, map(bar_of, a_market())),
        "larger": (),
        "instrument": plan.circumstances.instrument,
        "terms": plan.terms.terms(),
        "means": plan.circumstances.means(plan.terms),
    }
    return Ground(**{**values, **changes})
