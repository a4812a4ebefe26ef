"""Algorithms and what they would have done, as they cross HTTP."""

import math
from typing import Any, Final, Self

from pydantic import ConfigDict, Field

from app.algorithms.algorithm import Definition
from app.algorithms.bars import exact
from app.algorithms.charting import Chart, Mark
from app.algorithms.intents import Move
from app.core.clock import iso
from app.desk.charts.drawing import Drawing
from app.http.schemas import In, Moment, Out
from app.market.asking import MAX_TICKER
from app.own_algorithms.folder import Fault
from app.own_algorithms.shelf import Own
from app.trading.money import Money
from app.trading.timeframe import Timeframe
from app.trading.words import PositionSide

# Of one chart.
DEFAULT_CANDLES: Final = 500
MOST_CANDLES: Final = 1000


class AlgorithmOut(Out):
    """An algorithm by its name; `parameters` is a JSON Schema with ranges and defaults.

    `version` is raised when the same candles and parameters would give other intents. One that
    `is_own` is a file in the operator's folder.
    """

    name: str
    is_own: bool
    version: int
    summary: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, one: Definition[Any]) -> Self:
        """Shape a definition."""
        return cls(
            name=one.name,
            is_own=False,
            version=one.version,
            summary=one.summary,
            parameters=one.parameters.model_json_schema(),
        )

    @classmethod
    def of_own(cls, own: Own) -> Self:
        """Shape what is known of a file."""
        return cls(
            name=own.name,
            is_own=True,
            version=own.facts.version,
            summary=own.facts.summary,
            parameters=dict(own.facts.schema),
        )


class UnfitOut(Out):
    """A file in the operator's folder that is no algorithm, and why.

    `cause` is the line and the end of the traceback, for admins; null for others.
    """

    file: str
    code: str
    detail: str
    cause: str | None

    @classmethod
    def of(cls, fault: Fault, *, is_told_all: bool) -> Self:
        """Shape a fault."""
        cause = fault.cause if is_told_all and fault.cause else None
        return cls(file=fault.file, code=fault.code, detail=fault.detail, cause=cause)


class AlgorithmsOut(Out):
    """All there are, and the files that were meant to be some."""

    items: list[AlgorithmOut]
    unfit: list[UnfitOut]


class RunIn(In):
    """On which candles; parameters that are left out have their defaults."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"symbol": "BTCUSDT.P", "timeframe": "15m", "limit": 500}]}
    )

    symbol: str = Field(min_length=1, max_length=MAX_TICKER)
    timeframe: Timeframe
    limit: int = Field(default=DEFAULT_CANDLES, ge=1, le=MOST_CANDLES)
    parameters: dict[str, Any] = Field(default_factory=dict)


class MarkOut(Out):
    """An intent beside the candle that decided it; `price` is that candle's close."""

    at: Moment
    move: Move
    position_side: PositionSide
    price: Money
    reason: str


class ChartOut(Out):
    """Lines and marks over candles, oldest first; what an algorithm saw when each of them closed.

    `times` are open times. A line has a number for each, null before its first; they are 64-bit
    floats, which decide when and never how much. Entries and exits assume that every wish came true
    at the close: stops, targets and slippage are left out.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC/USDT:USDT",
                    "timeframe": "15m",
                    "algorithm": "sma_hma",
                    "version": 1,
                    "times": ["2026-01-31T12:00:00.000000Z"],
                    "lines": {"sma": [60010.5], "hma_1h": [60100.25], "hma_4h": [None]},
                    "entries": [],
                    "exits": [],
                    "should_enter_long": False,
                    "should_enter_short": False,
                }
            ]
        }
    )

    symbol: str
    timeframe: Timeframe
    algorithm: str
    version: int
    times: list[str]
    lines: dict[str, list[float | None]]
    entries: list[MarkOut]
    exits: list[MarkOut]
    should_enter_long: bool
    should_enter_short: bool

    @classmethod
    def of(cls, drawn: Chart, drawing: Drawing) -> Self:
        """The last candles of a chart."""
        limit = drawing.limit
        moments = drawn.moments[-limit:]
        marks = [mark for mark in drawn.marks if moments and mark.opened_at >= moments[0]]
        return cls(
            symbol=drawing.market.symbol,
            timeframe=drawing.timeframe,
            algorithm=drawing.definition.name,
            version=drawing.definition.version,
            times=[iso(moment) for moment in moments],
            lines={
                name: [None if math.isnan(value) else value for value in line[-limit:].tolist()]
                for name, line in drawn.lines.items()
            },
            entries=[_shown(mark) for mark in marks if mark.intent.move is Move.ENTER],
            exits=[_shown(mark) for mark in marks if mark.intent.move is Move.EXIT],
            should_enter_long=drawn.should_enter_long,
            should_enter_short=drawn.should_enter_short,
        )


def _shown(mark: Mark) -> MarkOut:
    return MarkOut(
        at=mark.opened_at,
        move=mark.intent.move,
        position_side=mark.intent.position_side,
        price=exact(mark.price),
        reason=mark.intent.reason,
    )
