"""What rests at a venue to protect a position: placed, found, fired, cancelled, listed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.core.errors import InsufficientFunds, OrderNotFound, OrderRefused, OutcomeUnknown
from app.core.ids import new_client_order_id
from app.exchanges.venue import OrderReport, OrderRequest, VenueStatus
from app.trading.words import Side, TriggerBy
from tests.contract.stages import BEFORE, Stage

HALF = Decimal("0.005")


async def _held(stage: Stage) -> None:
    """Buy 0.01 BTC; on spot a thousandth of it is the fee."""
    await stage.venue.place(stage.order())


def _sized(stage: Stage, order: OrderRequest) -> OrderRequest:
    return replace(order, quantity=Decimal("0.009") if stage.is_spot else Decimal("0.01"))


async def _found(stage: Stage, order: OrderRequest) -> OrderReport:
    return await stage.venue.find_order(stage.symbol, order.client_order_id, is_conditional=True)


async def test_a_stop_rests_and_reads_back_as_asked(stage: Stage) -> None:
    await _held(stage)
    stop = _sized(stage, stage.stop(58000))

    placed = await stage.venue.place(stop)

    assert (placed.client_order_id, placed.status) == (stop.client_order_id, VenueStatus.OPEN)
    assert (placed.quantity, placed.trigger_price) == (stop.quantity, Decimal(58000))
    assert (placed.side, placed.triggered_order_id) == (Side.SELL, None)
    assert await _found(stage, stop) == placed
    assert await stage.venue.open_orders(stage.symbol) == [placed]


async def test_a_stop_fires_when_its_price_is_reached_and_sells(stage: Stage) -> None:
    await _held(stage)
    stop = _sized(stage, stage.stop(58000))
    placed = await stage.venue.place(stop)

    await stage.set_price(Decimal(57900))

    found = await _found(stage, stop)
    assert (found.status, found.filled_quantity) == (VenueStatus.FILLED, stop.quantity)
    assert (found.average_price, found.trigger_price) == (Decimal(57900), Decimal(58000))
    assert found.exchange_order_id == placed.exchange_order_id
    (fill,) = await stage.venue.fills(stage.symbol, found.executing_order_id, BEFORE)
    assert (fill.side, fill.quantity, fill.price) == (Side.SELL, stop.quantity, Decimal(57900))
    assert await stage.venue.open_orders(stage.symbol) == []


async def test_a_fired_stop_is_a_new_order_on_contracts(linear: Stage) -> None:
    await _held(linear)
    stop = linear.stop(58000)
    await linear.venue.place(stop)
    await linear.set_price(Decimal(58000))

    found = await _found(linear, stop)

    assert found.triggered_order_id not in {None, found.exchange_order_id}
    child = await linear.venue.find_foreign(linear.symbol, found.executing_order_id)
    assert (child.exchange_order_id, child.status) == (
        found.triggered_order_id,
        VenueStatus.FILLED,
    )
    assert await linear.venue.positions() == []


async def test_a_fired_stop_stays_the_same_order_on_spot(spot: Stage) -> None:
    await _held(spot)
    stop = _sized(spot, spot.stop(58000))
    await spot.venue.place(stop)
    await spot.set_price(Decimal(58000))

    found = await _found(spot, stop)

    assert (found.status, found.triggered_order_id) == (VenueStatus.FILLED, None)


@pytest.mark.parametrize(("side", "way"), [(Side.BUY, 1), (Side.SELL, -1)])
async def test_stop_and_target_of_either_side_wait_on_their_own_side_of_the_price(
    linear: Stage, side: Side, way: int
) -> None:
    exit_side = side.opposite
    await linear.venue.place(linear.order(side, "0.02"))
    stop = linear.stop(60000 - 1000 * way, exit_side)
    target = linear.target(60000 + 1000 * way, exit_side)
    for order in (stop, target):
        await linear.venue.place(order)

    await linear.set_price(Decimal(60000 + 1500 * way))

    assert (await _found(linear, target)).status is VenueStatus.FILLED
    assert (await _found(linear, stop)).status is VenueStatus.OPEN
    (left,) = await linear.venue.positions()
    assert left.quantity == Decimal("0.01")


async def test_a_stop_by_mark_waits_for_the_mark(linear: Stage) -> None:
    await _held(linear)
    stop = linear.stop(58000)
    assert stop.trigger is not None
    by_mark = replace(stop, trigger=replace(stop.trigger, by=TriggerBy.MARK))

    placed = await linear.venue.place(by_mark)
    await linear.set_price(Decimal(57000))

    assert placed.trigger_price == 58000
    assert (await _found(linear, by_mark)).status is VenueStatus.FILLED


async def test_looking_in_the_wrong_place_finds_nothing_on_contracts(linear: Stage) -> None:
    await _held(linear)
    stop = linear.stop(58000)
    await linear.venue.place(stop)

    with pytest.raises(OrderNotFound):
        await linear.venue.find_order(linear.symbol, stop.client_order_id)
    with pytest.raises(OrderNotFound):
        await linear.venue.cancel(linear.symbol, stop.client_order_id)

    assert (await _found(linear, stop)).status is VenueStatus.OPEN


async def test_a_stop_that_never_was_is_not_found(stage: Stage) -> None:
    with pytest.raises(OrderNotFound):
        await _found(stage, stage.stop(58000))


async def test_a_cancelled_stop_does_not_fire(stage: Stage) -> None:
    await _held(stage)
    stop = _sized(stage, stage.stop(58000))
    await stage.venue.place(stop)

    await stage.venue.cancel(stage.symbol, stop.client_order_id, is_conditional=True)
    await stage.set_price(Decimal(57000))

    assert (await _found(stage, stop)).status is VenueStatus.CANCELED
    assert len(await stage.venue.trades(stage.symbol, BEFORE)) == 1
    with pytest.raises(OrderNotFound):
        await stage.venue.cancel(stage.symbol, stop.client_order_id, is_conditional=True)


@pytest.mark.parametrize("price", [60000, 60500])
async def test_a_stop_behind_the_market_is_refused_by_name(stage: Stage, price: int) -> None:
    await _held(stage)

    with pytest.raises(OrderRefused) as caught:
        await stage.venue.place(_sized(stage, stage.stop(price)))

    assert caught.value.code == "would_trigger_at_once"
    assert await stage.venue.open_orders(stage.symbol) == []


async def test_a_stop_off_the_tick_is_refused(stage: Stage) -> None:
    stop = stage.stop(58000)
    assert stop.trigger is not None
    price = Decimal("58000.001")

    with pytest.raises(OrderRefused):
        await stage.venue.place(replace(stop, trigger=replace(stop.trigger, price=price)))


async def test_the_id_of_a_resting_stop_is_taken(stage: Stage) -> None:
    await stage.venue.place(stage.order(quantity="0.02"))
    stop = stage.stop(58000, quantity=HALF)
    await stage.venue.place(stop)

    with pytest.raises(OutcomeUnknown) as caught:
        await stage.venue.place(stop)

    assert caught.value.code == "duplicate_client_order_id"


async def test_reducing_what_is_not_held_is_refused_by_name(linear: Stage) -> None:
    with pytest.raises(OrderRefused) as caught:
        await linear.venue.place(linear.order(Side.SELL, reduce_only=True))

    assert caught.value.code == "reduce_only_rejected"


async def test_a_stop_without_a_position_expires_at_its_price(linear: Stage) -> None:
    await _held(linear)
    stop = linear.stop(58000)
    await linear.venue.place(stop)
    await linear.act("close")

    await linear.set_price(Decimal(57000))

    assert (await _found(linear, stop)).status is VenueStatus.EXPIRED


async def test_open_orders_are_plain_and_conditional_ones(stage: Stage) -> None:
    await stage.venue.place(stage.order(quantity="0.02"))
    limit = stage.limit(55000, quantity=HALF)
    stop = stage.stop(58000, quantity=HALF)
    for order in (limit, stop):
        await stage.venue.place(order)

    found = {row.client_order_id: row for row in await stage.venue.open_orders(stage.symbol)}

    assert found.keys() == {limit.client_order_id, stop.client_order_id}
    assert found[stop.client_order_id].trigger_price == 58000
    assert found[limit.client_order_id].trigger_price is None


async def test_a_resting_stop_locks_coins_on_spot(spot: Stage) -> None:
    assert spot.venue.abilities.locks_coins
    await _held(spot)
    await spot.venue.place(_sized(spot, spot.stop(58000)))

    rows = {row.asset: row for row in await spot.venue.balances()}

    assert (rows["BTC"].free, rows["BTC"].locked) == (Decimal("0.00099"), Decimal("0.009"))
    with pytest.raises(InsufficientFunds):
        await spot.venue.place(_sized(spot, spot.target(62000)))


async def _pair(spot: Stage) -> tuple[OrderRequest, OrderRequest]:
    await _held(spot)
    stop, target = _sized(spot, spot.stop(58000)), _sized(spot, spot.target(62000))
    reports = await spot.venue.place_pair(new_client_order_id(), stop=stop, target=target)
    asked = [(leg.client_order_id, leg.trigger and leg.trigger.price) for leg in (stop, target)]
    assert [(row.client_order_id, row.trigger_price) for row in reports] == asked
    assert {row.status for row in reports} == {VenueStatus.OPEN}
    return stop, target


@pytest.mark.parametrize(("price", "fired"), [(57900, "stop"), (62100, "target")])
async def test_of_a_pair_the_first_to_fire_ends_the_other(
    spot: Stage, price: int, fired: str
) -> None:
    stop, target = await _pair(spot)

    await spot.set_price(Decimal(price))

    first, other = (stop, target) if fired == "stop" else (target, stop)
    assert (await _found(spot, first)).status is VenueStatus.FILLED
    assert (await _found(spot, other)).status is VenueStatus.EXPIRED
    assert await spot.venue.open_orders(spot.symbol) == []


async def test_a_pair_locks_its_coins_once_and_one_cancel_frees_them(spot: Stage) -> None:
    stop, target = await _pair(spot)
    locked = {row.asset: row.locked for row in await spot.venue.balances()}["BTC"]

    await spot.venue.cancel(spot.symbol, target.client_order_id, is_conditional=True)

    assert locked == Decimal("0.009")
    assert {row.asset: row.locked for row in await spot.venue.balances()}["BTC"] == 0
    assert (await _found(spot, stop)).status is VenueStatus.CANCELED


async def test_a_pair_for_a_buy_is_mirrored(spot: Stage) -> None:
    stop = spot.stop(62000, Side.BUY)
    target = spot.target(58000, Side.BUY)
    await spot.venue.place_pair(new_client_order_id(), stop=stop, target=target)

    await spot.set_price(Decimal(58000))

    assert (await _found(spot, target)).status is VenueStatus.FILLED
    assert (await _found(spot, stop)).status is VenueStatus.EXPIRED


async def test_a_pair_with_the_market_outside_is_refused_by_name(spot: Stage) -> None:
    await _held(spot)
    await spot.set_price(Decimal(57000))
    stop, target = _sized(spot, spot.stop(58000)), _sized(spot, spot.target(62000))

    with pytest.raises(OrderRefused) as caught:
        await spot.venue.place_pair(new_client_order_id(), stop=stop, target=target)

    assert caught.value.code == "would_trigger_at_once"
    assert await spot.venue.open_orders(spot.symbol) == []


async def test_there_are_no_pairs_on_contracts(linear: Stage) -> None:
    assert not linear.venue.abilities.pairs
    await _held(linear)

    with pytest.raises(OrderRefused) as caught:
        await linear.venue.place_pair(
            new_client_order_id(), stop=linear.stop(58000), target=linear.target(62000)
        )

    assert caught.value.code == "conditional_not_taken"
