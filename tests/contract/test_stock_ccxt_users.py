"""User data through stock ccxt.pro: orders, trades, balances, positions, and their faults."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import pytest_asyncio

from tests.contract.paper_venue import PaperVenue, running
from tests.contract.stock_clients import clients

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPOT, LINEAR = "BTC/USDT", "BTC/USDT:USDT"
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("users")) as running_venue:
        yield running_venue


@pytest_asyncio.fixture(loop_scope="module")
async def stock(venue: PaperVenue) -> AsyncIterator[Any]:
    await venue.price("BTCUSDT", "60000")
    async with clients(venue, await venue.open_account()) as both:
        yield both
    await venue.clear_faults()


@pytest_asyncio.fixture(loop_scope="module")
async def spot(stock: Any) -> Any:
    return stock[0]


@pytest_asyncio.fixture(loop_scope="module")
async def linear(stock: Any) -> Any:
    return stock[1]


async def _watching(watch: Any, *arguments: Any) -> "asyncio.Task[Any]":
    """A watch that has subscribed: what happens from now on reaches it."""
    task = asyncio.create_task(watch(*arguments))
    await asyncio.sleep(0.15)
    return task


async def _told(task: "asyncio.Task[Any]") -> Any:
    return await asyncio.wait_for(task, 3)


async def _events(venue: PaperVenue, after: int = 0) -> list[dict[str, Any]]:
    items = await venue.ledger(after)
    return [i for i in items if i["kind"] == "event" and i["event"] == "user_event"]


async def test_spot_order_and_trade(spot: Any) -> None:
    orders = await _watching(spot.watch_orders, SPOT)
    trades = await _watching(spot.watch_my_trades, SPOT)
    await spot.create_order(SPOT, "market", "buy", "0.01", None, {"clientOrderId": "sbuser"})
    order, trade = (await _told(orders))[-1], (await _told(trades))[-1]

    assert (order["clientOrderId"], order["symbol"]) == ("sbuser", SPOT)
    assert (trade["side"], D(trade["amount"]), D(trade["price"])) == ("buy", D("0.01"), D(60000))
    assert (trade["fee"]["currency"], D(trade["fee"]["cost"])) == ("BTC", D("0.00001"))
    assert trade["takerOrMaker"] == "taker"


async def test_spot_balance(spot: Any) -> None:
    balance = await _watching(spot.watch_balance)
    await spot.create_order(SPOT, "limit", "buy", "0.1", "50000")
    told = await _told(balance)

    assert (D(told["free"]["USDT"]), D(told["used"]["USDT"])) == (D(5000), D(5000))


async def test_spot_cancel_keeps_the_clients_own_id(spot: Any) -> None:
    params = {"clientOrderId": "sbcancel"}
    await spot.create_order(SPOT, "limit", "buy", "0.1", "50000", params)
    orders = await _watching(spot.watch_orders, SPOT)
    await spot.cancel_order(None, SPOT, params)
    order = (await _told(orders))[-1]

    assert (order["clientOrderId"], order["status"]) == ("sbcancel", "canceled")


async def test_linear_order_trade_balance_and_position(linear: Any) -> None:
    watching = [
        await _watching(watch, *arguments)
        for watch, arguments in (
            (linear.watch_orders, (LINEAR,)),
            (linear.watch_my_trades, (LINEAR,)),
            (linear.watch_balance, ()),
        )
    ]
    await _watching(linear.watch_positions, [LINEAR])
    positions = await _watching(linear.watch_positions, [LINEAR])
    await linear.create_order(LINEAR, "market", "buy", "0.01", None, {"clientOrderId": "sbuser"})
    orders, trades, balance = [await _told(task) for task in watching]
    position = (await _told(positions))[-1]

    assert orders[-1]["clientOrderId"] == "sbuser"
    assert (D(trades[-1]["amount"]), D(trades[-1]["fee"]["cost"])) == (D("0.01"), D("0.3"))
    assert D(balance["total"]["USDT"]) == D("9999.7")
    assert (position["side"], D(str(position["contracts"]))) == ("long", D("0.01"))


async def test_conditional_order_is_told_step_by_step(linear: Any, venue: PaperVenue) -> None:
    orders = await _watching(linear.watch_orders, LINEAR)
    start = (await venue.ledger())[-1]["seq"]
    await linear.create_order(LINEAR, "market", "buy", "0.01")
    stop = {"stopLossPrice": "58000", "clientOrderId": "sbstop", "reduceOnly": True}
    await linear.create_order(LINEAR, "market", "sell", "0.01", None, stop)
    await venue.price("BTCUSDT", "57000")
    await _told(orders)
    told = [e["frame"]["o"] for e in await _events(venue, start) if "ALGO_UPDATE" in e["names"]]
    states = [(o["X"], bool(o["ai"])) for o in told]

    assert states == [
        ("NEW", False),
        ("TRIGGERING", False),
        ("TRIGGERED", True),
        ("FINISHED", True),
    ]


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("duplicate_event", 2), ("missing_event", 0), ("late_event", 1), ("stale_event", 1)],
)
async def test_fill_events_may_come_twice_or_never(
    spot: Any, venue: PaperVenue, verb: str, expected: int
) -> None:
    frames: list[Any] = []
    spot.handle_my_trade = lambda _client, message: frames.append(message)
    orders = await _watching(spot.watch_orders, SPOT)
    await venue.fault(verb, event="TRADE", client_id_prefix="sb")
    await spot.create_order(SPOT, "market", "buy", "0.01", None, {"clientOrderId": "sbuser"})
    await _told(orders)
    await asyncio.sleep(1.2 if verb == "late_event" else 0.2)

    assert [frame["x"] for frame in frames].count("TRADE") == expected
    assert len(await spot.fetch_my_trades(SPOT)) == 1


async def test_events_may_come_in_another_order(spot: Any, venue: PaperVenue) -> None:
    seen: list[str] = []
    spot.handle_order_update = lambda _client, message: seen.append(message["x"])
    task = await _watching(spot.watch_orders, SPOT)
    await venue.fault("out_of_order_events", event="NEW")
    await spot.create_order(SPOT, "market", "buy", "0.01")
    await asyncio.sleep(0.2)
    task.cancel()

    assert seen == ["TRADE", "NEW"]


async def test_silent_stream_says_nothing_and_stays_open(spot: Any, venue: PaperVenue) -> None:
    orders = await _watching(spot.watch_orders, SPOT)
    await venue.fault("silent_stream", route="stream.user")
    await spot.create_order(SPOT, "market", "buy", "0.01")
    await asyncio.sleep(0.2)
    is_waiting = not orders.done()
    await venue.clear_faults()
    await spot.create_order(SPOT, "market", "buy", "0.01", None, {"clientOrderId": "sbheard"})

    assert is_waiting
    assert (await _told(orders))[-1]["clientOrderId"] == "sbheard"


@pytest.mark.parametrize("verb", ["drop_stream", "refuse_stream"])
async def test_dropped_stream_raises_and_comes_back(
    linear: Any, venue: PaperVenue, verb: str
) -> None:
    orders = await _watching(linear.watch_orders, LINEAR)
    done = await venue.fault(verb, route="stream.user", market="linear")
    with pytest.raises(ccxt.NetworkError):
        await _told(orders)
    await venue.clear_faults()
    orders = await _watching(linear.watch_orders, LINEAR)
    await linear.create_order(LINEAR, "market", "buy", "0.01", None, {"clientOrderId": "sbback"})

    assert done["done"] == ["1 connections cut"]
    assert (await _told(orders))[-1]["clientOrderId"] == "sbback"


async def test_half_open_stream_answers_nobody(spot: Any, venue: PaperVenue) -> None:
    await venue.fault("half_open_stream", seconds="0.4")
    subscribing = asyncio.create_task(spot.watch_orders(SPOT))
    await asyncio.sleep(0.3)

    assert not subscribing.done()
    subscribing.cancel()


async def test_stale_stream_repeats_itself(spot: Any, venue: PaperVenue) -> None:
    await spot.watch_bids_asks([SPOT])
    await venue.fault("stale_stream", route="stream.market")
    await asyncio.wait_for(spot.watch_bids_asks([SPOT]), 3)
    await venue.price("BTCUSDT", "61000")
    stale = (await asyncio.wait_for(spot.watch_bids_asks([SPOT]), 3))[SPOT]
    await venue.clear_faults()
    await venue.price("BTCUSDT", "61000")
    while (fresh := (await spot.watch_bids_asks([SPOT]))[SPOT])["bid"] == stale["bid"]:
        pass

    assert D(str(stale["bid"])) == 60000
    assert D(str(fresh["bid"])) == 61000


async def test_streams_may_lie_about_the_price(spot: Any, venue: PaperVenue) -> None:
    await venue.fault("price_spike", symbol="BTCUSDT", factor="10")
    told = (await asyncio.wait_for(spot.watch_bids_asks([SPOT]), 3))[SPOT]

    assert D(str(told["bid"])) == 600_000


async def test_listen_key_lives_and_expires(venue: PaperVenue) -> None:
    credentials = await venue.open_account()
    _, issued = await venue.send("POST", "/fapi/v1/listenKey", credentials)
    _, again = await venue.send("POST", "/fapi/v1/listenKey", credentials)
    url = f"{venue.base}/fstream.binance.com/private/ws?listenKey={issued['listenKey']}"
    async with venue.session.ws_connect(url) as socket:
        await venue.fault("expire_listen_key", api_key=credentials["apiKey"])
        told = await socket.receive_json(timeout=3)
    renewed = await venue.send("PUT", "/fapi/v1/listenKey", credentials)
    closed = await venue.send("DELETE", "/fapi/v1/listenKey", credentials)

    assert issued == again
    assert told["e"] == "listenKeyExpired"
    assert (renewed[0], renewed[1]["code"]) == (400, -1125)
    assert closed[1]["code"] == -1125


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"apiKey": "nobody"}, -2015),
        ({"signature": "0" * 64}, -1022),
        ({"timestamp": 1}, -1021),
    ],
)
async def test_subscription_must_be_signed(
    venue: PaperVenue, spot: Any, change: dict[str, Any], code: int
) -> None:
    params = spot.sign_params({}) | change
    request = {"id": "1", "method": "userDataStream.subscribe.signature", "params": params}
    async with venue.session.ws_connect(f"{venue.base}/ws-api/v3") as socket:
        await socket.send_json(request)
        answer = await socket.receive_json(timeout=3)

    assert answer["error"]["code"] == code


async def test_the_removed_ways_are_gone(venue: PaperVenue) -> None:
    credentials = await venue.open_account()
    for verb in ("POST", "PUT", "DELETE"):
        status, _ = await venue.send(verb, "/api/v3/userDataStream", credentials)
        assert status == 404
    async with venue.session.ws_connect(f"{venue.base}/ws-api/v3") as socket:
        await socket.send_json({"id": 1, "method": "userDataStream.start", "params": {}})
        assert (await socket.receive_json(timeout=3))["status"] == 410
