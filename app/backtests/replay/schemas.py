"""A playback as it crosses HTTP."""

from decimal import Decimal
from typing import Self

from app.backtests.replay.playing import Frame
from app.backtests.runs.schemas import RunFillOut
from app.http.schemas import Moment, Out
from app.trading.money import Money


class FrameOut(Out):
    """One candle, what was filled in it, and the equity at its close.

    `equity` is null where it was not kept: of long runs only the points are that the curve is
    drawn by.
    """

    open_time: Moment
    open: Money
    high: Money
    low: Money
    close: Money
    volume: Money
    equity: Money | None
    fills: list[RunFillOut]

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """Shape a frame."""
        candle = frame.candle
        return cls(
            open_time=candle.open_time,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            equity=None if frame.equity is None else Decimal(frame.equity),
            fills=[RunFillOut.of(line) for line in frame.fills],
        )


class EndOut(Out):
    """The end of a playback, or of its part: `next` is where to go on, null at the very end."""

    next: Moment | None
