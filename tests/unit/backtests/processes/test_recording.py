"""What is kept of an outcome says the same as the outcome."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.registry import definition
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.run import run
from app.backtests.engine.statistics import statistics
from app.backtests.engine.terms import Means
from app.backtests.processes.packing import Line, Strand, opened
from app.backtests.processes.recording import figures_of, kept_points, parts_of, refusals_of
from app.backtests.runs.curve import thinned
from app.backtests.runs.schemas import (
    EquityPointOut,
    FiguresOut,
    RefusalOut,
    RunFillOut,
    RunTradeOut,
)
from app.pipeline.risk.exposure import Limits
from tests.backtest_builders import ALGORITHM, PARAMETERS, a_ground

# Below a hundredth of a cent: equity is measured in floats, and shown with eight places.
CLOSE = Decimal("1e-8")


@cache
def an_outcome() -> Outcome:
    """A run with trades, and with entries that a limit refused."""
    ground = a_ground()
    means = Means(capital=Decimal(10_000), limits=Limits(max_daily_loss=Decimal(300)))
    return run(
        definition(ALGORITHM),
        PARAMETERS,
        ground.bars,
        instrument=ground.instrument,
        terms=ground.terms,
        means=means,
    )


def lines(strand: Strand) -> list[Line]:
    parts = parts_of(an_outcome())
    return [line for part in parts if part.strand is strand for line in opened(part.body)]


def test_every_trade_is_kept_as_it_was() -> None:
    outcome = an_outcome()

    kept = [RunTradeOut.of(*one) for one in enumerate(lines(Strand.TRADES))]

    assert len(kept) > 5
    assert [
        (one.opened_at, one.closed_at, one.position_side, one.quantity, one.entry_price)
        for one in kept
    ] == [
        (
            one.summary.opened_at,
            one.summary.closed_at,
            one.summary.position_side,
            one.summary.quantity,
            one.summary.entry_price,
        )
        for one in outcome.trades
    ]
    assert [
        (one.exit_price, one.gross_pnl, one.fees, one.funding, one.realized_pnl) for one in kept
    ] == [
        (
            one.summary.exit_price,
            one.summary.gross,
            one.summary.fees,
            one.summary.funding,
            one.summary.realized_pnl,
        )
        for one in outcome.trades
    ]
    assert [(one.close_reason, one.entries) for one in kept] == [
        (one.close_reason, one.entries) for one in outcome.trades
    ]


def test_every_fill_and_every_refusal_is_kept_as_it_was() -> None:
    outcome = an_outcome()

    fills = [RunFillOut.of(line) for line in lines(Strand.FILLS)]
    refusals = [RefusalOut.of(*one) for one in enumerate(lines(Strand.REFUSALS))]

    names = list(RunFillOut.model_fields)
    assert [[getattr(one, name) for name in names] for one in fills] == [
        [getattr(one, name) for name in names] for one in outcome.fills
    ]
    assert len(refusals) > 0
    assert [(one.at, one.position_side, one.code, one.detail) for one in refusals] == [
        (one.at, one.position_side, one.code, one.detail) for one in outcome.refusals
    ]
    assert sum(refusals_of(outcome).values()) == len(refusals)


def test_the_equity_is_kept_at_every_close() -> None:
    outcome = an_outcome()

    kept = [EquityPointOut.of(line) for line in lines(Strand.EQUITY)]

    moments = [one.at.replace(tzinfo=None) for one in kept]
    assert moments == outcome.closed_at.astype("datetime64[us]").tolist()
    assert [one.is_held for one in kept] == outcome.is_held.tolist()
    differences = [
        abs(one.equity - Decimal(value))
        for one, value in zip(kept, outcome.equity.tolist(), strict=True)
    ]
    assert max(differences) <= CLOSE


def test_the_figures_are_those_that_were_measured() -> None:
    outcome = an_outcome()
    measured = statistics(outcome)

    shown = FiguresOut.model_validate(figures_of(outcome))

    for name in ("net_profit", "fees", "funding", "gross_profit", "gross_loss", "expectancy"):
        assert getattr(shown, name) == getattr(measured, name), name
    assert (shown.trades, shown.wins, shown.losses) == (
        measured.trades,
        measured.wins,
        measured.losses,
    )
    assert float(shown.sharpe or 0) == pytest.approx(measured.sharpe or 0, abs=1e-8)
    assert float(shown.exposure_percent) == pytest.approx(100 * measured.exposure, abs=1e-8)
    assert float(shown.max_drawdown_percent) == pytest.approx(
        100 * measured.max_drawdown_fraction, abs=1e-8
    )
    assert (shown.began_at, shown.ended_at) == (outcome.began_at, outcome.ended_at)
    assert shown.candles == len(outcome.equity)


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300),
    st.integers(min_value=4, max_value=40),
)
def test_a_thinned_curve_keeps_its_ends_its_peak_and_its_bottom(
    values: list[float], most: int
) -> None:
    curve = np.array(values)

    chosen = kept_points(curve, most)

    assert len(chosen) <= most
    assert sorted(set(chosen.tolist())) == chosen.tolist()
    assert chosen[0] == 0
    assert chosen[-1] == len(values) - 1
    assert curve[chosen].max() == curve.max()
    assert curve[chosen].min() == curve.min()


def test_a_range_of_the_curve_begins_with_its_beginning_and_ends_before_its_end() -> None:
    at: Callable[[int], datetime] = lambda second: datetime.fromisoformat(  # noqa: E731
        f"2026-01-05T00:00:{second:02}+00:00"
    )
    start = 1_767_571_200_000_000
    points: list[Line] = [[start + second * 1_000_000, "1", False] for second in range(10)]

    found = thinned(points, 100, since=at(3), until=at(6))

    assert found == points[3:6]
    assert thinned(points, 100, since=None, until=None) == points
