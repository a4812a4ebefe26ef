"""The event-driven backtest beside a plain loop over the same candles, and beside backtesting.py.

All of them trade one strategy: long at the next open when the EMA of 100 closes has crossed above
that of 400, out at the next open when it is below, a stop 2 % under the entry price, 1000 in quote
each time, fees of 0.05 %. All begin with the same columns of numbers and end with an equity at
every close. What is compared is candles a second of processor time, whatever else runs here.

What a trade costs is not what a candle costs: the plain loop pays for a trade with three sums, the
engine with every rule of the corridor, in decimals. So the ratio falls the more is traded; here
that is about twice a day.

The plain loop is written for this one strategy: floats, no lot, no rule, no record of fills. It
asks the same two `Ema` objects, so that the engine is measured and not the average; a second one
has the recursion written into it, and is shown for what that is worth.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.util import find_spec
from statistics import median
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar, Bars
from app.algorithms.indicators.averages import Ema
from app.algorithms.intents import Account, Intent, Move
from app.backtests.engine.run import run
from app.backtests.engine.terms import Means, Terms
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import LevelKind, SizingMode
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide
from scripts.bench.loops import (
    CAPITAL,
    FAST,
    FEE,
    NOTIONAL,
    SLOW,
    STOP,
    TICK,
    Ran,
    plain,
    plainest,
)

RIVAL: Final = "backtesting"
PLAIN: Final = "plain loop, same averages"
GOALS: Final[Mapping[str, float]] = {PLAIN: 0.5, RIVAL: 10.0}
INSTRUMENT: Final = Instrument(
    symbol="XRP/USDT:USDT",
    market_type=MarketType.LINEAR,
    base="XRP",
    quote="USDT",
    settle="USDT",
    quantity_step=Decimal("0.00000001"),
    price_tick=Decimal(str(TICK)),
    min_quantity=Decimal("0.00000001"),
    max_quantity=None,
    min_notional=Decimal(5),
    contract_size=Decimal(1),
    taker_fee_rate=Decimal(str(FEE)),
    maker_fee_rate=Decimal(str(FEE)),
)
TERMS: Final = Terms(
    sizing=SizeAsked(SizingMode.NOTIONAL, Decimal(str(NOTIONAL))),
    stop_loss=PriceLevel(LevelKind.PERCENT, Decimal(str(STOP)) * 100),
)
MEANS: Final = Means(capital=Decimal(str(CAPITAL)))


class Crossing:
    """The strategy as an algorithm of ours."""

    def __init__(self) -> None:
        self._fast = Ema(FAST).update
        self._slow = Ema(SLOW).update
        self._is_above = False

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Long at the crossing, out below."""
        close = bar.close
        fast, slow = self._fast(close), self._slow(close)
        if fast is None or slow is None:
            return ()
        was_above, self._is_above = self._is_above, fast > slow
        if account.holding is None:
            if was_above or not self._is_above:
                return ()
            return (Intent(Move.ENTER, PositionSide.LONG, "crossed", bar.closed_at),)
        if self._is_above:
            return ()
        return (Intent(Move.EXIT, PositionSide.LONG, "crossed back", bar.closed_at),)

    @property
    def lines(self) -> Mapping[str, float | None]:
        """None are drawn here."""
        return {}

    @property
    def outlook(self) -> PositionSide | None:
        """Nobody asks."""
        return None


CROSSING: Final = Definition(
    name="crossing",
    version=1,
    summary="Long while the quick average is above the slow one.",
    parameters=Parameters,
    build=lambda _: Crossing(),
    warm_up=lambda _: SLOW,
)


@dataclass(frozen=True, slots=True)
class Speed:
    """Candles a second of processor time, the median of the rounds, and what came out of it."""

    name: str
    candles: int
    per_second: float
    ran: Ran


