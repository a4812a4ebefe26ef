"""What a run hands back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from app.algorithms.bars import Moments
from app.algorithms.indicators.inputs import Series
from app.algorithms.intents import Holding
from app.backtests.engine.facts import Fill, Payment, Refusal, Trade
from app.trading.instrument import Instrument


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Everything that happened from the first candle whose intents counted.

    Attributes:
        instrument: that was traded.
        capital: at the beginning, settle currency.
        began_at: open of that first candle, aware.
        ended_at: close of the last candle.
        warm_up: base candles before it, that the algorithm was fed and not listened to.
        closed_at: close of each base candle from the first that counted, `datetime64[us]`, UTC.
        equity: at each of them: balance plus what the position would gain at that close, settle
            currency, fees of the way out apart. Floats, to draw and to measure by; money is in
            `fills` and `trades`.
        is_held: at each of them, whether there was a position.
        balance: at the end, exact: capital plus all that was booked, less fees of open entries.
        holding: at the end; it is not closed for the sake of the figures.
        unrealised: of that holding at the last close.
        trades: closed ones; of all these lists the oldest come first.
    """

    instrument: Instrument
    capital: Decimal
    began_at: datetime
    ended_at: datetime
    warm_up: int
    closed_at: Moments
    equity: Series
    is_held: NDArray[np.bool_]
    balance: Decimal
    holding: Holding | None
    unrealised: Decimal
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    payments: tuple[Payment, ...]
    refusals: tuple[Refusal, ...]
