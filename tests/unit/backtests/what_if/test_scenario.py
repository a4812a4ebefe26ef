"""Scenarios that can be answered, and those that cannot."""

import pytest

from app.backtests.what_if.past import Fate
from app.backtests.what_if.scenario import Scenario, checked
from app.core.errors import Invalid
from app.pipeline.risk.exposure import Limits
from app.strategies.words import Sides
from tests.builders import LINEAR, d
from tests.unit.backtests.what_if.pasts import STRATEGY, a_past, heard, nobody

ALARM = heard(1, Fate.REJECTED)
PAST = a_past(ALARM)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (Scenario(name="x"), "scenario 'x': it changes nothing"),
        (Scenario(name="x", approve=frozenset({nobody()})), "approve: alarm"),
        (Scenario(name="x", without=frozenset({nobody()})), "without: alarm"),
        (
            Scenario(name="x", approve=frozenset({ALARM.id}), reject=frozenset({ALARM.id})),
            "in more than one of approve, reject, without",
        ),
        (Scenario(name="x", symbols=frozenset({"ETHUSDT.P"})), "no alarm of the range is about"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(scenario: Scenario, says: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked(scenario, PAST)

    assert refusal.value.code == "bad_scenario"
    assert says in refusal.value.detail


@pytest.mark.parametrize("spelling", ["BTCUSDT.P", "btcusdt.p", LINEAR])
def test_symbols_may_be_tickers(spelling: str) -> None:
    ready = checked(Scenario(name="x", symbols=frozenset({spelling})), PAST)

    assert ready.symbols == frozenset({LINEAR})


def test_a_lifted_code_stops_nothing_any_more() -> None:
    limits = Limits(max_daily_loss=d("10"), max_price_drift=d("0.01"), max_open_positions=1)
    lifted = Scenario(name="x", lift=frozenset({"daily_loss_frozen", "side_not_allowed"}))

    found = lifted.limits_of(limits)

    assert (found.max_daily_loss, found.max_open_positions) == (None, 1)
    assert lifted.strategy(STRATEGY).sides is Sides.BOTH


def test_what_is_set_counts_more_than_what_is_lifted() -> None:
    both = Scenario(
        name="x", lift=frozenset({"max_open_positions"}), limits={"max_open_positions": 3}
    )

    assert both.limits_of(Limits(max_open_positions=1)).max_open_positions == 3


def test_a_changed_setting_takes_up_what_it_had_stopped() -> None:
    drift = Scenario(name="x", ignores_drift=True)

    assert drift.codes() == {"price_drift"}
    assert drift.limits_of(Limits(max_price_drift=d("0.01"))).max_price_drift is None
    assert "no_size" not in drift.codes()
