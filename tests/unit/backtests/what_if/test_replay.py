"""Alarms once more over candles: what stands, what changes, and what that brings."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.backtests.what_if.answer import AS_IT_WAS
from app.backtests.what_if.past import Fate, PastAlarm
from app.backtests.what_if.replay.played import Played
from app.backtests.what_if.replay.run import play, play_alone
from app.backtests.what_if.replay.tape import Tape
from app.backtests.what_if.scenario import Scenario, lifting
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Approval, LevelKind, OnOpposite, Sides, SizingMode
from app.trading.words import CloseReason, PositionSide
from tests.builders import d
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
ONE_PERCENT = PriceLevel(LevelKind.PERCENT, d("1"))


def replayed(
    *alarms: PastAlarm, scenario: Scenario = AS_IT_WAS, tape: Tape | None = None, **past: Any
) -> Played:
    return play(a_setting(a_past(*alarms, **past), tape), scenario)


def nets(played: Played) -> list[Decimal]:
    return [one.net for one in played.trips]


def codes(played: Played) -> list[str]:
    return [one.code for one in played.left_out]


def dips(number: int) -> Decimal:
    """60,000; at minute 5 it falls to 59,000 and is back a minute later."""
    return d("59000") if number == 5 else d("60000")


def test_what_was_taken_is_taken_at_the_price_that_was_seen() -> None:
    entry = heard(1, seen="60000")
    leave = heard(10, action="close", seen="61000")

    [trip] = replayed(entry, leave).trips

    # 0.1 · 1000, less 0.1 % of 6000 and of 6100
    assert trip.net == d("87.9")
    assert (trip.key, trip.close_reason) == (key_of(entry), CloseReason.SIGNAL)
    assert (trip.opened_at, trip.closed_at) == (minute(1), minute(10))


def test_without_a_price_that_was_seen_the_candle_gives_it() -> None:
    [trip] = replayed(heard(1), heard(10, action="close")).trips

    assert (trip.entry_price, trip.exit_price) == (d("60010"), d("60100"))


def test_slippage_makes_both_ends_worse() -> None:
    past = a_past(heard(1, seen="60000"), heard(10, action="close", seen="60000"))

    [trip] = play(a_setting(past, slippage="0.001"), AS_IT_WAS).trips

    assert (trip.entry_price, trip.exit_price) == (d("60060"), d("59940"))


@pytest.mark.parametrize("fate", [Fate.REJECTED, Fate.EXPIRED, Fate.SUPERSEDED])
def test_what_nobody_approved_stays_out_until_all_are_approved(fate: Fate) -> None:
    # The exit found nothing to close then: what it closes was never opened.
    alarms = heard(1, fate), heard(10, Fate.IGNORED, "nothing_to_close", action="close")

    as_it_was = replayed(*alarms)
    approved = replayed(*alarms, scenario=APPROVE_ALL)

    assert (as_it_was.trips, codes(as_it_was)) == ((), [fate.value])
    # 0.1 · 90, less 0.1 % of 6001 and of 6010
    assert nets(approved) == [d("-3.011")]
    assert codes(approved) == []


def test_only_the_named_ones_are_approved_rejected_or_left_away() -> None:
    first, second = heard(1, Fate.REJECTED), heard(20)
    out, out_too = heard(10, Fate.IGNORED, action="close"), heard(30, action="close")
    alarms = first, out, second, out_too

    approved = replayed(*alarms, scenario=Scenario(name="-", approve=frozenset({first.id})))
    rejected = replayed(*alarms, scenario=Scenario(name="-", reject=frozenset({second.id})))
    without = replayed(*alarms, scenario=Scenario(name="-", without=frozenset({out_too.id})))

    assert [one.key for one in approved.trips] == [key_of(first), key_of(second)]
    assert (rejected.trips, codes(rejected)) == ((), ["rejected", "rejected"])
    assert [one.closed_at for one in without.trips] == [None]


def test_a_stop_of_one_percent_is_reached_by_a_candle() -> None:
    alarms = heard(1, seen="60000"), heard(10, action="close", seen="60000")
    scenario = Scenario(name="stop at 1 %", stop_loss=ONE_PERCENT)

    [trip] = replayed(*alarms, scenario=scenario, tape=a_tape(dips)).trips

    # 0.1 · 600, and 0.1 % of 6000 and of 5940
    assert (trip.close_reason, trip.exit_price) == (CloseReason.STOP_LOSS, d("59400"))
    assert trip.net == d("-71.94")


def test_a_stop_of_the_scenario_takes_the_place_of_the_alerts_own() -> None:
    alarms = heard(1, seen="60000", stop_loss="59500"), heard(10, action="close", seen="60000")
    scenario = Scenario(name="none", has_no_stop=True)

    [with_it] = replayed(*alarms, tape=a_tape(dips)).trips
    [without] = replayed(*alarms, scenario=scenario, tape=a_tape(dips)).trips

    assert with_it.exit_price == d("59500")
    assert without.close_reason is CloseReason.SIGNAL


def test_what_a_candle_did_before_the_entry_is_no_concern_of_it() -> None:
    # The candle of minute 5 opens at 59,000; the entry comes at 60,000 ten seconds later.
    alarms = (heard(5.2, seen="60000"), heard(10, action="close", seen="60000"))
    scenario = Scenario(name="-", stop_loss=PriceLevel(LevelKind.PERCENT, d("2")))

    [trip] = replayed(*alarms, scenario=scenario, tape=a_tape(dips)).trips

    assert trip.close_reason is CloseReason.SIGNAL


def test_a_target_of_the_scenario_is_reached() -> None:
    scenario = Scenario(name="-", take_profit=PriceLevel(LevelKind.DISTANCE, d("200")))

    [trip] = replayed(heard(1, seen="60000"), scenario=scenario).trips

    assert (trip.close_reason, trip.exit_price) == (CloseReason.TAKE_PROFIT, d("60200"))


def test_another_size_is_used_for_every_entry() -> None:
    alarms = heard(1, seen="60000"), heard(10, action="close", seen="61000")
    scenario = Scenario(name="-", sizing=SizeAsked(SizingMode.NOTIONAL, d("12000")))

    [trip] = replayed(*alarms, scenario=scenario).trips

    assert trip.quantity == d("0.2")


def test_a_denial_stands_until_its_code_is_lifted() -> None:
    alarms = heard(1, Fate.DENIED, "kill_switch"), heard(10, Fate.IGNORED, action="close")

    as_it_was = replayed(*alarms)
    approved = replayed(*alarms, scenario=APPROVE_ALL)
    lifted = replayed(*alarms, scenario=lifting("kill_switch"))

    assert codes(as_it_was) == codes(approved) == ["kill_switch"]
    assert len(lifted.trips) == 1


def test_what_is_let_through_is_held_against_every_other_rule() -> None:
    alarm = heard(1, Fate.DENIED, "kill_switch")

    played = replayed(alarm, scenario=lifting("kill_switch"), limits=Limits(max_leverage=d("0.5")))

    [left_out] = played.left_out
    assert (left_out.code, left_out.fate) == ("max_leverage", Fate.DENIED)
    assert left_out.detail is not None


def test_a_limit_of_the_scenario_denies_what_was_taken() -> None:
    scenario = Scenario(name="-", limits={"max_notional_total": d("1000")})

    assert codes(replayed(heard(1), scenario=scenario)) == ["max_notional_total"]


def test_a_changed_limit_judges_its_own_denials_anew() -> None:
    alarm = heard(1, Fate.DENIED, "max_notional_total")
    limits = Limits(max_notional_total=d("5000"))
    higher = Scenario(name="-", limits={"max_notional_total": d("7000")})
    still_too_low = Scenario(name="-", limits={"max_notional_total": d("6000")})

    assert len(replayed(alarm, scenario=higher, limits=limits).trips) == 1
    assert codes(replayed(alarm, scenario=still_too_low, limits=limits)) == ["max_notional_total"]


def test_too_old_alerts_are_taken_where_age_is_ignored() -> None:
    alarm = heard(1, Fate.STALE, "too_old")

    assert codes(replayed(alarm)) == ["too_old"]
    assert len(replayed(alarm, scenario=Scenario(name="-", ignores_age=True)).trips) == 1


def test_sides_and_symbols_of_the_scenario_keep_entries_out() -> None:
    shorts = Scenario(name="-", sides=Sides.SHORT)
    others = Scenario(name="-", symbols=frozenset({"ETH/USDT:USDT"}))

    assert codes(replayed(heard(1, action="long"), scenario=shorts)) == ["side_not_allowed"]
    assert codes(replayed(heard(1), scenario=others)) == ["symbol_not_allowed"]


def test_more_entries_make_one_trip() -> None:
    first, again = heard(1, seen="60000"), heard(2, Fate.DENIED, "already_in_position")
    alarms = first, again, heard(10, action="close", seen="60000")

    [trip] = replayed(*alarms, scenario=Scenario(name="-", max_entries=2)).trips

    assert (trip.key, trip.quantity) == (key_of(first), d("0.2"))


def test_a_flip_closes_and_opens() -> None:
    strategy = replace(STRATEGY, on_opposite=OnOpposite.FLIP, approval=Approval.AUTO)
    entry, turn = heard(1, seen="60000"), heard(10, seen="61000", action="sell", side="short")

    long, short = replayed(entry, turn, strategy=strategy).trips

    assert (long.closed_at, short.opened_at) == (minute(10), minute(10))
    assert (short.position_side, short.closed_at) == (PositionSide.SHORT, None)


def test_what_a_hand_closed_is_closed_by_hand() -> None:
    entry = heard(1, seen="60000")
    real = a_trip(entry, "0", close_reason=CloseReason.USER_STOPPED, closed_at=minute(7))

    [trip] = replayed(entry, trips=[real]).trips

    assert (trip.close_reason, trip.exit_price) == (CloseReason.USER_STOPPED, d("61000"))
    assert trip.closed_at == minute(7)


def test_an_approval_counts_from_its_moment() -> None:
    alarm = heard(1)
    signal = replace(alarm.signals[0], sent_at=minute(6))
    late = replace(alarm, signals=(signal,))

    [trip] = replayed(late).trips

    assert (trip.opened_at, trip.entry_price) == (minute(6), d("60060"))


def test_a_limit_rests_until_a_candle_reaches_it_and_a_newer_alert_ends_it() -> None:
    resting = heard(1, order_type="limit", price="59500")
    reached = replayed(resting, tape=a_tape(dips))
    ended = replayed(resting, heard(2, Fate.ENDED, action="cancel"), tape=a_tape(dips))

    assert [one.entry_price for one in reached.trips] == [d("59500")]
    assert ended.trips == ()


def test_an_open_trip_is_worth_its_last_price() -> None:
    [trip] = replayed(heard(1, seen="60000")).trips

    assert trip.closed_at is None
    assert trip.held is not None
    assert (trip.held.quantity, trip.net) == (d("0.1"), d("0"))


def test_a_part_that_was_closed_is_booked_while_the_rest_is_open() -> None:
    half = heard(10, seen="61000", action="reduce", position_percent="50")

    [trip] = replayed(heard(1, seen="60000"), half).trips

    # 0.05 · 1000, less half of 6 and 0.1 % of 3050
    assert (trip.net, trip.quantity) == (d("43.95"), d("0.05"))
    assert trip.held is not None
    assert trip.held.quantity == d("0.05")


def test_alone_an_entry_ends_with_the_next_exit_and_knows_no_others() -> None:
    alarms = (
        heard(1, seen="60000"),
        heard(2, Fate.DENIED, "already_in_position"),
        heard(10, action="close"),
        heard(20, seen="60000"),
    )
    setting = a_setting(a_past(*alarms))

    trip = play_alone(setting, lifting("already_in_position"), key_of(alarms[1]))

    assert trip is not None
    assert (trip.opened_at, trip.closed_at) == (minute(2), minute(10))
    assert trip.quantity == d("0.1")


def test_alone_what_has_no_size_cannot_be_told() -> None:
    alarm = heard(1, Fate.DENIED, "no_size", action="long", quantity="1")
    without_size = replace(alarm, meaning=heard(1, action="close").meaning)

    trip = play_alone(a_setting(a_past(without_size)), lifting("no_size"), key_of(alarm))

    assert trip is None


def test_the_same_question_has_the_same_answer() -> None:
    alarms = heard(1), heard(5, Fate.REJECTED), heard(10, action="close"), heard(20)
    setting = a_setting(a_past(*alarms), a_tape(dips))

    assert play(setting, APPROVE_ALL) == play(setting, APPROVE_ALL)
