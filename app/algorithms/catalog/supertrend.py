"""Supertrend: with the trend, with the line as stop."""

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from app.algorithms.algorithm import RMA_FORGETS, Definition, Parameters
from app.algorithms.bars import Bar, exact
from app.algorithms.indicators.supertrend import Supertrend, SupertrendPoint
from app.algorithms.intents import Account, Intent
from app.algorithms.turning import Turning
from app.trading.words import PositionSide


class SupertrendParameters(Parameters):
    """How far the line is away."""

    factor: float = Field(default=3.0, gt=0, le=20, description="ATRs between line and price")
    period: int = Field(default=10, ge=1, le=500, description="candles of the ATR")


class SupertrendTurn:
    """Long from the candle that turns the trend up, short from the one that turns it down."""

    def __init__(self, parameters: SupertrendParameters) -> None:
        self._trend = Supertrend(factor=parameters.factor, period=parameters.period)
        self._point: SupertrendPoint | None = None
        self._turning = Turning()

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Turn where the trend has; the line is the stop of an entry."""
        self._point = self._trend.update(bar.high, bar.low, bar.close)
        if self._point is None:
            return ()
        line, is_rising = self._point.line, self._point.is_rising
        side = PositionSide.LONG if is_rising else PositionSide.SHORT
        return self._turning.step(
            side,
            bar,
            account,
            ended=(side.opposite,),
            reason=lambda: (
                f"the trend is {'up' if is_rising else 'down'}: Supertrend is at {line:.6g}"
            ),
            stop_loss=lambda: account.instrument.stop_price(exact(line), side),
        )

    @property
    def lines(self) -> dict[str, float | None]:
        """The line, for the pane of the price."""
        return {"supertrend": None if self._point is None else self._point.line}

    @property
    def outlook(self) -> PositionSide | None:
        """The trend."""
        return self._turning.side


SUPERTREND: Final = Definition(
    name="supertrend",
    version=1,
    summary="Long while the trend rises, short while it falls; the line is the stop.",
    parameters=SupertrendParameters,
    build=SupertrendTurn,
    # The ATR is exact by then; the bands remember until the trend has turned twice.
    warm_up=lambda parameters: 2 * RMA_FORGETS * parameters.period,
)
