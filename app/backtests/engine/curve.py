"""The equity at every close, worked out at the end: a run only notes when something changed."""

from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.algorithms.indicators.inputs import Series
from app.algorithms.intents import Holding
from app.trading.instrument import Instrument
from app.trading.words import MarketType

Flags: TypeAlias = NDArray[np.bool_]


class Curve:
    """Balance and holding of one market over a row of closes; floats, to draw and measure by.

    Args:
        instrument: says how a holding gains.
        balance: at the first close, settle currency, while nothing is held.
    """

    def __init__(self, instrument: Instrument, balance: Decimal) -> None:
        self._is_inverse = instrument.market_type is MarketType.INVERSE
        self._contract_size = float(instrument.contract_size)
        self._starts = [0]
        self._states = [(float(balance), 0.0, 0.0)]

    def note(self, index: int, balance: Decimal, holding: Holding | None) -> None:
        """What there is from the close of that index on; indexes only grow.

        Args:
            index: 0 is the first close of the curve.
            balance: settle currency.
            holding: None while flat.
        """
        sign = 0 if holding is None else holding.position_side.sign
        quantity = 0.0 if holding is None else float(holding.quantity)
        cost = 0.0 if holding is None else float(holding.cost)
        self._starts.append(index)
        self._states.append((float(balance), sign * quantity, sign * cost))

    def over(self, closes: Series) -> tuple[Series, Flags]:
        """Equity at each close, settle currency, and whether anything was held there.

        Args:
            closes: quote per base, one a candle, oldest first.
        """
        lengths = np.diff([*self._starts, len(closes)])
        balances, quantities, costs = np.repeat(np.array(self._states), lengths, axis=0).T
        if self._is_inverse:
            gains = costs - quantities * self._contract_size / closes
        else:
            gains = quantities * closes - costs
        return balances + gains, quantities != 0
