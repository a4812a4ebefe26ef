"""The rules of the corridor on a simulated book, and its money."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.backtests.engine.purse import Purse
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import FundingRate
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Sides, SizingMode
from app.trading.words import CloseReason, MarginMode, MarketType, PositionSide
from tests.unit.algorithms.builders import an_instrument
from tests.unit.backtests.engine.builders import (
    LONG,
    SHORT,
    a_linear,
    a_simulator,
    an_inverse,
    at,
    codes,
    d,
    enter,
    leave,
    meet,
    opened,
    percent,
    price_at,
    some_means,
    some_terms,
    story,
)

ONE, TWO = UUID(int=1), UUID(int=2)


def test_a_size_by_risk_loses_what_it_may_at_the_stop() -> None:
    terms: dict[str, Any] = {
        "sizing": SizeAsked(SizingMode.RISK_PERCENT, d("1")),
        "stop_loss": percent("2"),
    }
    simulator = opened(a_simulator(**terms))

    meet(simulator, "100 100 97 98", first=1)

    # 1 % of 10000 by 2 + 0.1 % of (100 + 98) = 2.198 a unit: 45.495, down to the lot
    assert simulator.fills[0].quantity == d("45.495")
    # 45.495 · 2.198, never more than the 100 that may be lost
    assert simulator.trades[0].summary.realized_pnl == d("-99.99801")


@pytest.mark.parametrize(
    ("terms", "limits", "wish", "code"),
    [
        ({}, {}, {"size": SizeAsked(SizingMode.QUANTITY, d("0.01"))}, "below_min_notional"),
        ({}, {}, {"size": SizeAsked(SizingMode.QUANTITY, None)}, "no_size"),
        ({}, {}, {"size": SizeAsked(SizingMode.QUANTITY, d("101"))}, "insufficient_funds"),
        ({}, {}, {"stop_loss": price_at("101")}, "stop_on_wrong_side"),
        ({}, {}, {"fraction": d("2")}, "bad_fraction"),
        ({"sides": Sides.SHORT}, {}, {}, "side_not_allowed"),
        ({"leverage": 5}, {"max_leverage": d("3")}, {}, "max_leverage"),
        ({}, {"max_notional_per_symbol": d("99")}, {}, "max_notional_per_symbol"),
        ({"max_price_drift": d("0.01")}, {}, {"reference_price": d("90")}, "price_drift"),
        ({"stop_loss": percent("15"), "leverage": 10}, {}, {}, "liquidation_before_stop"),
        (
            {"stop_loss": percent("2")},
            {"max_daily_loss": d("2")},
            {},
            "daily_loss_would_exceed",
        ),
    ],
)
def test_a_rule_of_the_corridor_refuses_an_entry(
    terms: dict[str, Any], limits: dict[str, Any], wish: dict[str, Any], code: str
) -> None:
    simulator = a_simulator(means=some_means(**limits), **terms)

    opened(simulator, tag="a", **wish)

    [refusal] = simulator.refusals
    assert (refusal.code, refusal.tag, refusal.at) == (code, "a", at(0))
    assert simulator.holding is None


def test_a_second_entry_needs_leave_to_add() -> None:
    strict, open_minded = opened(a_simulator()), opened(a_simulator(max_entries=2))
    for simulator in (strict, open_minded):
        simulator.at_next_open(enter())
        meet(simulator, "110", first=1)

    assert codes(strict) == ["already_in_position"]
    assert open_minded.holding is not None
    assert (open_minded.holding.quantity, open_minded.holding.cost) == (d("2"), d("210"))


def test_an_added_stop_is_never_further_away() -> None:
    simulator = opened(a_simulator(max_entries=0), stop_loss=price_at("95"))
    simulator.at_next_open(enter(stop_loss=price_at("90")))

    meet(simulator, "100", "100 100 94 95", first=1)

    assert story(simulator)[2:] == [("stop_loss", "2", "95")]


def test_an_entry_against_the_position_closes_it_and_is_judged_by_itself() -> None:
    flipped, closed = opened(a_simulator()), opened(a_simulator(sides=Sides.LONG))
    for simulator in (flipped, closed):
        simulator.at_next_open(enter(SHORT))
        meet(simulator, "110", first=1)

    assert story(flipped)[1:] == [("signal", "1", "110"), ("entry", "1", "110")]
    assert flipped.account.side is SHORT
    assert story(closed)[1:] == [("signal", "1", "110")]
    assert codes(closed) == ["side_not_allowed"]


def test_an_exit_never_closes_more_than_is_held() -> None:
    simulator = opened(a_simulator())

    simulator.exit(leave(quantity=d("5")), at=at(1), price=d("100"))
    simulator.exit(leave(), at=at(1), price=d("100"))

    assert story(simulator)[1:] == [("signal", "1", "100")]
    assert codes(simulator) == ["nothing_to_close"]


def test_a_part_of_a_position_is_closed_down_to_the_lot() -> None:
    simulator = opened(a_simulator())

    fill = simulator.exit(leave(fraction=d("0.3335")), at=at(1), price=d("100"))
    too_small = simulator.exit(leave(fraction=d("0.0001")), at=at(1), price=d("100"))

    assert fill is not None
    assert fill.quantity == d("0.333")
    assert too_small is None
    assert codes(simulator) == ["below_min_quantity"]


def test_an_order_at_a_given_moment_and_price_is_filled_there() -> None:
    simulator = a_simulator(slippage=d("0.001"))
    moment = at(0) + timedelta(seconds=27)

    fill = simulator.enter(enter(), at=moment, price=d("100"))

    assert fill is not None
    assert (fill.at, fill.price) == (moment, d("100.1"))


def test_a_newer_entry_supersedes_the_one_that_rests_and_cancel_ends_all() -> None:
    simulator = a_simulator()
    simulator.enter(enter(limit_price=d("95")), at=at(0), price=d("100"))
    simulator.enter(enter(limit_price=d("90")), at=at(0), price=d("100"))
    meet(simulator, "100 100 94 95", first=1)
    assert story(simulator) == []

    simulator.at_next_open(enter())
    simulator.cancel()

    assert story(meet(simulator, "95 95 80 85", first=2)) == []


def test_an_exit_of_nothing_ends_the_entry_that_rests() -> None:
    simulator = a_simulator()
    simulator.enter(enter(limit_price=d("95")), at=at(0), price=d("100"))

    simulator.exit(leave(), at=at(0), price=d("100"))

    assert story(meet(simulator, "100 100 90 95", first=1)) == []


def test_funding_is_paid_by_whoever_holds_before_the_open() -> None:
    rates = [
        FundingRate(at(0), d("0.01")),
        FundingRate(at(1), d("0.01"), mark_price=d("200")),
        FundingRate(at(1) + timedelta(minutes=1), d("-0.02")),
        FundingRate(at(3), d("0.01")),
    ]
    simulator = opened(a_simulator(funding=rates))

    meet(simulator, "100", "110", first=1)
    simulator.at_next_open(leave())
    meet(simulator, "120", "120", first=3)

    # Nothing for what was opened at that very moment; 1 % of the mark's 200; the one in the middle
    # of a candle at its next open, 2 % of 110 received; the last before the exit of that open.
    assert [payment.amount for payment in simulator.payments] == [d("-2"), d("2.2"), d("-1.2")]
    assert simulator.trades[0].summary.funding == d("-1")


def test_a_short_receives_what_a_long_pays() -> None:
    simulator = opened(a_simulator(funding=[FundingRate(at(1), d("0.01"))]), position_side=SHORT)

    meet(simulator, "100", first=1)

    assert [payment.amount for payment in simulator.payments] == [d("1")]


@pytest.mark.parametrize(
    ("side", "price", "gain"), [(LONG, "200", "0.5"), (SHORT, "50", "1"), (LONG, "80", "-0.25")]
)
def test_an_inverse_contract_gains_coins(side: PositionSide, price: str, gain: str) -> None:
    # 100 contracts of 1 USD at 100 are 1 coin, at 200 half of one, at 50 two, at 80 1.25.
    simulator = opened(
        a_simulator(instrument=an_inverse(), sizing=SizeAsked(SizingMode.QUANTITY, d("100"))),
        position_side=side,
    )

    assert simulator.unrealised(d(price)) == d(gain)
    meet(simulator, price, first=1)
    simulator.at_next_open(leave(side))
    meet(simulator, price, first=2)
    assert simulator.trades[0].summary.gross == d(gain)


def test_a_fee_in_coins_leaves_less_to_sell_and_dust() -> None:
    spot = an_instrument(MarketType.SPOT, price_tick="0.01", fee_rate="0.00075")
    simulator = opened(a_simulator(instrument=spot))
    assert (simulator.fills[0].fee, simulator.fills[0].fee_asset) == (d("0.00075"), "BTC")

    simulator.at_next_open(leave())
    meet(simulator, "110", first=1)

    # 1 - 0.00075 are held, and sold down to the lot of 0.0001.
    assert story(simulator)[1:] == [("signal", "0.9992", "110")]
    [trade] = simulator.trades
    assert trade.summary.dust_quantity == d("0.00005")
    assert simulator.fills[1].fee_asset == "USDT"


def test_spot_is_not_sold_short() -> None:
    simulator = opened(a_simulator(instrument=an_instrument()), position_side=SHORT)

    assert codes(simulator) == ["spot_cannot_short"]


def test_a_position_without_a_stop_is_liquidated_before_its_margin_is_gone() -> None:
    simulator = opened(a_simulator(leverage=10))

    # 100 · (1 - 1/10 + 0.01); the open below costs no more: the venue's insurance pays.
    meet(simulator, "80", first=1)

    assert story(simulator)[1:] == [("liquidated", "1", "91")]


def test_a_crossed_position_is_backed_by_the_whole_account() -> None:
    terms: dict[str, Any] = {"leverage": 10, "margin_mode": MarginMode.CROSS}
    simulator = opened(a_simulator(means=some_means("50"), **terms))

    meet(simulator, "80", "51 51 49 50", first=1)

    # 49.9 are left to lose after the fee: 100 · (1 - 0.499 + 0.01)
    assert story(simulator)[1:] == [("liquidated", "1", "51.1")]


def test_the_stop_wins_where_liquidation_is_further_away() -> None:
    simulator = opened(a_simulator(leverage=10, stop_loss=price_at("95")))

    meet(simulator, "96 96 80 85", first=1)

    assert simulator.trades[0].close_reason is CloseReason.STOP_LOSS


def test_a_lost_day_takes_no_more_entries_until_midnight() -> None:
    simulator = opened(a_simulator(means=some_means(max_daily_loss=d("5"))))
    meet(simulator, "90", first=1)
    simulator.at_next_open(leave())
    meet(simulator, "90", first=2)

    simulator.at_next_open(enter())
    meet(simulator, "90", first=3)
    simulator.at_next_open(enter())
    # 288 candles of five minutes are a day.
    meet(simulator, "90", first=288)

    assert codes(simulator) == ["daily_loss_frozen"]
    assert simulator.holding is not None


def test_what_was_lost_before_midnight_is_not_lost_today() -> None:
    simulator = opened(a_simulator(max_entries=0, means=some_means(max_daily_loss=d("5"))))
    assert simulator.due_at == at(288)

    # 4 are lost before midnight and 4 after it: neither day has lost 5.
    meet(simulator, "96", first=288)
    simulator.at_next_open(enter())
    meet(simulator, "92", first=289)

    assert codes(simulator) == []


def test_profits_raise_the_size_only_where_they_are_reinvested() -> None:
    sizing = SizeAsked(SizingMode.EQUITY_PERCENT, d("10"))

    def second_quantity(*, reinvest: bool) -> Decimal:
        terms: dict[str, Any] = {"sizing": sizing, "allocation": d("5000"), "reinvest": reinvest}
        simulator = opened(a_simulator(**terms))
        simulator.exit(leave(), at=at(1), price=d("200"))
        fill = simulator.enter(enter(), at=at(1), price=d("100"))
        assert fill is not None
        return fill.quantity

    # 10 % of 5000 at 100; the first trade earned 500 - 0.5 - 1 = 498.5.
    assert second_quantity(reinvest=False) == d("5")
    assert second_quantity(reinvest=True) == d("5.498")


def test_strategies_of_one_account_share_money_and_netting() -> None:
    purse = Purse(some_means("150"))
    one = Simulator(some_terms(), a_linear(), purse, owner=ONE)
    two = Simulator(some_terms(), a_linear(), purse, owner=TWO)
    other = replace(a_linear(), symbol="ETH/USDT")
    three = Simulator(some_terms(), other, purse, owner=TWO)
    for simulator in (one, two, three):
        meet(simulator, "100")

    one.enter(enter(), at=at(1), price=d("100"))
    two.enter(enter(SHORT), at=at(1), price=d("100"))
    three.enter(enter(), at=at(1), price=d("100"))

    assert codes(two) == ["opposite_exposure"]
    assert codes(three) == ["insufficient_funds"]
    one.exit(leave(), at=at(1), price=d("90"))
    # 150 - 10 and fees of 0.1 and 0.09
    assert purse.balance == two.account.capital == d("139.81")


def test_terms_may_change_between_two_wishes() -> None:
    simulator = opened(a_simulator())
    simulator.terms = replace(simulator.terms, max_holding=timedelta(minutes=5))

    meet(simulator, "100", first=1)

    assert story(simulator)[1:] == [("scheduled", "1", "100")]
