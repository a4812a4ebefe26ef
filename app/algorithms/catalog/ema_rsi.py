"""EMA and RSI: with the trend of two averages, while momentum agrees and is not exhausted."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, model_validator

from app.algorithms.algorithm import EMA_FORGETS, RMA_FORGETS, Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.indicators.averages import Ema
from app.algorithms.indicators.rsi import Rsi
from app.algorithms.intents import Account, Intent
from app.algorithms.turning import Turning
from app.trading.words import PositionSide


class EmaRsiParameters(Parameters):
    """Averages, and the bounds of the RSI for longs; for shorts they are mirrored at 50."""

    fast: int = Field(default=12, ge=2, le=500, description="candles of the quick EMA")
    slow: int = Field(default=26, ge=3, le=1000, description="candles of the slow EMA")
    rsi_period: int = Field(default=14, ge=2, le=500, description="candles of the RSI")
    rsi_above: float = Field(default=50, ge=50, lt=100, description="a long needs more RSI")
    overbought: float = Field(default=70, gt=50, le=100, description="a long ends at this RSI")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("fast has to be shorter than slow")
        if self.rsi_above >= self.overbought:
            raise ValueError("rsi_above has to be below overbought")
        return self


class EmaRsi:
    """Long while the quick EMA is above the slow one and the RSI between its bounds.

    A long ends when the averages cross back or the RSI reaches `overbought`; shorts are mirrored.
    """

    def __init__(self, parameters: EmaRsiParameters) -> None:
        self._parameters = parameters
        self._averages = Ema(parameters.fast), Ema(parameters.slow)
        self._rsi = Rsi(parameters.rsi_period)
        self._values: tuple[float | None, float | None, float | None] = (None, None, None)
        self._turning = Turning()

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Turn where averages and RSI have come to agree."""
        fast, slow = (average.update(bar.close) for average in self._averages)
        strength = self._rsi.update(bar.close)
        self._values = fast, slow, strength
        if fast is None or slow is None or strength is None or fast == slow:
            return ()
        trend = PositionSide.LONG if fast > slow else PositionSide.SHORT
        # Seen from the trend: a short takes the RSI upside down.
        momentum = strength if trend is PositionSide.LONG else 100 - strength
        is_exhausted = momentum >= self._parameters.overbought
        agrees = self._parameters.rsi_above < momentum and not is_exhausted
        return self._turning.step(
            trend if agrees else None,
            bar,
            account,
            ended=(trend.opposite, trend) if is_exhausted else (trend.opposite,),
            reason=lambda: (
                f"EMA {fast:.6g} is {'above' if fast > slow else 'below'} {slow:.6g}, "
                f"RSI is {strength:.1f}"
            ),
        )

    @property
    def lines(self) -> dict[str, float | None]:
        """Both averages for the pane of the price, the RSI for one of its own."""
        return dict(zip(("ema_fast", "ema_slow", "rsi"), self._values, strict=True))

    @property
    def outlook(self) -> PositionSide | None:
        """The trend, where momentum agrees with it."""
        return self._turning.side


EMA_RSI: Final = Definition(
    name="ema_rsi",
    version=1,
    summary="With two EMAs while the RSI agrees; out when they cross back or it is exhausted.",
    parameters=EmaRsiParameters,
    build=EmaRsi,
    warm_up=lambda parameters: max(
        EMA_FORGETS * parameters.slow, RMA_FORGETS * parameters.rsi_period
    ),
)
