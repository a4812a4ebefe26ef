"""SMA and HMA: with the trend of the base candles, where closed hours and four hours agree."""

from collections.abc import Sequence
from datetime import timedelta
from math import isqrt
from typing import Final

from pydantic import Field

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.indicators.averages import Sma
from app.algorithms.indicators.weighted import Hma
from app.algorithms.intents import Account, Intent
from app.algorithms.turning import Turning
from app.trading.words import PositionSide

HOUR: Final = timedelta(hours=1)
FOUR_HOURS: Final = timedelta(hours=4)
NAMES: Final = {HOUR: "hma_1h", FOUR_HOURS: "hma_4h"}


class SmaHmaParameters(Parameters):
    """Candles of the averages."""

    sma_period: int = Field(default=200, ge=2, le=2000, description="base candles of the SMA")
    hma_period: int = Field(
        default=200, ge=2, le=2000, description="hours, and four hours, of the HMAs"
    )


class SmaHma:
    """Long while the close is above the SMA and both HMAs, short while it is below all three.

    A holding ends when the close is on the other side of the SMA.
    """

    def __init__(self, parameters: SmaHmaParameters) -> None:
        self._sma = Sma(parameters.sma_period)
        self._hulls = {length: Hma(parameters.hma_period) for length in NAMES}
        self._trend: float | None = None
        self._large: dict[timedelta, float | None] = dict.fromkeys(NAMES)
        self._turning = Turning()

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Turn where the close has come to have all three averages behind it."""
        self._trend = self._sma.update(bar.close)
        levels = [level for level in (self._trend, *self._large.values()) if level is not None]
        if self._trend is None or len(levels) < len(NAMES) + 1:
            return ()
        return self._turning.step(
            _side(bar.close, levels),
            bar,
            account,
            ended=_ended(bar.close, self._trend),
            reason=lambda: (
                "the close {:.6g} beside SMA {:.6g}, HMA of 1h {:.6g} and of 4h {:.6g}".format(
                    bar.close, *levels
                )
            ),
        )

    def on_larger(self, bar: Bar) -> None:
        """Keep the average of the hours, or of the four hours."""
        self._large[bar.length] = self._hulls[bar.length].update(bar.close)

    @property
    def lines(self) -> dict[str, float | None]:
        """The SMA, and the HMAs of the hours that had closed by then."""
        larger = {NAMES[length]: value for length, value in self._large.items()}
        return {"sma": self._trend, **larger}

    @property
    def outlook(self) -> PositionSide | None:
        """The side on which the close has all three averages behind it."""
        return self._turning.side


def _side(close: float, levels: Sequence[float]) -> PositionSide | None:
    if close > max(levels):
        return PositionSide.LONG
    return PositionSide.SHORT if close < min(levels) else None


def _ended(close: float, trend: float) -> tuple[PositionSide, ...]:
    if close == trend:
        return ()
    return (PositionSide.SHORT if close > trend else PositionSide.LONG,)


SMA_HMA: Final = Definition(
    name="sma_hma",
    version=1,
    summary="Long above the SMA and the HMAs of 1h and 4h, short below; out across the SMA.",
    parameters=SmaHmaParameters,
    build=SmaHma,
    # One more than the averages need: the first side that is known is no turn.
    warm_up=lambda parameters: (
        1 + max(parameters.sma_period, parameters.hma_period + isqrt(parameters.hma_period) - 1)
    ),
    larger=(HOUR, FOUR_HOURS),
)
