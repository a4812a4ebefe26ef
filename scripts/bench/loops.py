"""The strategy of the backtest's measure as plain loops: floats, no lot, no rule, no record."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

from app.algorithms.bars import Bars
from app.algorithms.indicators.averages import Ema

FAST: Final = 100
SLOW: Final = 400
STOP: Final = 0.02
NOTIONAL: Final = 1000.0
CAPITAL: Final = 1_000_000.0
FEE: Final = 0.0005
TICK: Final = 0.0001


@dataclass(frozen=True, slots=True)
class Ran:
    """What somebody made of the candles: entries, and the equity at the end less the capital."""

    entries: int
    net_profit: float


def plain(bars: Bars) -> Ran:
    """The loop that somebody writes in an afternoon, with our averages."""
    fast_of, slow_of = Ema(FAST).update, Ema(SLOW).update
    was_above = False
    for close in bars.closes[:SLOW].tolist():
        fast, slow = fast_of(close), slow_of(close)
        was_above = fast is not None and slow is not None and fast > slow
    cash, quantity, stop, entries = CAPITAL, 0.0, 0.0, 0
    wants_in, wants_out, equity = False, False, []
    for opened, low, close in _rows(bars):
        if quantity:
            if wants_out or opened <= stop:
                cash, quantity = cash + quantity * opened * (1 - FEE), 0.0
            elif low <= stop:
                cash, quantity = cash + quantity * stop * (1 - FEE), 0.0
        elif wants_in:
            quantity, entries, stop = NOTIONAL / opened, entries + 1, stop_under(opened)
            cash -= NOTIONAL * (1 + FEE)
            if low <= stop:
                cash, quantity = cash + quantity * stop * (1 - FEE), 0.0
        is_above = fast_of(close) > slow_of(close)  # type: ignore[operator]  # both are warm
        wants_in = not quantity and is_above and not was_above
        wants_out = not is_above
        was_above = is_above
        equity.append(cash + quantity * close)
    return Ran(entries, equity[-1] - CAPITAL)


def plainest(bars: Bars) -> Ran:
    """The same loop with the recursion of the averages written into it."""
    fast_weight, slow_weight = 2 / (FAST + 1), 2 / (SLOW + 1)
    fast_keep, slow_keep = 1 - fast_weight, 1 - slow_weight
    closes = bars.closes[:SLOW].tolist()
    fast, slow = sum(closes[:FAST]) / FAST, sum(closes) / SLOW
    for close in closes[FAST:]:
        fast = fast_weight * close + fast_keep * fast
    was_above = fast > slow
    cash, quantity, stop, entries = CAPITAL, 0.0, 0.0, 0
    wants_in, wants_out, equity = False, False, []
    for opened, low, close in _rows(bars):
        if quantity:
            if wants_out or opened <= stop:
                cash, quantity = cash + quantity * opened * (1 - FEE), 0.0
            elif low <= stop:
                cash, quantity = cash + quantity * stop * (1 - FEE), 0.0
        elif wants_in:
            quantity, entries, stop = NOTIONAL / opened, entries + 1, stop_under(opened)
            cash -= NOTIONAL * (1 + FEE)
            if low <= stop:
                cash, quantity = cash + quantity * stop * (1 - FEE), 0.0
        fast = fast_weight * close + fast_keep * fast
        slow = slow_weight * close + slow_keep * slow
        is_above = fast > slow
        wants_in = not quantity and is_above and not was_above
        wants_out = not is_above
        was_above = is_above
        equity.append(cash + quantity * close)
    return Ran(entries, equity[-1] - CAPITAL)


def stop_under(price: float) -> float:
    """The stop of a long, up to the tick."""
    return ceil(round(price * (1 - STOP) / TICK, 4)) * TICK


def _rows(bars: Bars) -> Iterator[tuple[float, float, float]]:
    """Open, low and close of what follows the warm-up."""
    columns = (column[SLOW:].tolist() for column in (bars.opens, bars.lows, bars.closes))
    return zip(*columns, strict=True)