def a_market(count: int, seed: int = 1) -> Bars:
    """One-minute candles of a random walk, each of which opens where the last one closed."""
    random = np.random.default_rng(seed)
    prices = np.round(5 * np.exp(np.cumsum(random.normal(0.0, 0.0005, count + 1))), 4)
    opens, closes = prices[:-1], prices[1:]
    reach = np.abs(random.normal(0.0, 0.0002, (2, count)))
    highs = np.round(np.maximum(opens, closes) * (1 + reach[0]), 4)
    lows = np.round(np.minimum(opens, closes) * (1 - reach[1]), 4)
    opened_at = np.datetime64("2024-01-01", "us") + np.arange(count) * np.timedelta64(1, "m")
    return Bars(timedelta(minutes=1), opened_at, opens, highs, lows, closes, np.ones(count))


def ours(bars: Bars) -> Ran:
    """The engine: every rule of the corridor at each entry, money in decimals."""
    outcome = run(CROSSING, {}, bars, instrument=INSTRUMENT, terms=TERMS, means=MEANS)
    entries = sum(1 for fill in outcome.fills if fill.close_reason is None)
    return Ran(entries, float(outcome.balance + outcome.unrealised - outcome.capital))


def measure(*, candles: int, rival_candles: int, rounds: int, console: Console) -> list[Speed]:
    """Let all of them take turns; the rival, which is slower, on the beginning of the market.

    Args:
        candles: of the market.
        rival_candles: of them for backtesting.py, where it is installed.
        rounds: how often each has its turn.
        console: for what is under way.
    """
    bars = a_market(candles)
    contestants: list[tuple[str, Callable[[Bars], Ran], Bars]] = [
        ("event-driven backtest", ours, bars),
        (PLAIN, plain, bars),
        ("plain loop, averages written into it", plainest, bars),
    ]
    if find_spec(RIVAL) is not None:
        from scripts.bench.rival import ran  # noqa: PLC0415 (only where it is installed)

        contestants.append((RIVAL, ran, a_market(rival_candles)))
    taken: dict[str, list[float]] = {name: [] for name, _, _ in contestants}
    results: dict[str, Ran] = {}
    for number in range(rounds):
        for name, contestant, market in contestants:
            console.print(f"round {number + 1} of {rounds}: {name} …")
            began = time.process_time()
            results[name] = contestant(market)
            taken[name].append(time.process_time() - began)
    return [
        Speed(name, len(market), len(market) / median(taken[name]), results[name])
        for name, _, market in contestants
    ]


def figures_of(speeds: Sequence[Speed]) -> dict[str, object]:
    """For a program; ratios are of ours to each of the others."""
    first = speeds[0]
    return {
        "candles_per_second": {one.name: round(one.per_second) for one in speeds},
        "entries": {one.name: one.ran.entries for one in speeds},
        "net_profit": {one.name: round(one.ran.net_profit, 2) for one in speeds},
        "ratios": {one.name: round(first.per_second / one.per_second, 3) for one in speeds[1:]},
        "goals": GOALS,
    }


def show(speeds: Sequence[Speed], console: Console) -> None:
    """A table, the ratios, and how to get the one that is missing."""
    table = Table(title="backtest: long on a crossing of EMAs, with a stop")
    table.add_column("what")
    for heading in ("candles", "candles/s", "entries", "net profit"):
        table.add_column(heading, justify="right")
    for one in speeds:
        figures = (f"{one.candles:,}", f"{one.per_second:,.0f}", f"{one.ran.entries:,}")
        table.add_row(one.name, *figures, f"{one.ran.net_profit:,.2f}")
    console.print(table)
    for one in speeds[1:]:
        console.print(_ratio(one.name, speeds[0].per_second / one.per_second))
    if find_spec(RIVAL) is None:
        console.print(
            f"backtesting.py is not installed and was left out. To have it measured: "
            f".venv/bin/python -m pip install {RIVAL}"
        )


def _ratio(name: str, ratio: float) -> str:
    goal = GOALS.get(name)
    if goal is None:
        return f"ours / {name} = {ratio:.2f}"
    colour = "green" if ratio >= goal else "red"
    return f"ours / {name} = [bold {colour}]{ratio:.2f}[/]   goal ≥ {goal:g}"
