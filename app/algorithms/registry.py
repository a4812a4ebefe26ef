"""Algorithms by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from app.algorithms.algorithm import Definition
from app.algorithms.catalog.channel import CHANNEL
from app.algorithms.catalog.ema_rsi import EMA_RSI
from app.algorithms.catalog.macd import MACD
from app.algorithms.catalog.sma_hma import SMA_HMA
from app.algorithms.catalog.supertrend import SUPERTREND
from app.core.errors import Invalid

SHIPPED: Final[Mapping[str, Definition[Any]]] = MappingProxyType(
    {each.name: each for each in (CHANNEL, SMA_HMA, EMA_RSI, MACD, SUPERTREND)}
)


def definition(name: str) -> Definition[Any]:
    """The algorithm of that name.

    Raises:
        Invalid: `unknown_algorithm`, with the names that there are.
    """
    found = SHIPPED.get(name)
    if found is None:
        raise Invalid(
            f"there is no algorithm {name!r}, but {', '.join(SHIPPED)}", code="unknown_algorithm"
        )
    return found
