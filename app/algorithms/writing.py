"""All that the file of an algorithm of one's own imports; the rest of the program may change.

docs/algorithms.md has an example of ten lines.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from pydantic import Field

from app.algorithms.algorithm import EMA_FORGETS, RMA_FORGETS, Algorithm, Definition, Parameters
from app.algorithms.bars import Bar, exact
from app.algorithms.indicators.atr import Atr
from app.algorithms.indicators.averages import Ema, Rma, Sma
from app.algorithms.indicators.bollinger import Bollinger
from app.algorithms.indicators.macd import Macd
from app.algorithms.indicators.rsi import Rsi
from app.algorithms.indicators.supertrend import Supertrend
from app.algorithms.indicators.weighted import Hma, Wma
from app.algorithms.intents import Account, Holding, Intent, Move
from app.algorithms.turning import Turning
from app.trading.words import PositionSide

__all__ = [
    "EMA_FORGETS",
    "LONG",
    "RMA_FORGETS",
    "SHORT",
    "Account",
    "Algorithm",
    "Atr",
    "Bar",
    "Bollinger",
    "Definition",
    "Ema",
    "Field",
    "Hma",
    "Holding",
    "Intent",
    "Macd",
    "Move",
    "Parameters",
    "PositionSide",
    "Rma",
    "Rsi",
    "Sma",
    "Supertrend",
    "Turning",
    "Wma",
    "exact",
    "following",
]

LONG: Final = PositionSide.LONG
SHORT: Final = PositionSide.SHORT
# The file says how an algorithm is called.
UNNAMED: Final = ""

ParametersT = TypeVar("ParametersT", bound=Parameters)


class Sided(Protocol):
    """Says at the close of each candle which side it speaks for: long, short, or None.

    Beside `side` it may have `lines`, values to draw by their names, and `reason`, a sentence for a
    trader; both are read after each candle.
    """

    def side(self, bar: Bar) -> PositionSide | None: ...


def following(
    summary: str,
    parameters: type[ParametersT],
    *,
    warm_up: Callable[[ParametersT], int],
    version: int = 1,
) -> Callable[[Callable[[ParametersT], Sided]], Definition[ParametersT]]:
    """Make an algorithm of a class that says a side: in when the side turns, out when it ends.

    A market order each, sized by the strategy. What needs a stop, a limit or a larger timeframe
    is a `Definition` of its own.

    Args:
        summary: a sentence for a trader.
        parameters: their model, each with a default.
        warm_up: how many candles it has to have seen before it counts.
        version: raised whenever the same candles and parameters give other sides.
    """

    def defined(build: Callable[[ParametersT], Sided]) -> Definition[ParametersT]:
        return Definition(
            name=UNNAMED,
            version=version,
            summary=summary,
            parameters=parameters,
            build=lambda chosen: Following(build(chosen)),
            warm_up=warm_up,
        )

    return defined


class Following:
    """Long while it speaks for a long, short while for a short, and out else."""

    def __init__(self, sided: Sided) -> None:
        self._sided = sided
        self._turning = Turning()

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Leave what it does not speak for any more, and enter where it has turned."""
        side = self._sided.side(bar)
        usual = f"the candle speaks for {'neither side' if side is None else side.value}"
        return self._turning.step(
            side,
            bar,
            account,
            ended=[one for one in PositionSide if one is not side],
            reason=getattr(self._sided, "reason", usual),
        )

    @property
    def lines(self) -> Mapping[str, float | None]:
        """What the class draws, if it does."""
        found: Mapping[str, float | None] = getattr(self._sided, "lines", {})
        return found

    @property
    def outlook(self) -> PositionSide | None:
        """The side of the last candle."""
        return self._turning.side
