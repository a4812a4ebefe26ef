from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.paper_exchange.engine import margin
from app.paper_exchange.engine.linear import apply_fill
from app.paper_exchange.engine.models import OrderStatus, Position, TimeInForce
from app.paper_exchange.engine.refusals import Refusal
from app.trading.words import MarginMode, MarketType, Side
from tests.unit.paper_exchange.builders import SYMBOL, Desk, d


def a_desk(leverage: int = 10, **purse: str) -> Desk:
    desk = Desk(MarketType.LINEAR, **purse)
    desk.account.position(SYMBOL).leverage = leverage
    return desk


def test_long_earns_what_the_price_gains() -> None:
    desk = a_desk()

    desk.buy("0.1")
    desk.move("61000")
    desk.sell("0.1")

    assert [trade.realized_pnl for trade in desk.journal.trades] == [0, d("100")]
    # 10000 - 3 + 100 - 3.05
    assert desk.balance("USDT").free == d("10093.95")
    assert desk.account.position(SYMBOL).quantity == 0


def test_short_earns_what_the_price_loses() -> None:
    desk = a_desk()

    desk.sell("0.1")
    desk.move("58000")

    assert desk.account.position(SYMBOL).unrealized_pnl(d("58000")) == d("200")


def test_entry_price_is_the_average_and_a_reduction_leaves_it() -> None:
    position = Position(1, SYMBOL)

    apply_fill(position, Side.BUY, d("0.01"), d("100000"))
    apply_fill(position, Side.BUY, d("0.01"), d("102000"))
    realized_pnl = apply_fill(position, Side.SELL, d("0.005"), d("103000"))

    # 0.005 times the 2000 between 103000 and the average of 101000
    assert (realized_pnl, position.entry_price) == (d("10"), d("101000"))


def test_order_larger_than_the_position_turns_it_round() -> None:
    position = Position(1, SYMBOL)

    apply_fill(position, Side.BUY, d("0.01"), d("60000"))
    realized_pnl = apply_fill(position, Side.SELL, d("0.03"), d("61000"))

    assert realized_pnl == d("10")
    assert (position.quantity, position.entry_price) == (d("-0.02"), d("61000"))


def test_margin_of_a_position_and_its_orders_is_the_larger_side() -> None:
    desk = a_desk(leverage=10)
    desk.buy("0.1")
    desk.sell("0.15", "61000", client_order_id="a")
    desk.buy("0.05", "59000", client_order_id="b")

    exposure = margin.exposure(desk.account, SYMBOL, d("60000"))

    # position 6000; bids end at 6000 + 2950 = 8950, asks at |6000 - 9150| = 3150
    assert (exposure.initial, exposure.open_orders) == (d("600"), d("295"))
    # of 10000: a fee of 3, 600 for the position, 295 for the orders
    assert margin.available(desk.account, desk.marks) == d("9102")


def test_order_is_refused_when_margin_does_not_reach() -> None:
    desk = a_desk(leverage=10)

    with pytest.raises(Refusal, match="Margin is insufficient"):
        desk.buy("1.667")  # 10002 of 10000

    assert desk.buy("1.6").status is OrderStatus.FILLED


def test_reducing_needs_no_margin() -> None:
    desk = a_desk(leverage=10)
    desk.buy("1.6")
    desk.move("55000")

    assert margin.available(desk.account, desk.marks) == 0
    assert desk.sell("1.6").status is OrderStatus.FILLED


def test_isolated_position_sets_its_margin_aside_and_gives_it_back() -> None:
    desk = a_desk(leverage=10)
    position = desk.account.position(SYMBOL)
    position.margin_mode = MarginMode.ISOLATED

    desk.buy("0.2")
    aside = position.isolated_wallet
    desk.sell("0.1", reduce_only=True)

    assert (aside, position.isolated_wallet) == (d("1200"), d("600"))
    # 10000 - 6 - 3 - 600
    assert margin.cross_wallet(desk.account) == d("9391")


def test_liquidation_price_of_an_isolated_long() -> None:
    desk = a_desk(leverage=10)
    position = desk.account.position(SYMBOL)
    position.margin_mode = MarginMode.ISOLATED
    desk.buy("0.1")

    # wallet 600 less cost 6000, over the 0.0996 that maintenance leaves of 0.1: 5400 / 0.0996
    expected = d("54216.86746988")
    assert margin.liquidation_price(desk.account, position, desk.marks) == expected


def test_reduce_only_is_cut_to_the_position() -> None:
    desk = a_desk()
    desk.buy("0.1")

    order = desk.sell("0.5", reduce_only=True)

    assert (order.quantity, order.status) == (d("0.1"), OrderStatus.FILLED)


@pytest.mark.parametrize("held", ["0", "-0.1"])
def test_reduce_only_without_anything_to_reduce_is_refused(held: str) -> None:
    desk = a_desk()
    if held != "0":
        desk.sell("0.1")

    with pytest.raises(Refusal) as caught:
        desk.sell("0.1", reduce_only=True)

    assert caught.value.code == -2022


def test_resting_reduce_only_order_expires_when_the_position_is_gone() -> None:
    desk = a_desk()
    desk.buy("0.1")
    target = desk.sell("0.1", "62000", reduce_only=True, client_order_id="target")

    desk.sell("0.1")

    assert target.status is OrderStatus.EXPIRED
    assert desk.account.orders == {}


def test_resting_reduce_only_order_never_turns_a_position_round() -> None:
    desk = a_desk()
    desk.buy("0.1")
    target = desk.sell("0.1", "62000", reduce_only=True, client_order_id="target")
    desk.sell("0.06")

    desk.move("62000")

    assert (target.status, target.executed_quantity) == (OrderStatus.FILLED, d("0.04"))
    assert desk.account.position(SYMBOL).quantity == 0


@pytest.mark.parametrize(
    ("quantity", "limit_price", "code"),
    [
        ("0", "0", -4003),
        ("0.0001", "0", -1111),
        ("101", "0", -4005),
        ("0.01", "60000.01", -1111),
        ("0.01", "63000.1", -4016),
        ("0.001", "49000", -4164),
    ],
)
def test_filters_answer_with_their_codes(quantity: str, limit_price: str, code: int) -> None:
    with pytest.raises(Refusal) as caught:
        a_desk().buy(quantity, limit_price)

    assert caught.value.code == code


def test_small_order_is_allowed_when_it_reduces() -> None:
    desk = a_desk()
    desk.buy("0.002")
    desk.move("40000")

    assert desk.sell("0.001", reduce_only=True).status is OrderStatus.FILLED


def test_post_only_order_that_would_take_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        a_desk().buy("0.01", "60000", time_in_force=TimeInForce.GTX)

    assert caught.value.code == -5022


fills = st.tuples(st.sampled_from(Side), st.integers(1, 3000), st.integers(100, 9_000_000))


@settings(max_examples=150, deadline=None)
@given(st.lists(fills, min_size=1, max_size=30))
def test_realized_and_open_profit_equal_the_cash_that_moved(
    steps: list[tuple[Side, int, int]],
) -> None:
    position = Position(1, SYMBOL)
    realized, cash, held = Decimal(0), Decimal(0), Decimal(0)

    for side, size, cents in steps:
        quantity, price = Decimal(size) / 1000, Decimal(cents) / 100
        realized += apply_fill(position, side, quantity, price)
        sign = 1 if side is Side.BUY else -1
        cash -= sign * quantity * price
        held += sign * quantity

    mark = Decimal("12345.67")
    assert position.quantity == held
    assert realized + position.unrealized_pnl(mark) == cash + held * mark
