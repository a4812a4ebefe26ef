"""Candles as algorithms see them."""

from datetime import timedelta
from typing import Final

from app.algorithms.bars import Bar
from app.core.errors import Invalid
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe

# All but months, which have no one length.
BY_LENGTH: Final = {one.length: one for one in Timeframe if one.length is not None}


def length_of(timeframe: Timeframe) -> timedelta:
    """How long its candles last.

    Raises:
        Invalid: `bad_timeframe` for months, which have no one length.
    """
    if timeframe.length is None:
        raise Invalid("No algorithm is fed candles of months.", code="bad_timeframe")
    return timeframe.length


def bar_of(candle: Candle) -> Bar:
    """The candle with floats for prices.

    Raises:
        Invalid: as `length_of`.
    """
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return Bar(candle.open_time, length_of(candle.timeframe), *(float(one) for one in prices))
