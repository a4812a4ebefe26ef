"""MACD: with the difference of two averages above its signal line, or below it."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, model_validator

from app.algorithms.algorithm import EMA_FORGETS, Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.indicators.macd import Macd, MacdPoint
from app.algorithms.intents import Account, Intent
from app.algorithms.turning import Turning
from app.trading.words import PositionSide


class MacdParameters(Parameters):
    """Candles of the three averages."""

    fast: int = Field(default=12, ge=2, le=500, description="candles of the quick average")
    slow: int = Field(default=26, ge=3, le=1000, description="candles of the slow average")
    signal: int = Field(default=9, ge=2, le=500, description="candles of the signal line")

    @model_validator(mode="after")
    def _fast_is_shorter(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("fast has to be shorter than slow")
        return self


class MacdCross:
    """Long from the candle that closes with MACD above its signal line, short from below."""

    def __init__(self, parameters: MacdParameters) -> None:
        self._macd = Macd(parameters.fast, parameters.slow, parameters.signal)
        self._point: MacdPoint | None = None
        self._turning = Turning()

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Turn where the lines have crossed."""
        self._point = self._macd.update(bar.close)
        if self._point is None or self._point.signal is None:
            return ()
        line, signal = self._point.macd, self._point.signal
        if line == signal:
            return ()
        side = PositionSide.LONG if line > signal else PositionSide.SHORT
        return self._turning.step(
            side,
            bar,
            account,
            ended=(side.opposite,),
            reason=lambda: (
                f"MACD {line:.6g} is {'above' if line > signal else 'below'} its signal line "
                f"{signal:.6g}"
            ),
        )

    @property
    def lines(self) -> dict[str, float | None]:
        """MACD, signal line and histogram, for a pane of their own."""
        point = self._point
        return {
            "macd": None if point is None else point.macd,
            "signal": None if point is None else point.signal,
            "histogram": None if point is None else point.histogram,
        }

    @property
    def outlook(self) -> PositionSide | None:
        """The side of the signal line that MACD is on."""
        return self._turning.side


MACD: Final = Definition(
    name="macd",
    version=1,
    summary="Long while MACD is above its signal line, short while it is below.",
    parameters=MacdParameters,
    build=MacdCross,
    warm_up=lambda parameters: EMA_FORGETS * (parameters.slow + parameters.signal),
)
