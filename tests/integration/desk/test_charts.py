"""Algorithms over candles of a venue, for a chart."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.algorithms.indicators.averages import sma
from app.core.clock import iso
from app.http.caller import Role
from app.own_algorithms.shelf import Shelf
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from tests.builders import LINEAR, a_user, d
from tests.integration.desk.front import Front
from tests.integration.own_algorithms.files import PATIENT, keep, with_ways

HOURS = 1200
PATH = "/strategies/hma-sma/run"
EMA_RSI = {"symbol": "BTCUSDT.P", "timeframe": "1h", "limit": 50}


def closes(count: int) -> list[str]:
    """A price that rises, with waves that no average turns at."""
    return [f"{1000 + number + (number % 7) / 10:.1f}" for number in range(count)]


def candles(front: Front, timeframe: Timeframe, hours: int, prices: Sequence[str]) -> list[Candle]:
    """The last ones that have closed."""
    length = timedelta(hours=hours)
    begin = timeframe.open_of(front.desk.clock.now()) - len(prices) * length
    return [
        Candle(timeframe, begin + number * length, *(d(price),) * 4, d("1"))
        for number, price in enumerate(prices)
    ]


@pytest.fixture
def risen(front: Front) -> Front:
    """A market that has risen for fifty days."""
    venue = front.desk.town.market_of(LINEAR)
    prices = closes(HOURS)
    venue.set_candles(LINEAR, *candles(front, Timeframe.H1, 1, prices))
    venue.set_candles(LINEAR, *candles(front, Timeframe.H4, 4, prices[3::4]))
    return front


async def test_a_chart_has_its_lines_its_marks_and_what_may_be_entered(risen: Front) -> None:
    found = await risen.get(PATH, symbol="BTCUSDT.P", timeframe="1h", limit=100)

    prices = np.array(closes(HOURS), dtype=np.float64)
    hours = candles(risen, Timeframe.H1, 1, closes(HOURS))
    assert (found["symbol"], found["algorithm"], found["version"]) == (LINEAR, "sma_hma", 1)
    assert found["times"] == [iso(one.open_time) for one in hours[-100:]]
    assert found["lines"]["sma"] == pytest.approx(sma(prices, 200)[-100:].tolist())
    assert {name: len(line) for name, line in found["lines"].items()} == {
        "sma": 100,
        "hma_1h": 100,
        "hma_4h": 100,
    }
    assert (found["should_enter_long"], found["should_enter_short"]) == (True, False)


async def test_a_market_that_is_too_young_says_so(risen: Front) -> None:
    young = candles(risen, Timeframe.H4, 4, closes(20))
    risen.desk.town.market_of(LINEAR).set_candles(LINEAR, *young)

    answer = await risen.get(PATH, expect=400, symbol="BTCUSDT.P", timeframe="1h")

    assert answer["code"] == "too_few_candles"


async def test_a_strategy_runs_the_algorithm_that_it_names(risen: Front) -> None:
    path = f"/strategies/{risen.desk.strategy.id}"
    await risen.call("PATCH", path, {"algorithm": "ema_rsi"})

    found = await risen.post(f"{path}/run", {**EMA_RSI, "parameters": {"fast": 5, "slow": 10}})

    assert found["algorithm"] == "ema_rsi"
    assert set(found["lines"]) == {"ema_fast", "ema_slow", "rsi"}
    assert None not in found["lines"]["rsi"]
    assert {len(line) for line in found["lines"].values()} == {50}


@pytest.mark.parametrize(
    ("algorithm", "changes", "code"),
    [
        (None, {}, "no_algorithm"),
        ("crystal_ball", {}, "unknown_algorithm"),
        ("ema_rsi", {"parameters": {"fast": 30}}, "bad_parameters"),
        ("ema_rsi", {"parameters": {"speed": 3}}, "bad_parameters"),
        ("ema_rsi", {"parameters": {"slow": 1000}}, "too_many_candles"),
        ("ema_rsi", {"timeframe": "1M"}, "bad_timeframe"),
        ("sma_hma", {"timeframe": "3d"}, "bad_timeframe"),
    ],
)
async def test_what_cannot_be_run_is_refused(
    risen: Front, algorithm: str | None, changes: dict[str, Any], code: str
) -> None:
    path = f"/strategies/{risen.desk.strategy.id}"
    await risen.call("PATCH", path, {"algorithm": algorithm})

    answer = await risen.post(f"{path}/run", {**EMA_RSI, **changes}, expect=400)

    assert answer["code"] == code


async def test_algorithms_are_listed_with_their_parameters(front: Front) -> None:
    found = {one["name"]: one for one in (await front.get("/algorithms"))["items"]}

    assert set(found) == {"channel", "sma_hma", "ema_rsi", "macd", "supertrend"}
    fast = found["macd"]["parameters"]["properties"]["fast"]
    assert (fast["default"], fast["minimum"], fast["maximum"]) == (12, 2, 500)


async def test_past_prices_are_the_closes_of_stored_candles(risen: Front) -> None:
    await risen.get("/fetch_and_store_data/BTCUSDT.P", interval="1h", max_candles=3)

    first = await risen.get("/prices/BTCUSDT.P/history", timeframe="1h", limit=2)
    rest = await risen.get("/prices/BTCUSDT.P/history", timeframe="1h", cursor=first["next_cursor"])

    hours = candles(risen, Timeframe.H1, 1, closes(HOURS))
    shown = [(one["symbol"], one["price"], one["at"]) for one in first["items"] + rest["items"]]
    assert shown == [
        (LINEAR, f"{one.close.normalize():f}", iso(one.close_time)) for one in hours[:-4:-1]
    ]
    assert rest["next_cursor"] is None


async def test_an_algorithm_of_the_operators_folder_is_run_like_any_other(
    risen: Front, tmp_path: Path
) -> None:
    keep(
        tmp_path,
        "above",
        """
        from app.algorithms.writing import LONG, Parameters, Sma, following

        class Above(Parameters):
            period: int = 20

        @following("Long above.", Above, warm_up=lambda chosen: chosen.period + 1, version=7)
        class AboveItsAverage:
            def __init__(self, chosen):
                self.average = Sma(chosen.period)

            def side(self, bar):
                self.lines = {"sma": self.average.update(bar.close)}
                return LONG if bar.close > (self.lines["sma"] or bar.close) else None
        """,
    )
    risen.app.state.shelf = Shelf(tmp_path, PATIENT)
    path = f"/strategies/{risen.desk.strategy.id}"
    await risen.call("PATCH", path, {"algorithm": "above"})

    found = await risen.post(f"{path}/run", {**EMA_RSI, "parameters": {"period": 50}})
    refused = await risen.post(f"{path}/run", {**EMA_RSI, "parameters": {"speed": 3}}, expect=400)

    prices = np.array(closes(HOURS), dtype=np.float64)
    assert (found["algorithm"], found["version"]) == ("above", 7)
    assert found["lines"]["sma"] == pytest.approx(sma(prices, 50)[-50:].tolist())
    assert found["should_enter_long"] is True
    assert refused["code"] == "bad_parameters"


async def test_what_is_wrong_with_a_file_is_told_to_all_and_where_to_the_operator(
    risen: Front, tmp_path: Path
) -> None:
    keep(tmp_path, "typo", "import\n")
    with_ways(tmp_path, "raises", {"divides": "1 / 0"})
    risen.app.state.shelf = Shelf(tmp_path, PATIENT)
    operator = a_user(risen.desk.clock.now(), role=Role.ADMIN)
    path = f"/strategies/{risen.desk.strategy.id}"
    await risen.call("PATCH", path, {"algorithm": "raises"})

    listed = await risen.get("/algorithms")
    in_full = await risen.get("/algorithms", user=operator)
    run = await risen.post(f"{path}/run", EMA_RSI, expect=400)

    assert [one["name"] for one in listed["items"] if one["is_own"]] == ["raises"]
    [fault], [whole] = listed["unfit"], in_full["unfit"]
    assert (fault["file"], fault["code"], fault["cause"]) == ("typo.py", "algorithm_failed", None)
    assert whole == {**fault, "cause": "line 1: SyntaxError: invalid syntax"}
    assert run["detail"] == "The algorithm raises raised an error."
