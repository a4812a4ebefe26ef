"""The future is changed, and nothing that was decided before it may change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.algorithms.bars import Bars
from app.algorithms.charting import Chart, chart
from app.algorithms.registry import SHIPPED, definition
from tests.unit.algorithms.builders import aggregated, an_account, bars_of
from tests.unit.algorithms.markets import a_walk

COUNT = 700
SETTINGS: dict[str, Mapping[str, Any]] = {
    "channel": {"period": 40, "buy_above_percent": "1", "sell_below_percent": "1"},
    "sma_hma": {"sma_period": 20, "hma_period": 6},
    "ema_rsi": {},
    "macd": {},
    "supertrend": {},
}


def with_other_future(bars: Bars, cut: int) -> Bars:
    """The same candles before the cut, and a market that crashes from there on."""
    other = a_walk(99, COUNT - cut, start=float(bars.closes[cut - 1]) * 0.7, volatility=0.03)
    return replace(
        bars,
        opens=np.concatenate([bars.opens[:cut], other.opens]),
        highs=np.concatenate([bars.highs[:cut], other.highs]),
        lows=np.concatenate([bars.lows[:cut], other.lows]),
        closes=np.concatenate([bars.closes[:cut], other.closes]),
    )


def charted(name: str, bars: Bars, *, known_when_they_open: bool = False) -> Chart:
    found = definition(name)
    larger = [aggregated(bars, length) for length in found.larger]
    if known_when_they_open:
        larger = [
            replace(each, opened_at=each.opened_at - np.timedelta64(each.length)) for each in larger
        ]
    return chart(found, SETTINGS[name], bars, account=an_account(), larger=larger)


def differs_before(cut: int, left: Chart, right: Chart) -> bool:
    moment = left.opened_at[cut].item()
    marks = [
        [mark for mark in each.marks if mark.opened_at.replace(tzinfo=None) < moment]
        for each in (left, right)
    ]
    lines = all(
        np.array_equal(line[:cut], right.lines[name][:cut], equal_nan=True)
        for name, line in left.lines.items()
    )
    return marks[0] != marks[1] or not lines


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("cut", [301, 404, 555])
def test_a_changed_future_changes_nothing_before_it(name: str, cut: int) -> None:
    bars = bars_of(a_walk(7, COUNT, pull=0.02))
    changed = with_other_future(bars, cut)

    left, right = charted(name, bars), charted(name, changed)

    assert not differs_before(cut, left, right)
    assert left.marks != right.marks
    assert any(mark.opened_at.replace(tzinfo=None) < left.opened_at[cut] for mark in left.marks)


def test_the_comparison_notices_hours_that_are_known_when_they_open() -> None:
    bars = bars_of(a_walk(7, COUNT, pull=0.02))
    # In the middle of four hours, whose end is the future.
    changed = with_other_future(bars, 404)

    left = charted("sma_hma", bars, known_when_they_open=True)
    right = charted("sma_hma", changed, known_when_they_open=True)

    assert differs_before(404, left, right)
