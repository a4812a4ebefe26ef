"""What a process does with a case; the process itself is tested with its crew."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.algorithms.algorithm import Definition
from app.algorithms.registry import definition
from app.backtests.engine.run import run
from app.backtests.processes.child import answer, trimmed
from app.backtests.processes.messages import Case, Ran, Refused
from app.backtests.processes.recording import figures_of
from tests.backtest_builders import COUNT, PARAMETERS, SINCE, WARM_UP, a_ground
from tests.unit.algorithms.builders import HOUR, MINUTES_30, closes_of

MACD = definition("macd")


def unheard(_: float) -> None:
    """Nobody watches."""


def answered(parameters: Mapping[str, Any], **ground: Any) -> Ran | Refused:
    return answer(MACD, a_ground(**ground), Case(7, parameters), unheard)


@settings(max_examples=10)
@given(st.integers(2, 5), st.integers(6, 9), st.integers(2, 4))
def test_a_run_of_a_sweep_is_the_run_that_it_would_be_alone(
    fast: int, slow: int, signal: int
) -> None:
    parameters = {"fast": fast, "slow": slow, "signal": signal}
    ground = a_ground(since=SINCE + 40 * MINUTES_30 / 30)
    warm_up = MACD.warm_up(MACD.validated(parameters))
    first = WARM_UP + 40 - warm_up

    found = answered(parameters, since=ground.since)

    alone = run(
        MACD,
        parameters,
        type(ground.bars).of(ground.bars.length, list(ground.bars)[max(0, first) :]),
        instrument=ground.instrument,
        terms=ground.terms,
        means=ground.means,
    )
    assert isinstance(found, Ran)
    assert found.figures == figures_of(alone)
    assert found.figures["candles"] == COUNT - 40 + min(0, first)


def test_it_begins_at_the_moment_whatever_its_warm_up() -> None:
    found = [answered({**PARAMETERS, "slow": slow}) for slow in (4, 5, 6)]

    began = {one.figures["began_at"] for one in found if isinstance(one, Ran)}
    assert len(found) == 3
    assert began == {"2026-01-05T01:39:00.000000Z"}


def test_what_the_algorithm_refuses_is_an_answer() -> None:
    found = answered({"fast": 9, "slow": 4})

    assert isinstance(found, Refused)
    assert (found.number, found.code) == (7, "bad_parameters")


def test_an_algorithm_that_breaks_is_an_answer_that_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("by\x00nothing")

    definition_ = Definition("mine", 1, "Breaks.", MACD.parameters, broken, MACD.warm_up)

    found = answer(definition_, a_ground(algorithm="mine"), Case(0, PARAMETERS), unheard)

    assert found == Refused(0, "algorithm_failed", "mine raised ZeroDivisionError: by nothing")
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hours", "count", "first"), [(10, 4, 16), (10, 100, 0), (10.25, 4, 16), (0, 4, 0)]
)
def test_so_many_candles_stay_as_have_closed_by_then(hours: float, count: int, first: int) -> None:
    bars = closes_of([1.0] * 40)
    since = bars.opened_at[0] + np.timedelta64(int(hours * HOUR.total_seconds()), "s")

    assert trimmed(bars, since, count).opened_at.tolist() == bars.opened_at[first:].tolist()
