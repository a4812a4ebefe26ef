"""Spot stop orders and OCO pairs through stock ccxt: coins are locked once, and freed."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import pytest_asyncio

from tests.contract.paper_venue import PaperVenue, running
from tests.contract.stock_clients import clients

pytestmark = pytest.mark.asyncio(loop_scope="module")

BTC = "BTC/USDT"
PAIR = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.1",
    "listClientOrderId": "sblist",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "62000",
    "aboveClientOrderId": "sbabove",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "58000",
    "belowClientOrderId": "sbbelow",
}
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("stops")) as running_venue:
        yield running_venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(venue: PaperVenue) -> AsyncIterator[Any]:
    async with clients(venue, await venue.open_account()) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def spot(venue: PaperVenue, stock: Any) -> Any:
    await venue.price("BTCUSDT", "60000")
    credentials = await venue.open_account({"spot": {"USDT": "10000", "BTC": "0.1"}})
    client = stock[0]
    client.apiKey, client.secret = credentials["apiKey"], credentials["secret"]
    return client


async def _coins(spot: Any, coin: str) -> tuple[Decimal, Decimal]:
    balance = await spot.fetch_balance()
    return D(balance["free"].get(coin, "0")), D(balance["used"].get(coin, "0"))


async def _status(spot: Any, name: str) -> str:
    order = await spot.fetch_order(None, BTC, {"clientOrderId": name})
    return str(order["status"])


async def test_stop_locks_waits_and_sells_where_the_price_is(spot: Any, venue: PaperVenue) -> None:
    stop = {"stopLossPrice": "58000", "clientOrderId": "sbstop"}
    placed = await spot.create_order(BTC, "market", "sell", "0.1", None, stop)
    locked = await _coins(spot, "BTC")
    resting = await spot.fetch_open_orders(BTC)
    await venue.price("BTCUSDT", "57000")
    sold = await spot.fetch_order(placed["id"], BTC)

    assert locked == (D(0), D("0.1"))
    assert [(o["type"], D(o["triggerPrice"])) for o in resting] == [("market", D(58000))]
    assert (sold["status"], D(sold["average"])) == ("closed", D(57000))
    # 10000 + 5700 - 5.7
    assert await _coins(spot, "USDT") == (D("15694.3"), D(0))
    assert await _coins(spot, "BTC") == (D(0), D(0))


async def test_stop_limit_rests_at_its_limit_after_the_trigger(
    spot: Any, venue: PaperVenue
) -> None:
    stop = {"stopLossPrice": "58000", "clientOrderId": "sbstop"}
    await spot.create_order(BTC, "limit", "sell", "0.1", "57500", stop)
    await venue.price("BTCUSDT", "57000")
    resting = await _status(spot, "sbstop")
    await venue.price("BTCUSDT", "57600")

    assert resting == "open"
    assert D((await spot.fetch_my_trades(BTC))[0]["price"]) == 57500


async def test_take_profit_and_stop_buy(spot: Any, venue: PaperVenue) -> None:
    target = {"takeProfitPrice": "61000", "clientOrderId": "sbtarget"}
    await spot.create_order(BTC, "market", "sell", "0.1", None, target)
    entry = {"triggerPrice": "61000", "clientOrderId": "sbentry"}
    await spot.create_order(BTC, "market", "buy", "0.01", None, entry)
    locked = await _coins(spot, "USDT")
    await venue.price("BTCUSDT", "61000")

    assert locked == (D(9390), D(610))
    assert [await _status(spot, name) for name in ("sbtarget", "sbentry")] == ["closed", "closed"]
    assert (await _coins(spot, "USDT"))[1] == 0


@pytest.mark.parametrize("params", [{"stopLossPrice": "60000"}, {"takeProfitPrice": "60000"}])
async def test_stop_that_would_trigger_at_once_is_refused(spot: Any, params: Any) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="trigger immediately"):
        await spot.create_order(BTC, "market", "sell", "0.1", None, params)


async def test_pair_locks_once_and_the_stop_ends_the_target(spot: Any, venue: PaperVenue) -> None:
    placed = await spot.privatePostOrderListOco(PAIR)
    locked = await _coins(spot, "BTC")
    await venue.price("BTCUSDT", "57900")
    found = await spot.privateGetOrderList({"origClientOrderId": "sblist"})

    assert (placed["contingencyType"], placed["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert len(placed["orderReports"]) == 2
    assert locked == (D(0), D("0.1"))
    assert [await _status(spot, n) for n in ("sbabove", "sbbelow")] == ["expired", "closed"]
    assert found["listOrderStatus"] == "ALL_DONE"
    assert await _coins(spot, "BTC") == (D(0), D(0))


async def test_pair_whose_target_fills_ends_the_stop(spot: Any, venue: PaperVenue) -> None:
    await spot.privatePostOrderListOco(PAIR)
    await venue.price("BTCUSDT", "62500")

    assert [await _status(spot, n) for n in ("sbabove", "sbbelow")] == ["closed", "expired"]
    # 10000 + 6200 - 6.2
    assert await _coins(spot, "USDT") == (D("16193.8"), D(0))


@pytest.mark.parametrize("by", ["list", "leg"])
async def test_canceling_either_frees_the_coins(spot: Any, by: str) -> None:
    await spot.privatePostOrderListOco(PAIR)
    if by == "list":
        await spot.privateDeleteOrderList({"symbol": "BTCUSDT", "listClientOrderId": "sblist"})
    else:
        await spot.cancel_order(None, BTC, {"clientOrderId": "sbbelow"})

    assert await _coins(spot, "BTC") == (D("0.1"), D(0))
    assert [await _status(spot, n) for n in ("sbabove", "sbbelow")] == ["canceled", "canceled"]
    assert await spot.privateGetOpenOrderList() == []


async def test_pair_of_two_triggers_and_a_buying_pair(spot: Any, venue: PaperVenue) -> None:
    two = PAIR | {"aboveType": "TAKE_PROFIT", "aboveStopPrice": "62000"}
    await spot.privatePostOrderListOco({k: v for k, v in two.items() if k != "abovePrice"})
    buying = {
        **PAIR,
        "side": "BUY",
        "quantity": "0.01",
        "listClientOrderId": "sbbuy",
        "aboveType": "STOP_LOSS",
        "aboveStopPrice": "61000",
        "aboveClientOrderId": "sbup",
        "belowType": "LIMIT_MAKER",
        "belowPrice": "59000",
        "belowClientOrderId": "sbdown",
    }
    await spot.privatePostOrderListOco(
        {k: v for k, v in buying.items() if k not in {"abovePrice", "belowStopPrice"}}
    )
    locked = await _coins(spot, "USDT")
    await venue.price("BTCUSDT", "59000")
    after = await _coins(spot, "USDT")
    await venue.price("BTCUSDT", "62000")

    assert locked == (D(9390), D(610))
    assert after == (D(9410), D(0))
    assert [await _status(spot, n) for n in ("sbup", "sbdown")] == ["expired", "closed"]
    assert [await _status(spot, n) for n in ("sbabove", "sbbelow")] == ["closed", "expired"]


@pytest.mark.parametrize(
    "change",
    [
        {"abovePrice": "59000"},
        {"belowStopPrice": "61000"},
        {"belowType": "TAKE_PROFIT"},
        {"quantity": "0.2"},
        {"belowClientOrderId": "sbabove"},
    ],
)
async def test_impossible_pairs_are_refused_and_lock_nothing(spot: Any, change: Any) -> None:
    with pytest.raises(ccxt.BaseError):
        await spot.privatePostOrderListOco(PAIR | change)

    assert await _coins(spot, "BTC") == (D("0.1"), D(0))
