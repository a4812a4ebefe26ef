"""What happens first in a candle, where the candle itself does not tell."""

from datetime import timedelta

import pytest

from app.trading.words import Purpose
from tests.unit.backtests.engine.builders import (
    LONG,
    SHORT,
    a_candle,
    a_simulator,
    at,
    d,
    enter,
    leave,
    meet,
    opened,
    percent,
    price_at,
    story,
)

LAST_MOMENT = timedelta(minutes=5) - timedelta(milliseconds=1)


def test_a_wish_is_carried_out_at_the_next_open() -> None:
    simulator = a_simulator()
    meet(simulator, "90 95 85 90")
    simulator.at_next_open(enter(tag="first"))

    meet(simulator, "100 110 90 105", first=1)

    [fill] = simulator.fills
    assert (fill.at, fill.price, fill.quantity, fill.tag) == (at(1), d("100"), d("1"), "first")
    # 0.1 % of 100
    assert (fill.fee, fill.fee_asset, fill.is_maker) == (d("0.1"), "USDT", False)


def test_the_stop_comes_before_the_target_of_the_same_candle() -> None:
    simulator = a_simulator(stop_loss=price_at("98"), take_profit=price_at("102"))
    simulator.at_next_open(enter())

    meet(simulator, "100 103 97 101")

    assert story(simulator) == [("entry", "1", "100"), ("stop_loss", "1", "98")]
    assert simulator.fills[1].at == at(0) + LAST_MOMENT
    assert simulator.fills[1].purpose is Purpose.STOP_LOSS
    # -2 of the price, 0.1 and 0.098 of fees
    assert simulator.trades[0].summary.realized_pnl == d("-2.198")


def test_the_stop_of_a_short_lies_above() -> None:
    simulator = a_simulator(stop_loss=percent("2"), take_profit=percent("2"))
    simulator.at_next_open(enter(SHORT))

    meet(simulator, "100 102 98 100")

    assert story(simulator) == [("entry", "1", "100"), ("stop_loss", "1", "102")]


@pytest.mark.parametrize(
    ("candle", "exit_reason", "price"),
    [
        ("95 96 94 95", "stop_loss", "95"),
        ("99 100 98 99", "stop_loss", "98"),
        ("99 100 98.01 99", None, None),
        ("105 106 104 105", "take_profit", "105"),
        ("101 102 100 101", "take_profit", "102"),
        ("101 101.99 100 101", None, None),
    ],
    ids=["gap below", "touched", "missed", "gap above", "target touched", "target missed"],
)
def test_a_level_is_filled_at_itself_and_at_the_open_when_that_has_passed_it(
    candle: str, exit_reason: str | None, price: str | None
) -> None:
    simulator = opened(a_simulator(stop_loss=price_at("98"), take_profit=price_at("102")))

    meet(simulator, candle, first=1)

    found = story(simulator)[1:]
    assert found == ([] if price is None else [(exit_reason, "1", price)])


def test_a_float_that_is_the_stop_reaches_it() -> None:
    # 117.6 is no sum of powers of two: the float lies a hair beside the decimal.
    simulator = opened(a_simulator(stop_loss=price_at("117.6")), "120")

    meet(simulator, "118 119 117.6 118", first=1)

    assert story(simulator)[1:] == [("stop_loss", "1", "117.6")]


def test_a_trailing_stop_follows_the_best_price_once_a_candle_is_over() -> None:
    simulator = opened(a_simulator(stop_loss=percent("2", trailing=True)))

    # The low may have come before the high: the stop is still at 98.
    meet(simulator, "100 110 99 109", first=1)
    assert story(simulator)[1:] == []
    # 110 less 2 %
    meet(simulator, "109 109.5 107 108", first=2)

    assert story(simulator)[1:] == [("trailing_stop", "1", "107.8")]


def test_a_close_beyond_the_trailing_stop_came_after_the_best_price() -> None:
    simulator = opened(a_simulator(stop_loss=percent("2", trailing=True)))

    meet(simulator, "100 120 99 112", first=1)

    # 120 less 2 %
    assert story(simulator)[1:] == [("trailing_stop", "1", "117.6")]


def test_an_entry_rests_at_its_limit_and_fills_as_a_maker() -> None:
    simulator = a_simulator()
    simulator.at_next_open(enter(limit_price=d("95")))

    meet(simulator, "100 101 96 97", "97 98 95 96")

    [fill] = simulator.fills
    assert (fill.price, fill.is_maker, fill.at) == (d("95"), True, at(1) + LAST_MOMENT)


def test_a_limit_that_the_market_is_better_than_gets_the_market() -> None:
    simulator = a_simulator()
    simulator.at_next_open(enter(limit_price=d("105")))

    meet(simulator, "100")

    [fill] = simulator.fills
    assert (fill.price, fill.is_maker) == (d("100"), False)


def test_a_resting_entry_that_the_open_has_passed_gets_the_open() -> None:
    simulator = a_simulator()
    simulator.at_next_open(enter(limit_price=d("95")))

    meet(simulator, "100", "93 94 92 93")

    assert story(simulator) == [("entry", "1", "93")]


