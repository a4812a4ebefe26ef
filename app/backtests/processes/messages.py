"""What is said between this server and the processes that run backtests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from app.algorithms.algorithm import Source
from app.algorithms.bars import Bars
from app.backtests.engine.terms import FundingRate, Means, Terms
from app.backtests.processes.packing import Part
from app.trading.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Ground:
    """What all runs of a process have in common; it is sent first, and once.

    Attributes:
        algorithm: its name.
        since: the first candle that counts opens then or later.
        bars: base candles, warm-up candles with them, for the longest warm-up there will be.
        larger: candles of the larger timeframes, likewise.
        source: the file of one of the operator's own algorithms; None of those of the program.
    """

    algorithm: str
    since: datetime
    bars: Bars
    larger: tuple[Bars, ...]
    instrument: Instrument
    terms: Terms
    means: Means
    funding: tuple[FundingRate, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One run.

    Attributes:
        parameters: of the algorithm.
        is_recorded: whether trades and equity are wanted, and not the figures alone.
    """

    number: int
    parameters: Mapping[str, Any]
    is_recorded: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the run at hand is done, 0 to 1."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run.

    Attributes:
        figures: as JSON takes them, money as text.
        refusals: how many wishes came to nothing, by code.
        parts: what it leaves behind; empty unless it was to be recorded.
    """

    number: int
    figures: dict[str, Any]
    refusals: dict[str, int]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a run could not be made.

    Attributes:
        code: stable.
        detail: a sentence for a trader.
        cause: for whoever wrote the algorithm: the line and the end of the traceback; empty
            when it is not one of the operator's own.
    """

    number: int
    code: str
    detail: str
    cause: str = ""


Answer: TypeAlias = Ran | Refused
