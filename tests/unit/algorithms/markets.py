"""Made-up markets: a seed gives the same one every time."""

from dataclasses import dataclass

import numpy as np

from app.algorithms.indicators.inputs import Series


@dataclass(frozen=True)
class Walk:
    """Candles of a random walk, oldest first."""

    opens: Series
    highs: Series
    lows: Series
    closes: Series


def a_walk(
    seed: int,
    count: int,
    *,
    start: float = 100.0,
    volatility: float = 0.01,
    pull: float = 0.0,
    digits: int = 4,
) -> Walk:
    """Candles whose prices have that many decimal places.

    Args:
        seed: of the random numbers.
        count: candles.
        start: first open.
        volatility: of a candle, as a fraction.
        pull: how much of the way back to the start a candle goes; 0 wanders off freely.
        digits: decimal places of a price.
    """
    random = np.random.default_rng(seed)
    logs = np.zeros(count + 1)
    steps = random.normal(0.0, volatility, count)
    for index, step in enumerate(steps):
        logs[index + 1] = logs[index] * (1 - pull) + step
    prices = np.round(start * np.exp(logs), digits)
    opens, closes = prices[:-1], prices[1:]
    reach = abs(random.normal(0.0, volatility / 2, (2, count)))
    highs = np.round(np.maximum(opens, closes) * (1 + reach[0]), digits)
    lows = np.round(np.minimum(opens, closes) * (1 - reach[1]), digits)
    return Walk(opens, highs, lows, closes)
