"""What sets a conditional order off, and how a trailing stop follows the price."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.paper_exchange.engine.algo import AlgoOrder, AlgoType, WorkingType
from app.trading.words import Side

D = Decimal


def an_algo(side: Side, algo_type: AlgoType, **changes: object) -> AlgoOrder:
    algo = AlgoOrder(
        id=1,
        account_id=1,
        symbol="BTCUSDT",
        client_algo_id="sb",
        side=side,
        algo_type=algo_type,
        time_in_force="GTC",
        quantity=D(1),
        limit_price=D(0),
        trigger_price=D(100),
        working_type=WorkingType.CONTRACT_PRICE,
        reduce_only=True,
        close_position=False,
        activate_price=D(0),
        callback_percent=D(0),
        created_at=0,
        updated_at=0,
    )
    return replace(algo, **changes)  # type: ignore[arg-type]  # overrides by name, as builders do


@pytest.mark.parametrize(
    ("side", "algo_type", "reached"),
    [
        (Side.SELL, AlgoType.STOP_MARKET, ["99", "100"]),
        (Side.SELL, AlgoType.STOP, ["99", "100"]),
        (Side.BUY, AlgoType.STOP_MARKET, ["100", "101"]),
        (Side.SELL, AlgoType.TAKE_PROFIT_MARKET, ["100", "101"]),
        (Side.BUY, AlgoType.TAKE_PROFIT, ["99", "100"]),
    ],
)
def test_trigger_is_reached_on_its_own_side(
    side: Side, algo_type: AlgoType, reached: list[str]
) -> None:
    algo = an_algo(side, algo_type)

    assert [p for p in ("99", "100", "101") if algo.is_reached(D(p))] == reached


def test_trailing_buy_follows_down_and_comes_back_up() -> None:
    algo = an_algo(Side.BUY, AlgoType.TRAILING_STOP_MARKET, callback_percent=D(2))
    moved = [algo.follow(D(p)) for p in ("100", "99", "99.5", "98")]

    assert moved == [True, True, False, True]
    # 98 * 1.02
    assert [algo.is_reached(D(p)) for p in ("99.95", "99.96")] == [False, True]


def test_trailing_stop_does_nothing_before_its_activation() -> None:
    trail = AlgoType.TRAILING_STOP_MARKET
    algo = an_algo(Side.SELL, trail, callback_percent=D(1), activate_price=D(110))

    assert [algo.follow(D(p)) for p in ("100", "109", "50")] == [False, False, False]
    assert not algo.is_reached(D(50))
    assert algo.follow(D(110))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=50))
def test_trailing_sell_keeps_the_highest_price(prices: list[int]) -> None:
    algo = an_algo(Side.SELL, AlgoType.TRAILING_STOP_MARKET, callback_percent=D(1))
    for price in prices:
        algo.follow(D(price))

    assert algo.extreme == max(prices)
