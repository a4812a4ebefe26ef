"""Candles as algorithms see them."""

from typing import Final

from app.algorithms.bars import Bar
from app.core.errors import Invalid
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe

# All but months, which have no one length.
BY_LENGTH: Final = {one.length: one for one in Timeframe if one.length is not None}


def bar_of(candle: Candle) -> Bar:
    """The candle with floats for prices.

    Raises:
        Invalid: `bad_timeframe` for a month.
    """
    length = candle.timeframe.length
    if length is None:
        raise Invalid("No algorithm is fed candles of months.", code="bad_timeframe")
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return Bar(candle.open_time, length, *(float(one) for one in prices))
