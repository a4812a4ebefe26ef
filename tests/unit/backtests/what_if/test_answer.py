"""What the figures of an answer add up to, and where they come from."""

from dataclasses import replace
from decimal import Decimal

from app.backtests.what_if.answer import Answer, answer
from app.backtests.what_if.figures import Source
from app.backtests.what_if.past import Fate, PastAlarm, Trip
from app.backtests.what_if.scenario import Scenario
from app.core.ids import new_id
from app.pipeline.risk.levels import PriceLevel
from app.strategies.words import LevelKind
from tests.builders import LINEAR, d
from tests.unit.backtests.what_if.pasts import (
    STRATEGY,
    a_past,
    a_setting,
    a_tape,
    a_trip,
    heard,
    key_of,
    minute,
)

APPROVE_ALL = Scenario(name="approve all", approves_all=True)
STOP = Scenario(name="stop", stop_loss=PriceLevel(LevelKind.PERCENT, d("1")))
ENTRY = heard(1, seen="60000")
LEAVE = heard(10, action="close", seen="61000")
# By hand it would be 87.9: the venue filled it a little worse.
REAL = a_trip(ENTRY, "85")


def asked(*alarms: PastAlarm, trips: tuple[Trip, ...] = (), scenario: Scenario) -> Answer:
    return answer(a_setting(a_past(*alarms, trips=trips)), [scenario])


def falls(number: int) -> Decimal:
    """60,000 until minute 20, then a hundred less each minute."""
    return Decimal(60_000 - 100 * max(0, number - 20))


def test_the_baseline_is_from_the_books_and_the_error_is_told() -> None:
    found = asked(ENTRY, LEAVE, trips=(REAL,), scenario=APPROVE_ALL)

    assert (found.baseline.net, found.baseline.trades) == (d("85"), 1)
    assert found.simulated.net == d("87.9")
    assert found.error == d("2.9")


def test_what_a_scenario_does_not_touch_is_taken_from_the_books() -> None:
    rejected = heard(20, Fate.REJECTED)
    out = heard(30, Fate.IGNORED, action="close")

    found = asked(ENTRY, LEAVE, rejected, out, trips=(REAL,), scenario=APPROVE_ALL)

    [outcome] = found.outcomes
    # 60200 to 60300: 10 less 0.1 % of 6020 and of 6030
    assert outcome.difference == d("-2.05")
    assert outcome.figures.net == d("82.95")
    assert outcome.simulated.net == d("85.85")
    assert outcome.from_books == 1
    [change] = outcome.changes
    assert (change.key, change.was, change.is_now) == (key_of(rejected), None, d("-2.05"))
    assert change.source is Source.SIMULATED


def test_a_trip_that_is_gone_is_a_change() -> None:
    without = Scenario(name="without", without=frozenset({ENTRY.id}))

    [outcome] = asked(ENTRY, LEAVE, trips=(REAL,), scenario=without).outcomes

    [change] = outcome.changes
    assert (change.was, change.is_now, change.source) == (d("85"), None, None)
    assert outcome.difference == d("-85")


def test_each_kind_of_decision_says_what_it_was_worth() -> None:
    alarms = (
        heard(21, Fate.REJECTED),
        heard(22, Fate.REJECTED),
        heard(30, Fate.IGNORED, action="close"),
        heard(40, Fate.DENIED, "kill_switch", action="short", side="short"),
        heard(50, Fate.IGNORED, action="close"),
    )

    found = answer(a_setting(a_past(*alarms), a_tape(falls)), [])

    rejected, denied = found.decisions
    # Alone: from 59900 and from 59800 to 59000, 90 and 80, and fees of 11.89 and of 11.88.
    assert (rejected.code, rejected.entries, rejected.counted) == ("rejected", 2, 2)
    assert rejected.alone == d("193.77")
    # Together a person approves the second one on top of the first: the same.
    assert rejected.together == d("193.77")
    assert rejected.words("USDT") == "2 entries, rejected: that saved 193.77 USDT."
    # From 58000 down to 57000: 100 less 0.1 % of 5800 and of 5700
    assert (denied.code, denied.together) == ("kill_switch", d("-88.5"))
    assert denied.words("USDT") == "1 entry, denied (kill_switch): that cost 88.5 USDT."


def test_each_alarm_has_a_line_with_what_it_brought_or_would_have() -> None:
    rejected, out = heard(20, Fate.REJECTED), heard(30, Fate.IGNORED, action="close")

    found = asked(ENTRY, LEAVE, rejected, out, trips=(REAL,), scenario=STOP)

    first, _, third, last = found.lines
    assert (first.real, first.simulated, first.alone) == (d("85"), d("87.9"), None)
    assert (third.real, third.simulated, third.alone) == (None, None, d("-2.05"))
    assert (last.real, last.alone) == (None, None)


def test_what_no_alarm_of_the_range_opened_is_told_apart() -> None:
    others = a_trip(None, "-7")

    found = asked(ENTRY, LEAVE, trips=(REAL, others), scenario=STOP)

    assert (found.baseline.net, found.others.net) == (d("85"), d("-7"))
    assert any("`others`" in note for note in found.notes())


def test_a_trade_that_the_replay_refuses_is_told() -> None:
    huge = heard(1, seen="60000", quantity="100")

    found = asked(huge, trips=(a_trip(huge, "85"),), scenario=STOP)

    assert [one.code for one in found.refused] == ["insufficient_funds"]
    [outcome] = found.outcomes
    assert (outcome.difference, outcome.from_books, outcome.changes) == (d("0"), 1, ())
    assert any("insufficient_funds" in note for note in found.notes())


def test_drawdown_is_the_deepest_fall_below_the_peak() -> None:
    alarms = [heard(number) for number in range(4)]
    trips = tuple(
        a_trip(alarm, net, booked_at=minute(number))
        for number, (alarm, net) in enumerate(zip(alarms, ("10", "-4", "1", "-5"), strict=True))
    )

    found = answer(a_setting(a_past(*alarms, trips=trips)), [])

    # 10, 6, 7, 2
    assert (found.baseline.max_drawdown, found.baseline.net) == (d("8"), d("2"))
    assert (found.baseline.wins, found.baseline.losses) == (2, 2)


def test_a_rule_that_no_setting_undoes_is_told_for_each_entry_alone() -> None:
    other = replace(STRATEGY, id=new_id())
    long = replace(heard(1, seen="60000"), strategy_id=other.id)
    short = heard(2, Fate.DENIED, "opposite_exposure", action="short", side="short")
    past = a_past(
        long,
        short,
        strategies={STRATEGY.id: STRATEGY, other.id: other},
        symbols={(STRATEGY.id, "BTCUSDT.P"): LINEAR, (other.id, "BTCUSDT.P"): LINEAR},
    )

    [decided] = answer(a_setting(past), []).decisions

    # From 60020 to 60600 at the end, and still open: no fee is booked.
    assert (decided.together, decided.alone) == (None, d("58"))
    assert decided.words("USDT") == "1 entry, denied (opposite_exposure): that saved 58 USDT."
