from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.paper_exchange.engine.clearing import Execution
from app.paper_exchange.engine.models import OrderStatus, OrderType, TimeInForce
from app.paper_exchange.engine.refusals import Refusal
from app.trading.words import MarketType
from tests.unit.paper_exchange.builders import Desk, d


def a_desk(**purse: str) -> Desk:
    return Desk(MarketType.SPOT, **purse)


def test_market_buy_pays_the_fee_in_the_coin_it_receives() -> None:
    desk = a_desk()

    desk.buy("0.1")

    assert desk.balance("USDT").free == d("4000")
    assert desk.balance("BTC").free == d("0.0999")


def test_market_sell_pays_the_fee_in_quote() -> None:
    desk = a_desk(BTC="0.0999", USDT="0")

    desk.sell("0.0999")

    # 5994 - 5.994
    assert desk.balance("USDT").free == d("5988.006")
    assert desk.balance("BTC").free == 0


def test_fee_is_cut_at_eight_decimals() -> None:
    desk = a_desk()

    desk.move("60000.03")
    desk.buy("0.00123")
    desk.sell("0.00121")

    # 0.00121 * 60000.03 = 72.6000363; 0.1 % = 0.0726000363
    assert [trade.fee for trade in desk.journal.trades] == [d("0.00000123"), d("0.07260003")]


def test_limit_order_locks_its_cost_and_cancel_gives_it_back() -> None:
    desk = a_desk()

    order = desk.buy("0.1", "50000")
    locked = (desk.balance("USDT").free, desk.balance("USDT").locked)
    desk.cancel(order)

    assert locked == (d("5000"), d("5000"))
    assert (desk.balance("USDT").free, desk.balance("USDT").locked) == (d("10000"), d("0"))
    assert order.status is OrderStatus.CANCELED


def test_limit_order_above_the_ask_trades_at_the_ask() -> None:
    desk = a_desk()

    order = desk.buy("0.1", "61000")

    assert (order.status, order.average_price) == (OrderStatus.FILLED, d("60000"))
    assert (desk.balance("USDT").free, desk.balance("USDT").locked) == (d("4000"), d("0"))


def test_order_filled_in_parts_releases_its_lock_part_by_part() -> None:
    desk = a_desk()
    order = desk.buy("0.1", "50000")

    part = Execution(d("50000"), d("0.04"), is_maker=True)
    desk.matcher.execute(desk.account, order, part, journal=desk.journal, now=2)

    assert (order.status, order.remaining) == (OrderStatus.PARTIALLY_FILLED, d("0.06"))
    assert desk.balance("USDT").locked == d("3000")
    desk.cancel(order)
    assert (desk.balance("USDT").free, desk.balance("USDT").locked) == (d("8000"), d("0"))
    assert desk.balance("BTC").free == d("0.03996")


@pytest.mark.parametrize(
    ("quantity", "limit_price", "message"),
    [
        ("0.000015", "0", "Filter failure: LOT_SIZE"),
        ("0", "0", "Filter failure: LOT_SIZE"),
        ("901", "0", "Filter failure: MARKET_LOT_SIZE"),
        ("0.001", "60000.001", "Filter failure: PRICE_FILTER"),
        ("0.001", "400000", "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ("0.00008", "0", "Filter failure: NOTIONAL"),
        ("0.2", "0", "Account has insufficient balance for requested action."),
    ],
)
def test_refusals_name_the_filter_and_change_nothing(
    quantity: str, limit_price: str, message: str
) -> None:
    desk = a_desk()

    with pytest.raises(Refusal, match=message):
        desk.buy(quantity, limit_price)

    assert desk.journal.entries == []
    assert desk.balance("USDT").free == d("10000")


def test_post_only_order_that_would_take_is_refused() -> None:
    with pytest.raises(Refusal, match="immediately match"):
        a_desk().buy("0.01", "60000", order_type=OrderType.LIMIT_MAKER)


actions = st.tuples(
    st.sampled_from(["buy", "sell", "buy limit", "sell limit", "ioc", "cancel", "move"]),
    st.integers(1, 5000),
    st.integers(30000, 90000),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(actions, max_size=30))
def test_coins_are_conserved_whatever_is_done(steps: list[tuple[str, int, int]]) -> None:
    desk = a_desk(USDT="10000", BTC="0.5")

    for what, size, price in steps:
        act(desk, what, str(Decimal(size) / 100_000), str(price))

    quote, base = Decimal(10000), Decimal("0.5")
    for trade in desk.journal.trades:
        sign = 1 if trade.side.value == "buy" else -1
        quote -= sign * trade.quote_quantity + (trade.fee if trade.fee_asset == "USDT" else 0)
        base += sign * trade.quantity - (trade.fee if trade.fee_asset == "BTC" else 0)
    assert (desk.balance("USDT").total, desk.balance("BTC").total) == (quote, base)
    for asset in ("USDT", "BTC"):
        assert min(desk.balance(asset).free, desk.balance(asset).locked) >= 0


def act(desk: Desk, what: str, quantity: str, price: str) -> None:
    orders = list(desk.account.orders.values())
    try:
        match what:
            case "move":
                desk.move(price)
            case "cancel" if orders:
                desk.cancel(orders[0])
            case "ioc":
                desk.buy(quantity, price, time_in_force=TimeInForce.IOC)
            case "buy" | "sell":
                getattr(desk, what)(quantity)
            case "buy limit" | "sell limit":
                side = what.partition(" ")[0]
                client_order_id = str(len(desk.journal.entries))
                getattr(desk, side)(quantity, price, client_order_id=client_order_id)
    except Refusal:
        pass