def test_an_entry_in_the_middle_has_its_stop_in_that_candle_and_its_target_in_the_next() -> None:
    stopped = a_simulator(stop_loss=price_at("90"), take_profit=price_at("104"))
    stopped.at_next_open(enter(limit_price=d("95")))
    open_still = a_simulator(stop_loss=price_at("90"), take_profit=price_at("104"))
    open_still.at_next_open(enter(limit_price=d("95")))

    meet(stopped, "100", "100 105 89 95")
    meet(open_still, "100", "100 105 94 95")

    # The price cannot come to 90 without passing 95; whether it saw 105 before nobody knows.
    assert story(stopped) == [("entry", "1", "95"), ("stop_loss", "1", "90")]
    assert story(open_still) == [("entry", "1", "95")]
    meet(open_still, "95 104 95 104", first=2)
    assert story(open_still)[1:] == [("take_profit", "1", "104")]


def test_an_add_that_rests_before_the_stop_makes_the_loss_larger() -> None:
    simulator = opened(a_simulator(max_entries=0, stop_loss=price_at("90")))
    simulator.at_next_open(enter(limit_price=d("95")))

    meet(simulator, "99 99 96 96", "96 97 89 92", first=1)

    assert story(simulator)[1:] == [("entry", "1", "95"), ("stop_loss", "2", "90")]


def test_an_exit_takes_the_entries_that_rest_with_it() -> None:
    simulator = opened(a_simulator(max_entries=0, take_profit=price_at("110")))
    simulator.at_next_open(enter(limit_price=d("95")))

    meet(simulator, "100", "109 111 108 110", "96 97 94 95", first=1)

    assert story(simulator)[1:] == [("take_profit", "1", "110")]


def test_a_scheduled_exit_waits_for_its_limit_and_then_takes_it() -> None:
    simulator = opened(a_simulator())
    simulator.at_next_open(leave(limit_price=d("105")))

    meet(simulator, "100 104.99 90 104", "104 106 100 102", first=1)

    assert story(simulator)[1:] == [("signal", "1", "105")]
    assert not simulator.fills[1].is_maker


def test_another_exit_replaces_the_one_that_rests() -> None:
    simulator = opened(a_simulator())
    simulator.at_next_open(leave(limit_price=d("105")))
    meet(simulator, "100", first=1)
    simulator.at_next_open(leave(limit_price=d("110")))

    meet(simulator, "101", "101 106 101 106", "106 111 106 110", first=2)

    assert story(simulator)[1:] == [("signal", "1", "110")]


def test_an_entry_ends_when_nobody_wants_it_any_more() -> None:
    resting = a_simulator(entry_ttl=timedelta(minutes=10))
    resting.at_next_open(enter(limit_price=d("95")))
    waiting = a_simulator(entry_ttl=timedelta(minutes=10))
    waiting.at_next_open(enter())

    meet(resting, "100", "100", "94")
    meet(waiting, "100", first=2)

    assert list(resting.fills) == list(waiting.fills) == []
    assert [refusal.code for refusal in waiting.refusals] == ["expired"]


def test_a_position_that_is_too_old_is_closed_at_the_open() -> None:
    simulator = opened(a_simulator(max_holding=timedelta(minutes=15)))

    meet(simulator, "101", "102", "103 110 100 104", first=1)

    assert story(simulator)[1:] == [("scheduled", "1", "103")]
    assert simulator.fills[1].at == at(3)


def test_several_targets_are_sold_nearest_first() -> None:
    targets = ((price_at("110"), d("50")), (price_at("120"), None))
    simulator = opened(a_simulator(), targets=targets)

    meet(simulator, "100 111 100 110", "110 125 110 120", first=1)

    assert story(simulator)[1:] == [("take_profit", "0.5", "110"), ("take_profit", "0.5", "120")]
    assert len(simulator.trades) == 1


def test_what_lies_between_two_levels_is_quiet() -> None:
    simulator = opened(a_simulator(stop_loss=price_at("98"), take_profit=price_at("102")))
    below, above = simulator.quiet

    assert 98 <= below < 98.0001
    assert 101.9999 < above <= 102
    assert simulator.due_at is None
    simulator.at_next_open(leave())
    below, above = simulator.quiet
    assert below > above


def test_a_stop_and_its_fees_come_out_of_the_balance() -> None:
    simulator = opened(a_simulator(stop_loss=price_at("98"), slippage=d("0.001")))
    # 100 and 0.1 % more, up to the tick
    assert simulator.fills[0].price == d("100.1")

    meet(simulator, "99 99 97 98", first=1)

    # 98 less 0.1 % is 97.902, down to the tick
    assert simulator.fills[1].price == d("97.9")
    # -2.2 of the price, 0.1001 and 0.0979 of fees
    assert simulator.trades[0].summary.realized_pnl == d("-2.398")
    assert simulator.account.capital == d("9997.602")


def test_a_candle_before_anything_was_wished_changes_nothing() -> None:
    simulator = a_simulator()

    simulator.meet(a_candle(0, "100 1000 1 100"))

    assert simulator.holding is None
    assert story(simulator) == []
    assert simulator.account.side is not LONG
