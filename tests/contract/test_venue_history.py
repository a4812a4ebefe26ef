"""What a venue knows of the past, whoever made it: trades, strangers' orders, funding."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.core.clock import SystemClock
from app.core.errors import OrderNotFound
from app.exchanges.venue import VenueStatus
from app.trading.words import Side
from tests.contract.stages import BEFORE, Stage


async def test_trades_are_all_of_the_account_oldest_first(stage: Stage) -> None:
    placed = await stage.venue.place(stage.order(quantity="0.02"))
    stop = stage.stop(58000, quantity=Decimal("0.01"))
    await stage.venue.place(stop)
    await stage.set_price(Decimal(57900))
    await stage.act("add")

    trades = await stage.venue.trades(stage.symbol, BEFORE)

    found = await stage.venue.find_order(stage.symbol, stop.client_order_id, is_conditional=True)
    assert [(row.side, row.price) for row in trades] == [
        (Side.BUY, Decimal(60000)),
        (Side.SELL, Decimal(57900)),
        (Side.BUY, Decimal(57900)),
    ]
    ours = [placed.exchange_order_id, found.executing_order_id]
    assert [row.exchange_order_id for row in trades[:2]] == ours
    assert len({row.exchange_trade_id for row in trades}) == 3


async def test_trades_before_the_moment_are_left_out(stage: Stage) -> None:
    await stage.venue.place(stage.order())

    later = SystemClock().now() + timedelta(seconds=1)

    assert await stage.venue.trades(stage.symbol, later) == []
    assert len(await stage.venue.trades(stage.symbol, later - timedelta(seconds=30))) == 1


async def test_an_order_by_hand_is_found_by_its_number(stage: Stage) -> None:
    await stage.act("add")
    (trade,) = await stage.venue.trades(stage.symbol, BEFORE)

    order = await stage.venue.find_foreign(stage.symbol, trade.exchange_order_id)

    assert (order.status, order.side) == (VenueStatus.FILLED, Side.BUY)
    assert (order.quantity, order.average_price) == (Decimal("0.01"), Decimal(60000))
    assert order.client_order_id
    assert not order.client_order_id.startswith("autoclose-")


async def test_a_liquidation_is_the_venues_own_order(linear: Stage) -> None:
    await linear.venue.place(linear.order())
    await linear.act("liquidate")
    trade = (await linear.venue.trades(linear.symbol, BEFORE))[-1]

    order = await linear.venue.find_foreign(linear.symbol, trade.exchange_order_id)

    assert order.client_order_id.startswith("autoclose-")
    assert (order.side, order.filled_quantity) == (Side.SELL, Decimal("0.01"))
    assert await linear.venue.positions() == []


async def test_a_number_that_nobody_has_is_not_found(stage: Stage) -> None:
    with pytest.raises(OrderNotFound):
        await stage.venue.find_foreign(stage.symbol, "987654321")


async def test_a_position_closed_by_hand_leaves_its_trade(linear: Stage) -> None:
    await linear.venue.place(linear.order())

    await linear.act("close")

    assert await linear.venue.positions() == []
    _, closing = await linear.venue.trades(linear.symbol, BEFORE)
    assert (closing.side, closing.quantity) == (Side.SELL, Decimal("0.01"))


async def test_funding_is_listed_once_with_an_id_of_its_own(linear: Stage) -> None:
    await linear.venue.place(linear.order())
    # A long of 600 USDT at a rate of 0.001 pays 0.6.
    await linear.act("pay_funding")
    await linear.act("pay_funding")

    first, second = await linear.venue.funding(BEFORE)

    assert (first.symbol, first.amount, first.asset) == (linear.symbol, Decimal("-0.6"), "USDT")
    assert first.venue_id != second.venue_id
    assert first.paid_at <= second.paid_at
    assert await linear.venue.funding(SystemClock().now() + timedelta(seconds=1)) == []


async def test_there_is_no_funding_on_spot(spot: Stage) -> None:
    assert await spot.venue.funding(BEFORE) == []
