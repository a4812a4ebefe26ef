import numpy as np
import pytest

from app.algorithms.bars import Bars
from app.algorithms.charting import chart
from app.algorithms.indicators.averages import sma
from app.algorithms.indicators.inputs import Series
from app.algorithms.indicators.macd import macd
from app.algorithms.indicators.weighted import hma
from app.algorithms.intents import Move
from app.algorithms.registry import definition
from app.core.errors import Invalid
from app.trading.words import PositionSide
from tests.unit.algorithms.builders import (
    FOUR_HOURS,
    HOUR,
    MINUTES_30,
    aggregated,
    an_account,
    bars_of,
    closes_of,
)
from tests.unit.algorithms.markets import a_walk

SMALL = {"sma_period": 20, "hma_period": 6}
WALK = bars_of(a_walk(3, 400, pull=0.02))
SMA_HMA, MACD = definition("sma_hma"), definition("macd")


def closed_by_then(base: Bars, larger: Bars, values: Series) -> Series:
    """For each base candle the value of the last larger one that has closed: slow and plain."""
    closings = [bar.closed_at for bar in larger]
    line = []
    for bar in base:
        closed = sum(closing <= bar.closed_at for closing in closings)
        line.append(values[closed - 1] if closed else np.nan)
    return np.array(line)


def test_the_overlays_are_the_averages_of_what_had_closed() -> None:
    hours, fours = aggregated(WALK, HOUR), aggregated(WALK, FOUR_HOURS)

    shown = chart(SMA_HMA, SMALL, WALK, account=an_account(), larger=[fours, hours])

    def same(line: str, wanted: Series) -> bool:
        return np.allclose(shown.lines[line], wanted, rtol=1e-9, atol=0, equal_nan=True)

    assert list(shown.lines) == ["sma", "hma_1h", "hma_4h"]
    assert same("sma", sma(WALK.closes, 20))
    assert same("hma_1h", closed_by_then(WALK, hours, hma(hours.closes, 6)))
    assert same("hma_4h", closed_by_then(WALK, fours, hma(fours.closes, 6)))


def test_an_hour_as_base_is_its_own_larger_timeframe() -> None:
    hours = aggregated(WALK, HOUR)

    shown = chart(
        SMA_HMA, SMALL, hours, account=an_account(), larger=[aggregated(WALK, FOUR_HOURS)]
    )

    wanted = hma(hours.closes, 6)
    assert np.allclose(shown.lines["hma_1h"], wanted, rtol=1e-9, atol=0, equal_nan=True)
    assert shown.entries


def test_marks_take_turns_and_stand_where_the_lines_cross() -> None:
    shown = chart(MACD, {}, WALK, account=an_account())

    above = macd(WALK.closes).histogram > 0
    begins = 33
    turns = {at for at in range(begins + 1, len(above)) if above[at] != above[at - 1]}
    moments = list(WALK)
    entered = {mark.opened_at: mark.intent.position_side for mark in shown.entries}
    assert entered == {
        moments[at].opened_at: PositionSide.LONG if above[at] else PositionSide.SHORT
        for at in turns
    }
    moves = [mark.intent.move for mark in shown.marks]
    assert moves[0] is Move.ENTER
    assert moves[1:3] == [Move.EXIT, Move.ENTER]
    assert shown.should_enter_long is bool(above[-1])
    assert shown.should_enter_short is not shown.should_enter_long


@pytest.mark.parametrize("larger", [[], [aggregated(WALK, HOUR)]])
def test_a_missing_timeframe_is_refused(larger: list[Bars]) -> None:
    with pytest.raises(Invalid, match="needs candles of 0:30:00, 1:00:00, 4:00:00") as caught:
        chart(SMA_HMA, SMALL, WALK, account=an_account(), larger=larger)

    assert caught.value.code == "bad_timeframe"


def test_too_few_candles_are_refused_with_what_is_missing() -> None:
    with pytest.raises(Invalid, match="30 candles are too few: macd has no signal, histogram yet"):
        chart(MACD, {}, closes_of([1.0] * 30), account=an_account())
    with pytest.raises(Invalid) as caught:
        chart(MACD, {}, Bars.of(MINUTES_30, []), account=an_account())

    assert caught.value.code == "too_few_candles"


def test_a_scheduled_sell_is_assumed_filled_by_the_candle_that_reaches_it() -> None:
    channel = {"base": "100", "top": "120"}
    prices = [101.0, 102.0, 103.0, 117.6, 101.0, 102.0]

    shown = chart(definition("channel"), channel, closes_of(prices), account=an_account())

    # Bought at 102 = 100 + 2 %, due at 120 - 2 % = 117.6, reached there; then bought again.
    found = [(mark.price, mark.intent.move, mark.intent.limit_price) for mark in shown.marks]
    assert [(price, move) for price, move, _ in found] == [
        (102.0, Move.ENTER),
        (103.0, Move.EXIT),
        (102.0, Move.ENTER),
    ]
    assert str(found[1][2]) == "117.60"
    assert list(shown.lines) == ["base", "top", "buy_at", "sell_at"]


@pytest.mark.parametrize("name", ["channel", "sma_hma", "ema_rsi", "macd"])
def test_after_its_warm_up_an_algorithm_says_what_it_says_with_all_of_history(name: str) -> None:
    found = definition(name)
    settings = {"channel": {"period": 30}, "sma_hma": {"sma_period": 20, "hma_period": 6}}.get(
        name, {}
    )
    need = found.warm_up(found.validated(settings))
    walk = bars_of(a_walk(5, 8 * (need + 60), pull=0.01))
    rows = list(walk)
    # Eight half hours are four hours: the larger candles need their warm-up, too.
    start = (len(rows) - (8 if found.larger else 1) * need - 8) // 8 * 8
    late = Bars.of(MINUTES_30, rows[start:])

    def lines(bars: Bars) -> dict[str, float]:
        larger = [aggregated(bars, length) for length in found.larger]
        shown = chart(found, settings, bars, account=an_account(), larger=larger)
        return {line: float(values[-1]) for line, values in shown.lines.items()}

    full, brief = lines(walk), lines(late)
    assert all(abs(full[line] - brief[line]) <= 1e-9 * 100 for line in full)
