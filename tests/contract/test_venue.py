"""What every venue promises, asked of the fake and of the ccxt adapter on the paper exchange."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest

from app.core.errors import InsufficientFunds, OrderNotFound, OrderRefused, OutcomeUnknown
from app.core.ids import new_client_order_id
from app.exchanges.venue import VenueStatus
from app.trading.words import MarginMode, PositionSide, Side, TimeInForce
from tests.contract.stages import BEFORE, PRICE, Stage


async def test_instruments_are_of_that_market_alone(stage: Stage) -> None:
    instruments = await stage.market.instruments()

    assert {row.market_type for row in instruments.values()} == {stage.market_type}
    instrument = instruments[stage.symbol]
    assert (instrument.base, instrument.quote, instrument.settle) == ("BTC", "USDT", "USDT")
    assert instrument.quantity_step in {Decimal("0.001"), Decimal("0.00001")}
    assert instrument.min_notional >= 5
    assert instrument.is_active


async def test_quote_has_a_mark_on_contracts_only(stage: Stage) -> None:
    quote = await stage.market.quote(stage.symbol)

    assert (quote.bid, quote.ask, quote.last) == (PRICE, PRICE, PRICE)
    assert quote.mark == (None if stage.is_spot else PRICE)


async def test_quote_when_the_symbol_is_unknown_then_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefused):
        await stage.market.quote("NOPE/USDT")


async def test_place_when_market_then_filled_and_found_again_by_both_ids(stage: Stage) -> None:
    request = stage.order()

    placed = await stage.venue.place(request)

    assert placed.status is VenueStatus.FILLED
    assert placed.client_order_id == request.client_order_id
    assert (placed.quantity, placed.filled_quantity) == (Decimal("0.01"), Decimal("0.01"))
    assert placed.average_price == PRICE
    found = await stage.venue.find_order(stage.symbol, request.client_order_id)
    assert replace(found, fills=()) == replace(placed, fills=())
    (fill,) = await stage.venue.fills(stage.symbol, placed.exchange_order_id, BEFORE)
    assert (fill.price, fill.quantity, fill.side) == (PRICE, Decimal("0.01"), Side.BUY)
    assert fill.fee > 0
    assert fill.fee_asset == ("BTC" if stage.is_spot else "USDT")


async def test_place_on_spot_carries_the_same_fills_that_are_asked_for_later(spot: Stage) -> None:
    placed = await spot.venue.place(spot.order())

    later = await spot.venue.fills(spot.symbol, placed.exchange_order_id, BEFORE)

    assert [replace(fill, executed_at=BEFORE) for fill in placed.fills] == [
        replace(fill, executed_at=BEFORE) for fill in later
    ]


async def test_place_when_the_limit_is_away_then_it_rests_until_cancelled(stage: Stage) -> None:
    request = stage.limit(59000)

    placed = await stage.venue.place(request)

    assert (placed.status, placed.filled_quantity) == (VenueStatus.OPEN, Decimal(0))
    assert placed.average_price is None
    (resting,) = await stage.venue.open_orders(stage.symbol)
    assert resting == placed
    await stage.venue.cancel(stage.symbol, request.client_order_id)
    found = await stage.venue.find_order(stage.symbol, request.client_order_id)
    assert found.status is VenueStatus.CANCELED
    assert await stage.venue.open_orders(stage.symbol) == []


async def test_cancel_when_it_has_ended_then_not_found(stage: Stage) -> None:
    request = stage.order()
    await stage.venue.place(request)

    with pytest.raises(OrderNotFound):
        await stage.venue.cancel(stage.symbol, request.client_order_id)


async def test_find_order_when_it_never_was_then_not_found(stage: Stage) -> None:
    with pytest.raises(OrderNotFound):
        await stage.venue.find_order(stage.symbol, new_client_order_id())


async def test_a_resting_limit_fills_at_its_own_price(stage: Stage) -> None:
    request = stage.limit(59000)
    await stage.venue.place(request)

    await stage.set_price(Decimal(58500))

    found = await stage.venue.find_order(stage.symbol, request.client_order_id)
    assert (found.status, found.average_price) == (VenueStatus.FILLED, Decimal(59000))


async def test_place_when_the_id_is_open_already_then_look_it_up(stage: Stage) -> None:
    request = stage.limit(59000)
    await stage.venue.place(request)

    with pytest.raises(OutcomeUnknown) as caught:
        await stage.venue.place(request)

    assert caught.value.code == "duplicate_client_order_id"
    assert len(await stage.venue.open_orders(stage.symbol)) == 1


@pytest.mark.parametrize("quantity", ["0.0000001", "0.0000123", "0.0010000001"])
async def test_place_when_it_is_not_on_the_lot_then_refused(stage: Stage, quantity: str) -> None:
    with pytest.raises(OrderRefused):
        await stage.venue.place(stage.order(quantity=quantity))


async def test_place_when_it_is_not_on_the_tick_then_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefused):
        await stage.venue.place(stage.limit(59000, limit_price=Decimal("59000.001")))


async def test_place_when_below_the_smallest_notional_then_refused(stage: Stage) -> None:
    # 0.001 BTC at 1,000 is 1 USDT: below 5 on spot and 50 on contracts.
    await stage.set_price(Decimal(1000))

    with pytest.raises(OrderRefused):
        await stage.venue.place(stage.order(quantity="0.001"))


async def test_place_when_it_cannot_be_paid_then_insufficient_funds(stage: Stage) -> None:
    with pytest.raises(InsufficientFunds):
        await stage.venue.place(stage.order(quantity="9"))


async def test_place_when_ioc_is_away_then_it_expires_unfilled(stage: Stage) -> None:
    request = stage.limit(59000, time_in_force=TimeInForce.IOC)

    placed = await stage.venue.place(request)

    assert (placed.status, placed.filled_quantity) == (VenueStatus.EXPIRED, Decimal(0))


async def test_place_when_post_only_would_take_then_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefused):
        await stage.venue.place(stage.limit(61000, time_in_force=TimeInForce.POST_ONLY))


async def test_balances_on_spot_after_a_buy_hold_the_coin_less_its_fee(spot: Stage) -> None:
    # 0.01 x 60,000 = 600 USDT; fee 0.1 % of 0.01 BTC.
    await spot.venue.place(spot.order())

    rows = {row.asset: row for row in await spot.venue.balances()}

    assert rows["BTC"].free == Decimal("0.00999")
    assert (rows["USDT"].free, rows["USDT"].locked) == (Decimal(9400), Decimal(0))


async def test_balances_on_spot_lock_what_a_resting_order_needs(spot: Stage) -> None:
    await spot.venue.place(spot.limit(59000))

    (row,) = await spot.venue.balances()

    assert (row.free, row.locked) == (Decimal(9410), Decimal(590))


async def test_sell_on_spot_of_coins_not_held_then_insufficient_funds(spot: Stage) -> None:
    with pytest.raises(InsufficientFunds):
        await spot.venue.place(spot.order(Side.SELL))


async def test_balances_on_contracts_add_up_to_the_margin_balance(linear: Stage) -> None:
    placed = await linear.venue.place(linear.order(quantity="0.1"))
    (fill,) = await linear.venue.fills(linear.symbol, placed.exchange_order_id, BEFORE)

    await linear.set_price(Decimal(61000))

    (row,) = await linear.venue.balances()
    # 0.1 x (61,000 - 60,000) = 100 USDT of unrealised profit.
    assert row.free + row.locked == 10100 - fill.fee
    assert row.locked > 0


@pytest.mark.parametrize(
    ("side", "position_side", "profit"),
    [(Side.BUY, PositionSide.LONG, 100), (Side.SELL, PositionSide.SHORT, -100)],
)
async def test_positions_say_side_size_entry_and_profit(
    linear: Stage, side: Side, position_side: PositionSide, profit: int
) -> None:
    await linear.venue.place(linear.order(side, "0.1"))
    await linear.set_price(Decimal(61000))

    (position,) = await linear.venue.positions()

    assert (position.symbol, position.position_side) == (linear.symbol, position_side)
    assert (position.quantity, position.entry_price) == (Decimal("0.1"), PRICE)
    assert position.unrealized_pnl == profit
    assert position.mark_price == 61000


async def test_reduce_only_shrinks_and_never_opens(linear: Stage) -> None:
    await linear.venue.place(linear.order(quantity="0.1"))

    await linear.venue.place(linear.order(Side.SELL, "0.04", reduce_only=True))
    (left,) = await linear.venue.positions()
    await linear.venue.place(linear.order(Side.SELL, "0.06", reduce_only=True))

    assert left.quantity == Decimal("0.06")
    assert await linear.venue.positions() == []
    with pytest.raises(OrderRefused):
        await linear.venue.place(linear.order(Side.SELL, "0.01", reduce_only=True))


async def test_reduce_only_is_not_sent_on_spot(spot: Stage) -> None:
    placed = await spot.venue.place(spot.order(reduce_only=True))

    assert placed.status is VenueStatus.FILLED


async def test_positions_on_spot_are_none(spot: Stage) -> None:
    await spot.venue.place(spot.order())

    assert await spot.venue.positions() == []


async def test_prepare_may_be_repeated_and_is_refused_once_a_position_is_open(
    linear: Stage,
) -> None:
    await linear.venue.prepare(linear.symbol, leverage=3, margin_mode=MarginMode.ISOLATED)
    await linear.venue.prepare(linear.symbol, leverage=3, margin_mode=MarginMode.ISOLATED)
    await linear.venue.place(linear.order(quantity="0.1"))
    await linear.venue.prepare(linear.symbol, leverage=3, margin_mode=MarginMode.ISOLATED)

    with pytest.raises(OrderRefused):
        await linear.venue.prepare(linear.symbol, leverage=3, margin_mode=MarginMode.CROSS)


async def test_prepare_changes_what_an_order_may_cost(linear: Stage) -> None:
    await linear.venue.prepare(linear.symbol, leverage=1, margin_mode=MarginMode.ISOLATED)

    with pytest.raises(InsufficientFunds):
        await linear.venue.place(linear.order(quantity="0.2"))


async def test_prepare_on_spot_does_nothing(spot: Stage) -> None:
    await spot.venue.prepare(spot.symbol, leverage=3, margin_mode=MarginMode.ISOLATED)


async def test_is_one_way(stage: Stage) -> None:
    assert await stage.venue.is_one_way()


async def test_stream_tells_the_price_and_every_change_of_it(stage: Stage) -> None:
    async with asyncio.timeout(5), aclosing(stage.market.stream(stage.symbol)) as quotes:
        first = await anext(quotes)
        await stage.set_price(Decimal(61000))
        async for quote in quotes:
            if quote.fair == quote.last == quote.bid == 61000:
                break

    assert first.fair == PRICE
    assert quote.ask == 61000


async def test_stream_may_be_closed_and_opened_again(stage: Stage) -> None:
    for _ in range(2):
        async with asyncio.timeout(5), aclosing(stage.market.stream(stage.symbol)) as quotes:
            assert (await anext(quotes)).fair == PRICE


async def test_stream_when_the_symbol_is_unknown_then_refused(stage: Stage) -> None:
    with pytest.raises(OrderRefused):
        async with aclosing(stage.market.stream("NOPE/USDT")) as quotes:
            await anext(quotes)
