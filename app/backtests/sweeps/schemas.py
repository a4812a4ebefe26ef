"""Sweeps as they cross HTTP."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Self

from pydantic import ConfigDict, Field, JsonValue

from app.backtests.runs.models import Backtest, SweepRow
from app.backtests.runs.schemas import EXAMPLE, AskedOut, BacktestIn, FiguresOut, asked_fields
from app.backtests.sweeps.combining import Range, Values
from app.core.words import Word
from app.http.schemas import In, Out
from app.jobs.models import Job
from app.trading.money import Money

_GRID: Final[JsonValue] = {"fast": [5, 8, 12], "slow": {"from": "20", "to": "40", "step": "10"}}


class RangeIn(In):
    """Values from `from` to `to`, both included where the steps meet it."""

    since: Money = Field(alias="from")
    until: Money = Field(alias="to")
    step: Money = Field(gt=0)


class SweepIn(BacktestIn):
    """A backtest under every combination of the values in `grid`, lists or ranges.

    `parameters` are those that do not change.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**EXAMPLE, "parameters": {}, "grid": _GRID}]}
    )

    grid: dict[str, list[JsonValue] | RangeIn]

    def stored_grid(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            name: one.model_dump(mode="json", by_alias=True) if isinstance(one, RangeIn) else one
            for name, one in self.grid.items()
        }


def values_of(grid: Mapping[str, Any]) -> dict[str, Values]:
    """The values of a grid, as it was stored."""
    found: dict[str, Values] = {}
    for name, one in grid.items():
        if isinstance(one, dict):
            ranged = RangeIn.model_validate(one)
            found[name] = Range(ranged.since, ranged.until, ranged.step)
        else:
            found[name] = one
    return found


class Figure(Word):
    """What the runs of a sweep can be sorted by."""

    NET_PROFIT = "net_profit"
    SHARPE = "sharpe"
    PROFIT_FACTOR = "profit_factor"
    EXPECTANCY = "expectancy"
    WIN_RATE_PERCENT = "win_rate_percent"
    MAX_DRAWDOWN_PERCENT = "max_drawdown_percent"
    TRADES = "trades"

    @property
    def sign(self) -> int:
        """1 where more is better."""
        return -1 if self is Figure.MAX_DRAWDOWN_PERCENT else 1


class SweepRowOut(Out):
    """One combination; `refusal` says why it could not be run, as `code: sentence`.

    `number` is its place among the combinations.
    """

    number: int
    parameters: dict[str, Any]
    figures: FiguresOut | None
    refusal: str | None


class SweepSummaryOut(AskedOut):
    """A sweep without its runs: `done` of `total` combinations have been tried."""

    grid: dict[str, Any]

    @classmethod
    def of(cls, row: Backtest, job: Job) -> Self:
        """Shape a row and its job."""
        return cls.model_validate({**asked_fields(row, job), "grid": row.grid or {}})


class SweepOut(SweepSummaryOut):
    """A sweep and its runs, the best first; refused ones, and those without that figure, last."""

    items: list[SweepRowOut]
    next_cursor: str | None


def best_first(rows: Iterable[SweepRow], figure: Figure) -> list[SweepRow]:
    """The best first; among equals the order of the combinations."""

    def rank(row: SweepRow) -> tuple[bool, Decimal, int]:
        value = None if row.figures is None else row.figures[figure.value]
        if value is None:
            return True, Decimal(0), row.number
        return False, -figure.sign * Decimal(value), row.number

    return sorted(rows, key=rank)
