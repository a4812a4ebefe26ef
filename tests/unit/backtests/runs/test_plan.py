from datetime import timedelta
from typing import Any

import pytest

from app.algorithms.registry import definition
from app.backtests.runs.plan import MOST_CANDLES, closed_range
from app.core.errors import Invalid
from app.market.candles.series import Series
from app.trading.timeframe import Timeframe
from tests.backtest_builders import MINUTE, PARAMETERS, SINCE, UNTIL, WARM_UP, a_plan
from tests.market_builders import LATER, MARKET, START

HOUR = timedelta(hours=1)


def test_a_plan_that_can_be_run_is_not_refused() -> None:
    a_plan().check(PARAMETERS, now=LATER)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"since": UNTIL, "until": SINCE}, "reversed_range"),
        ({"since": LATER + HOUR, "until": LATER + 2 * HOUR}, "future_range"),
        ({"since": LATER - MINUTE / 2, "until": LATER}, "nothing_closed"),
        ({"since": START.replace(year=1), "timeframe": Timeframe.W1}, "before_all_markets"),
        ({"until": SINCE + MINUTE}, "too_few_candles"),
        ({"since": LATER - (MOST_CANDLES + 1) * MINUTE, "until": LATER}, "too_many_candles"),
        ({"timeframe": Timeframe.MONTH}, "bad_timeframe"),
        ({"definition": definition("sma_hma"), "timeframe": Timeframe.D1}, "bad_timeframe"),
    ],
)
def test_what_cannot_be_run_says_why(changes: dict[str, Any], code: str) -> None:
    parameters = {} if "definition" in changes else PARAMETERS

    with pytest.raises(Invalid) as refusal:
        a_plan(**changes).check(parameters, now=LATER)

    assert refusal.value.code == code


def test_bad_parameters_are_named() -> None:
    with pytest.raises(Invalid, match="fast"):
        a_plan().check({"fast": "soon"}, now=LATER)


def test_candles_go_back_as_far_as_the_longest_warm_up() -> None:
    longer = {**PARAMETERS, "slow": 9}

    found = a_plan().series([PARAMETERS, longer, {"slow": "no"}])

    assert found == {Series.of(MARKET, Timeframe.M1): SINCE - 11 * (9 + 3) * MINUTE}
    assert WARM_UP == 11 * (6 + 3)


def test_larger_timeframes_have_a_warm_up_of_their_own() -> None:
    plan = a_plan(definition=definition("sma_hma"), timeframe=Timeframe.H1, since=START + 9 * HOUR)

    found = plan.series([{"sma_period": 20, "hma_period": 10}])

    counts = {
        series.timeframe: series.timeframe.how_many(since, START + 9 * HOUR)
        for series, since in found.items()
    }
    # The four hours that began at eight have not closed by nine.
    assert list(counts) == [Timeframe.H1, Timeframe.H4]
    assert counts[Timeframe.H4] == counts[Timeframe.H1] + 1


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (9.5, 12, (10, 12)),
        (9, 99, (9, 20)),
        (9.5, 9.9, (9.5, 9.9)),
        (12, 9, (12, 9)),
        (20.1, 20.3, (20.1, 20.3)),
    ],
)
def test_a_range_begins_with_a_candle_and_ends_with_what_has_closed(
    since: float, until: float, found: tuple[float, float]
) -> None:
    now = START + 20.4 * HOUR

    got = closed_range(Timeframe.H1, START + since * HOUR, START + until * HOUR, now=now)

    assert got == (START + found[0] * HOUR, START + found[1] * HOUR)
