"""The same strategy in backtesting.py; to be imported only where that is installed."""

import warnings
from typing import Any

import pandas
from backtesting import Backtest, Strategy

from app.algorithms.bars import Bars
from scripts.bench.loops import CAPITAL, FAST, FEE, NOTIONAL, SLOW, STOP, Ran


def ran(bars: Bars) -> Ran:
    """Run it; the averages are worked out before, in one go."""
    prices = {"Open": bars.opens, "High": bars.highs, "Low": bars.lows, "Close": bars.closes}
    frame = pandas.DataFrame(prices, index=pandas.DatetimeIndex(bars.opened_at))
    with warnings.catch_warnings():
        # It says so when a trade is open at the end.
        warnings.simplefilter("ignore")
        found = Backtest(frame, Crossing, cash=CAPITAL, commission=FEE).run()
    return Ran(int(found["# Trades"]), float(found["Equity Final [$]"]) - CAPITAL)


class Crossing(Strategy):  # type: ignore[misc]  # the package is untyped where it is absent
    """Long while the quick average is above the slow one, with a stop."""

    def init(self) -> None:
        """Work out both averages."""
        self.fast = self.I(_average, self.data.Close, FAST)
        self.slow = self.I(_average, self.data.Close, SLOW)

    def next(self) -> None:
        """In at the crossing, out below."""
        if self.position:
            if self.fast[-1] <= self.slow[-1]:
                self.position.close()
        elif self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
            price = self.data.Close[-1]
            # It knows whole units only.
            self.buy(size=round(NOTIONAL / price), sl=price * (1 - STOP))


def _average(closes: Any, period: int) -> Any:
    return pandas.Series(closes).ewm(span=period, adjust=False).mean()
