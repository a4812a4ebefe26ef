"""An algorithm over candles: decided at each close, carried out at the next open."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bars
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.terms import FundingRate, Means, Terms
from app.trading.instrument import Instrument


def run(
    definition: Definition[Any],
    settings: Mapping[str, Any],
    bars: Bars,
    *,
    instrument: Instrument,
    terms: Terms,
    means: Means,
    larger: Sequence[Bars] = (),
    funding: Sequence[FundingRate] = (),
    watch: Callable[[float], None] | None = None,
) -> Outcome:
    """Run an algorithm as a bot would, on stored candles; the same arguments give the same outcome.

    Intents count from the first base candle before which it has been fed `warm_up` candles of
    every timeframe. What is decided at the last close is not carried out.

    Args:
        definition: which algorithm.
        settings: its parameters.
        bars: base candles, the warm-up with them.
        instrument: steps, minimums and fees.
        terms: the strategy's.
        means: the account's.
        larger: candles of the larger timeframes, their warm-up with them.
        funding: rates of the symbol, oldest first.
        watch: told about every hundredth of the way how much is done, 0 to 1; what it raises ends
            the run.

    Raises:
        Invalid: `bad_parameters`; `bad_timeframe` when a larger timeframe is missing or one too
            many; `too_few_candles` when the warm-up takes them all.
    """
    raise NotImplementedError
