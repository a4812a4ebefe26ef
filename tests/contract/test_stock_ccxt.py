"""Stock ccxt trades on the paper exchange, over a real port, with nothing added but a session."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
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
    async with running(tmp_path_factory.mktemp("paper")) as running_venue:
        yield running_venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(venue: PaperVenue) -> AsyncIterator[Any]:
    async with clients(venue, await venue.open_account()) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def traders(venue: PaperVenue, stock: Any) -> Any:
    await venue.price("BTCUSDT", "60000")
    credentials = await venue.open_account()
    for client in stock:
        client.apiKey, client.secret = credentials["apiKey"], credentials["secret"]
    return stock


def _fees(row: Any) -> list[tuple[str, Decimal]]:
    return [(fee["currency"], D(fee["cost"])) for fee in row["fees"]]


@pytest_asyncio.fixture(loop_scope="module")
async def spot(traders: Any) -> Any:
    return traders[0]


@pytest_asyncio.fixture(loop_scope="module")
async def linear(traders: Any) -> Any:
    return traders[1]


async def test_spot_round_trip_is_exact_to_the_last_digit(spot: Any) -> None:
    bought = await spot.create_order(SPOT, "market", "buy", "0.1", None, {"clientOrderId": "sbbuy"})
    found = await spot.fetch_order(None, SPOT, {"clientOrderId": "sbbuy"})
    sold = await spot.create_order(SPOT, "market", "sell", "0.0999")
    trades = await spot.fetch_my_trades(SPOT)
    balance = await spot.fetch_balance()

    assert (bought["status"], D(bought["average"])) == ("closed", D(60000))
    assert _fees(bought) == [("BTC", D("0.0001"))]
    assert (found["id"], found["status"]) == (bought["id"], "closed")
    # 0.0999 * 60000 = 5994; 0.1 % of it = 5.994
    assert _fees(sold) == [("USDT", D("5.994"))]
    assert [(t["side"], t["takerOrMaker"], t["order"]) for t in trades] == [
        ("buy", "taker", bought["id"]),
        ("sell", "taker", sold["id"]),
    ]
    # 10000 - 6000 + 5994 - 5.994
    assert D(balance["total"]["USDT"]) == D("9988.006")
    assert D(balance["total"]["BTC"]) == 0


async def test_linear_round_trip_is_exact_to_the_last_digit(linear: Any, venue: PaperVenue) -> None:
    await linear.set_leverage(10, LINEAR)
    bought = await linear.create_order(
        LINEAR, "market", "buy", "0.1", None, {"clientOrderId": "sblong"}
    )
    await venue.price("BTCUSDT", "61000")
    position = (await linear.fetch_positions([LINEAR]))[0]
    found = await linear.fetch_order(None, LINEAR, {"clientOrderId": "sblong"})
    await linear.create_order(LINEAR, "market", "sell", "0.1", None, {"reduceOnly": True})
    trades = await linear.fetch_my_trades(LINEAR)
    balance = await linear.fetch_balance()

    assert (found["id"], found["status"], found["average"]) == (bought["id"], "closed", "60000")
    assert (position["contracts"], position["side"]) == ("0.1", "long")
    assert (position["entryPrice"], position["unrealizedPnl"]) == ("60000", "100")
    # 6000 * 0.05 % = 3; 6100 * 0.05 % = 3.05
    assert [t["fee"]["cost"] for t in trades] == ["3", "3.05"]
    assert [t["info"]["realizedPnl"] for t in trades] == ["0", "100"]
    # 10000 - 3 + 100 - 3.05
    assert balance["total"]["USDT"] == "10093.95"
    assert await linear.fetch_positions([LINEAR]) == []


async def test_buying_for_an_amount_of_quote_spends_at_most_that(spot: Any) -> None:
    order = await spot.create_order(SPOT, "market", "buy", "0", None, {"quoteOrderQty": "100"})

    # 100 / 60000 = 0.001666…, down to 0.00166
    assert (D(order["filled"]), D(order["cost"])) == (D("0.00166"), D("99.6"))


REFUSED: list[tuple[str, str, str, str | None, type[Exception]]] = [
    ("spot", SPOT, "0.00008", "60000", ccxt.BadRequest),  # -1013 NOTIONAL: 4.80 USDT
    ("linear", "DOGE/USDT:USDT", "10", None, ccxt.InvalidOrder),  # -4164: some 1.50 USDT
    ("spot", SPOT, "10", None, ccxt.InsufficientFunds),  # -2010
    ("linear", LINEAR, "90", None, ccxt.InsufficientFunds),  # -2019
    ("spot", SPOT, "0.01", "1000", ccxt.InvalidOrder),  # -1013 PERCENT_PRICE_BY_SIDE
    ("linear", LINEAR, "0.01", "70000", ccxt.BadRequest),  # -4016
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda case: f"{case[0]}-{case[2]}-{case[3]}")
async def test_refused_order_raises_the_class_a_real_venue_would(
    traders: Any, refused: tuple[str, str, str, str | None, type[Exception]]
) -> None:
    market, symbol, quantity, price, error = refused
    client = traders[0] if market == "spot" else traders[1]

    with pytest.raises(ccxt.BaseError) as caught:
        await client.create_order(symbol, "limit" if price else "market", "buy", quantity, price)

    assert type(caught.value) is error


async def test_client_id_is_unique_among_open_orders_only(traders: Any) -> None:
    for client, symbol in zip(traders, (SPOT, LINEAR), strict=True):
        named = {"clientOrderId": "sbsame"}
        first = await client.create_order(symbol, "limit", "buy", "0.01", "59000", named)
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order(symbol, "limit", "buy", "0.01", "59000", named)
        await client.cancel_order(None, symbol, {"origClientOrderId": "sbsame"})
        second = await client.create_order(symbol, "limit", "buy", "0.01", "59000", named)

        assert second["id"] != first["id"]
        assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [second["id"]]


async def test_resting_limit_fills_as_maker_when_the_price_reaches_it(
    traders: Any, venue: PaperVenue
) -> None:
    placed = [
        await client.create_order(symbol, "limit", "buy", "0.1", "59000")
        for client, symbol in zip(traders, (SPOT, LINEAR), strict=True)
    ]
    locked = (await traders[0].fetch_balance())["used"]["USDT"]
    await venue.price("BTCUSDT", "58900")

    spot_trade = (await traders[0].fetch_my_trades(SPOT))[0]
    linear_trade = (await traders[1].fetch_my_trades(LINEAR))[0]
    assert [order["status"] for order in placed] == ["open", "open"]
    assert D(locked) == 5900
    assert (D(spot_trade["price"]), spot_trade["takerOrMaker"]) == (D(59000), "maker")
    assert _fees(spot_trade) == [("BTC", D("0.0001"))]
    # 5900 * 0.02 %
    assert _fees(linear_trade) == [("USDT", D("1.18"))]


async def test_post_only_ioc_and_fok_end_as_binance_ends_them(traders: Any) -> None:
    for client, symbol in zip(traders, (SPOT, LINEAR), strict=True):
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order(symbol, "limit", "buy", "0.01", "60000", {"postOnly": True})
        for time_in_force in ("IOC", "FOK"):
            params = {"timeInForce": time_in_force}
            missed = await client.create_order(symbol, "limit", "buy", "0.01", "59000", params)
            taken = await client.create_order(symbol, "limit", "buy", "0.01", "60500", params)

            assert (missed["status"], D(missed["filled"])) == ("expired", D(0))
            assert (taken["status"], D(taken["average"])) == ("closed", D(60000))


async def test_reduce_only_is_cut_to_the_position_and_refused_when_flat(linear: Any) -> None:
    await linear.create_order(LINEAR, "market", "buy", "0.01")
    closing = {"reduceOnly": True}
    order = await linear.create_order(LINEAR, "market", "sell", "0.5", None, closing)

    assert (order["filled"], order["status"]) == ("0.01", "closed")
    with pytest.raises(ccxt.InvalidOrder, match="ReduceOnly Order is rejected"):
        await linear.create_order(LINEAR, "market", "sell", "0.01", None, closing)


async def test_margin_settings_answer_like_binance(linear: Any) -> None:
    await linear.set_margin_mode("isolated", LINEAR)

    with pytest.raises(ccxt.MarginModeAlreadySet):
        await linear.set_margin_mode("isolated", LINEAR, {"throwMarginModeAlreadySet": True})
    with pytest.raises(ccxt.BadRequest, match="one-way"):
        await linear.set_position_mode(True, LINEAR)
    with pytest.raises(ccxt.OperationRejected):
        await linear.set_position_mode(False, LINEAR)
    assert (await linear.fetch_position_mode(LINEAR))["hedged"] is False
    await linear.set_leverage(3, LINEAR)
    leverage = await linear.fetch_leverage(LINEAR)
    assert (leverage["longLeverage"], leverage["marginMode"]) == (3, "isolated")


async def test_lists_and_lookups(traders: Any) -> None:
    for client, symbol in zip(traders, (SPOT, LINEAR), strict=True):
        order = await client.create_order(
            symbol,
            "limit",
            "sell" if symbol == LINEAR else "buy",
            "0.01",
            "61000" if symbol == LINEAR else "59000",
        )
        assert (await client.fetch_order(order["id"], symbol))["status"] == "open"
        canceled = await client.cancel_order(order["id"], symbol)
        assert canceled["status"] == "canceled"
        assert [o["status"] for o in await client.fetch_orders(symbol)] == ["canceled"]
        await client.create_order(symbol, "limit", "buy", "0.01", "58000")
        await client.cancel_all_orders(symbol)
        assert await client.fetch_open_orders(symbol) == []
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(order["id"], symbol)
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order("987654321", symbol)


async def test_market_data(traders: Any) -> None:
    for client, symbol in zip(traders, (SPOT, LINEAR), strict=True):
        ticker = await client.fetch_ticker(symbol)
        book = await client.fetch_order_book(symbol, 5)
        candles = await client.fetch_ohlcv(symbol, "5m", limit=20)
        best = (await client.fetch_bids_asks([symbol]))[symbol]

        assert (ticker["last"], best["bid"], best["ask"]) == ("60000", "60000", "60000")
        assert len(book["bids"]) == 5
        assert len(candles) == 20
        assert all(b[0] - a[0] == 300_000 for a, b in pairwise(candles))
        assert candles[-1][4] == "60000"
        assert len(await client.fetch_tickers()) == 10
        assert (await client.fetch_last_prices([symbol]))[symbol]["price"] == "60000"


async def test_wrong_secret_is_an_authentication_error(venue: PaperVenue) -> None:
    credentials = await venue.open_account() | {"secret": "x" * 64}
    with pytest.raises(ccxt.AuthenticationError):
        async with clients(venue, credentials) as (spot, _):
            await spot.fetch_balance()


WATCHED: list[tuple[str, str, Any, Any]] = [
    ("spot", "watch_ticker", SPOT, lambda r: r["last"]),
    ("spot", "watch_tickers", [SPOT], lambda r: r[SPOT]["last"]),
    ("spot", "watch_bids_asks", [SPOT], lambda r: r[SPOT]["bid"]),
    ("spot", "watch_trades", SPOT, lambda r: r[-1]["price"]),
    ("spot", "watch_ohlcv", SPOT, lambda r: r[-1][4]),
    ("linear", "watch_ticker", LINEAR, lambda r: r["last"]),
    ("linear", "watch_tickers", [LINEAR], lambda r: r[LINEAR]["last"]),
    ("linear", "watch_bids_asks", [LINEAR], lambda r: r[LINEAR]["ask"]),
    ("linear", "watch_mark_price", LINEAR, lambda r: r["markPrice"]),
    ("linear", "watch_mark_prices", [LINEAR], lambda r: r[LINEAR]["markPrice"]),
    ("linear", "watch_trades", LINEAR, lambda r: r[-1]["price"]),
]


async def test_streams_show_a_changed_price_at_once(traders: Any, venue: PaperVenue) -> None:
    async def until(method: str, symbol: Any, read: Any, client: Any, wanted: float) -> None:
        while float(read(await getattr(client, method)(symbol))) != wanted:
            pass

    async def watch_all(wanted: float) -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for market, method, symbol, read in WATCHED:
                client = traders[0] if market == "spot" else traders[1]
                group.create_task(until(method, symbol, read, client, wanted))
            await asyncio.sleep(0.3)
            await venue.price("BTCUSDT", str(wanted))

    await watch_all(60500)
    started_at = asyncio.get_running_loop().time()
    await watch_all(61500)

    assert asyncio.get_running_loop().time() - started_at < 1.3


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as venue:
        await venue.price("BTCUSDT", "60000")
        credentials = await venue.open_account()
        async with clients(venue, credentials) as (spot, linear):
            await spot.create_order(SPOT, "market", "buy", "0.01")
            await linear.create_order(LINEAR, "market", "sell", "0.01")
            resting = await spot.create_order(SPOT, "limit", "buy", "0.02", "59000")
        ledger = await venue.ledger()

    async with running(tmp_path) as venue, clients(venue, credentials) as (spot, linear):
        assert (await venue.ledger())[: len(ledger)] == ledger
        assert (await spot.fetch_ticker(SPOT))["last"] == "60000"
        assert D((await spot.fetch_balance())["used"]["USDT"]) == 1180
        assert (await linear.fetch_positions())[0]["side"] == "short"
        await venue.price("BTCUSDT", "58500")
        assert (await spot.fetch_order(resting["id"], SPOT))["status"] == "closed"
        last_id = (await spot.create_order(SPOT, "market", "buy", "0.001"))["id"]
        assert int(last_id) > int(resting["id"])
