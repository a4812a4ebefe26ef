"""Conditional futures orders through stock ccxt: their own ids, states and end."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import pytest_asyncio

from tests.contract.paper_venue import PaperVenue, running
from tests.contract.stock_clients import clients

pytestmark = pytest.mark.asyncio(loop_scope="module")

BTC = "BTC/USDT:USDT"
TRIGGER = {"trigger": True}
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("algo")) as running_venue:
        yield running_venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(venue: PaperVenue) -> AsyncIterator[Any]:
    async with clients(venue, await venue.open_account()) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def linear(venue: PaperVenue, stock: Any) -> Any:
    await venue.price("BTCUSDT", "60000")
    credentials = await venue.open_account()
    client = stock[1]
    client.apiKey, client.secret = credentials["apiKey"], credentials["secret"]
    return client


async def _stop(linear: Any, price: str, client_id: str = "sbstop", **params: Any) -> Any:
    asked = {"stopLossPrice": price, "clientOrderId": client_id, "reduceOnly": True, **params}
    return await linear.create_order(BTC, "market", "sell", "0.01", None, asked)


async def _found(linear: Any, client_id: str = "sbstop") -> Any:
    return await linear.fetch_order(None, BTC, {"clientOrderId": client_id, **TRIGGER})


async def test_stop_rests_apart_from_normal_orders(linear: Any) -> None:
    await linear.create_order(BTC, "market", "buy", "0.01")
    placed = await _stop(linear, "58000", workingType="MARK_PRICE")
    resting = await linear.fetch_open_orders(BTC, None, None, TRIGGER)
    normal = await linear.fetch_open_orders(BTC)

    assert [(o["id"], o["clientOrderId"], D(o["triggerPrice"])) for o in resting] == [
        (placed["id"], "sbstop", D(58000))
    ]
    assert resting[0]["info"]["workingType"] == "MARK_PRICE"
    assert (resting[0]["status"], resting[0]["reduceOnly"]) == ("open", True)
    assert normal == []


async def test_triggered_stop_becomes_a_normal_order_with_a_number_of_its_own(
    linear: Any, venue: PaperVenue
) -> None:
    await linear.create_order(BTC, "market", "buy", "0.01")
    placed = await _stop(linear, "58000")
    await venue.price("BTCUSDT", "57990")
    stop = await _found(linear)
    child = await linear.fetch_order(stop["info"]["actualOrderId"], BTC)
    states = [
        item["status"]
        for item in await venue.ledger()
        if item["kind"] == "algo" and str(item["algo_id"]) == placed["id"]
    ]

    assert stop["info"]["algoStatus"] == "FINISHED"
    assert states == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    assert stop["id"] == placed["id"]
    assert (child["status"], D(child["average"])) == ("closed", D(57990))
    assert child["clientOrderId"] == "sbstop"
    assert await linear.fetch_positions([BTC]) == []


async def test_stop_that_would_trigger_at_once_is_refused(linear: Any) -> None:
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await _stop(linear, "60000")
    params = {"takeProfitPrice": "59999"}
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await linear.create_order(BTC, "market", "sell", "0.01", None, params)


async def test_each_working_type_waits_for_its_own_price(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(BTC, "market", "buy", "0.02")
    await _stop(linear, "58000", "sbmark", workingType="MARK_PRICE")
    await _stop(linear, "58000", "sblast", workingType="CONTRACT_PRICE")
    await venue.price("BTCUSDT", "57900", mark="58100")
    first = [(await _found(linear, name))["status"] for name in ("sbmark", "sblast")]
    shown = (await linear.fetch_mark_price(BTC))["markPrice"]
    await venue.price("BTCUSDT", "58500", mark="58000")
    second = (await _found(linear, "sbmark"))["info"]["algoStatus"]

    assert first == ["open", "closed"]
    assert D(shown) == 58100
    assert second == "FINISHED"


async def test_cancelled_stop_does_not_trigger(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(BTC, "market", "buy", "0.01")
    await _stop(linear, "58000")
    await linear.cancel_order(None, BTC, {"clientOrderId": "sbstop", **TRIGGER})
    await venue.price("BTCUSDT", "57000")

    assert (await _found(linear))["status"] == "canceled"
    assert D((await linear.fetch_positions([BTC]))[0]["contracts"]) == D("0.01")
    with pytest.raises(ccxt.OrderNotFound):
        await linear.cancel_order(None, BTC, {"clientOrderId": "sbstop", **TRIGGER})


async def test_stop_without_a_position_expires_at_its_trigger(
    linear: Any, venue: PaperVenue
) -> None:
    await _stop(linear, "58000")
    await venue.price("BTCUSDT", "57000")

    stop = (await _found(linear))["info"]
    assert (stop["algoStatus"], stop["failedReason"]) == ("EXPIRED", "Reduce Only reject")


async def test_target_and_limit_forms(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(BTC, "market", "buy", "0.02")
    target = {"takeProfitPrice": "62000", "clientOrderId": "sbtp", "reduceOnly": True}
    await linear.create_order(BTC, "market", "sell", "0.01", None, target)
    limit = {"takeProfitPrice": "62000", "clientOrderId": "sblim", "reduceOnly": True}
    await linear.create_order(BTC, "limit", "sell", "0.01", "62500", limit)
    await venue.price("BTCUSDT", "62100")
    resting = await linear.fetch_open_orders(BTC)
    state = (await _found(linear, "sblim"))["info"]["algoStatus"]
    await venue.price("BTCUSDT", "62600")

    assert (await _found(linear, "sbtp"))["info"]["algoStatus"] == "FINISHED"
    assert [(o["clientOrderId"], D(o["price"])) for o in resting] == [("sblim", D(62500))]
    assert state == "TRIGGERED"
    assert (await _found(linear, "sblim"))["info"]["algoStatus"] == "FINISHED"
    assert await linear.fetch_positions([BTC]) == []


async def test_trailing_stop_follows_from_its_activation(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(BTC, "market", "buy", "0.01")
    params = {"trailingPercent": "1", "trailingTriggerPrice": "61000", "reduceOnly": True}
    await linear.create_order(
        BTC, "market", "sell", "0.01", None, params | {"clientOrderId": "sbtrail"}
    )
    for price in ("60500", "59000", "61000", "62000", "61381"):
        await venue.price("BTCUSDT", price)
    before = (await _found(linear, "sbtrail"))["status"]
    # 62000 - 1 %
    await venue.price("BTCUSDT", "61380")

    assert before == "open"
    assert (await _found(linear, "sbtrail"))["info"]["algoStatus"] == "FINISHED"


async def test_close_position_takes_all_there_is(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(BTC, "market", "buy", "0.01")
    params = {"stopLossPrice": "58000", "closePosition": True, "clientOrderId": "sbclose"}
    await linear.create_order(BTC, "market", "sell", None, None, params)
    with pytest.raises(ccxt.ExchangeError, match="-4130"):
        await linear.create_order(
            BTC, "market", "sell", None, None, params | {"clientOrderId": "sbagain"}
        )
    await linear.create_order(BTC, "market", "buy", "0.03")
    await venue.price("BTCUSDT", "57000")

    assert await linear.fetch_positions([BTC]) == []


async def test_client_algo_id_is_unique_among_open_ones(linear: Any) -> None:
    await _stop(linear, "58000")
    with pytest.raises(ccxt.InvalidOrder, match="-4116"):
        await _stop(linear, "57000")
    await linear.cancel_all_orders(BTC, TRIGGER)
    await _stop(linear, "57000")

    history = await linear.fetch_orders(BTC, None, None, TRIGGER)
    assert [order["status"] for order in history] == ["canceled", "open"]


async def test_the_old_path_still_refuses(linear: Any, venue: PaperVenue) -> None:
    credentials = {"apiKey": linear.apiKey, "secret": linear.secret}
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01"}
    status, body = await venue.send("POST", "/fapi/v1/order", credentials, **order, stopPrice=5)

    assert (status, body["code"]) == (400, -4120)
