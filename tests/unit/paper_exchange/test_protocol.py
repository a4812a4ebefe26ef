"""The protocol by hand, over a real port: what ccxt never sends, and who may see what."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from tests.contract.paper_venue import PaperVenue, open_exchange, running, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("paper")) as running_venue:
        await running_venue.price("BTCUSDT", "60000")
        yield running_venue


@pytest_asyncio.fixture(loop_scope="module")
async def credentials(venue: PaperVenue) -> dict[str, str]:
    return await venue.open_account()


async def test_missing_and_wrong_keys_are_told_apart(venue: PaperVenue) -> None:
    stranger = {"apiKey": "k" * 64, "secret": "s"}

    assert (await venue.send("GET", "/api/v3/account"))[1]["code"] == -2014
    assert await venue.send("GET", "/api/v3/account", stranger) == (
        401,
        {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
    )


async def test_signature_covers_every_byte(venue: PaperVenue, credentials: dict[str, str]) -> None:
    forged = credentials | {"secret": "s" * 64}

    assert (await venue.send("GET", "/api/v3/account", forged))[1]["code"] == -1022


@pytest.mark.parametrize("offset", [-6000, 2000])
async def test_timestamp_outside_the_window_is_refused(
    venue: PaperVenue, credentials: dict[str, str], offset: int
) -> None:
    stale = int(time.time() * 1000) + offset
    status, body = await venue.send("GET", "/fapi/v2/balance", credentials, timestamp=stale)

    assert (status, body["code"]) == (400, -1021)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/api/v3/order", {"symbol": "BTCUSDT"}, -1102),
        ("/api/v3/order", MARKET | {"symbol": "NOPE"}, -1121),
        ("/api/v3/order", MARKET | {"side": "HOLD"}, -1117),
        ("/api/v3/order", MARKET | {"type": "STOP_LOSS"}, -1102),
        ("/api/v3/order", MARKET | {"quantity": "1e-2"}, -1100),
        ("/api/v3/order", MARKET | {"quantity": "NaN"}, -1100),
        ("/api/v3/order", MARKET | {"newClientOrderId": "a b"}, -1100),
        ("/api/v3/order", MARKET | {"quoteOrderQty": "10"}, -1106),
        ("/api/v3/order", LIMIT | {"quantity": "1", "price": "1", "timeInForce": "X"}, -1115),
        ("/fapi/v1/order", MARKET | {"type": "STOP_MARKET"}, -4120),
        ("/fapi/v1/order", MARKET | {"type": "TRAILING_STOP_MARKET"}, -4120),
        ("/fapi/v1/order", MARKET | {"type": "LIMIT_MAKER"}, -1116),
        ("/fapi/v1/order", MARKET | {"positionSide": "LONG"}, -4061),
        ("/fapi/v1/order", MARKET | {"newClientOrderId": "x" * 37}, -4015),
        ("/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "126"}, -4028),
        ("/fapi/v1/algoOrder", MARKET, -1102),
        ("/fapi/v1/algoOrder", MARKET | {"algoType": "VP"}, -1100),
        ("/api/v3/userDataStream", {}, -5000),
        ("/api/v3/order/oco", MARKET, -5000),
    ],
)
async def test_wrong_requests_get_binances_own_code(
    venue: PaperVenue, credentials: dict[str, str], path: str, params: dict[str, Any], code: int
) -> None:
    status, body = await venue.send("POST", path, credentials, **params)

    assert body["code"] == code
    assert status == (404 if code == -5000 else 400)


async def test_futures_acknowledge_by_default_and_tell_on_request(
    venue: PaperVenue, credentials: dict[str, str]
) -> None:
    _, acknowledged = await venue.send("POST", "/fapi/v1/order", credentials, **MARKET)
    wish = MARKET | {"newOrderRespType": "RESULT"}
    _, result = await venue.send("POST", "/fapi/v1/order", credentials, **wish)

    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0")
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.01")


async def test_order_test_checks_and_places_nothing(
    venue: PaperVenue, credentials: dict[str, str]
) -> None:
    ok = await venue.send("POST", "/api/v3/order/test", credentials, **MARKET)
    refused = await venue.send(
        "POST", "/api/v3/order/test", credentials, **(MARKET | {"quantity": "9"})
    )
    orders = await venue.send("GET", "/api/v3/allOrders", credentials, symbol="BTCUSDT")

    assert ok == (200, {})
    assert refused[1]["code"] == -2010
    assert orders == (200, [])


async def test_orders_of_others_do_not_exist(
    venue: PaperVenue, credentials: dict[str, str]
) -> None:
    params = LIMIT | {"quantity": "0.01", "price": "59000"}
    _, order = await venue.send("POST", "/api/v3/order", credentials, **params)
    somebody = await venue.open_account()
    which = {"symbol": "BTCUSDT", "orderId": order["orderId"]}

    assert (await venue.send("GET", "/api/v3/order", somebody, **which))[1]["code"] == -2013
    assert (await venue.send("DELETE", "/api/v3/order", somebody, **which))[1]["code"] == -2011


async def test_ledger_tells_request_order_fill_and_money_in_order(
    venue: PaperVenue, credentials: dict[str, str]
) -> None:
    start = (await venue.ledger())[-1]["seq"]
    params = MARKET | {"newClientOrderId": "sbledger"}
    await venue.send("POST", "/api/v3/order", credentials, **params)
    await venue.send("POST", "/api/v3/order", credentials, **(params | {"quantity": "9"}))

    items = await venue.ledger(start)
    kinds = ["request", "order", "balance", "balance", "fill", "request"]
    assert [item["kind"] for item in items] == kinds
    assert [item["seq"] for item in items] == list(range(start + 1, start + 7))
    request, order, _, _, fill, refusal = items
    assert (request["client_order_id"], request["status"]) == ("sbledger", 200)
    assert (order["client_order_id"], fill["client_order_id"]) == ("sbledger", "sbledger")
    assert (refusal["status"], refusal["code"]) == (400, -2010)
    text = str(items)
    assert "signature" not in text
    assert credentials["secret"] not in text


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("price", {"symbol": "BTCUSDT", "price": "abc"}, "not a number"),
        ("price", {"symbol": "BTCUSDT", "price": "NaN"}, "0 or more"),
        ("price", {"symbol": "BTCUSDT", "price": 0}, "above 0"),
        ("price", {"symbol": "NOPE", "price": "1"}, "not listed"),
        ("price", {"symbol": "BTCUSDT", "price": "1", "market": "options"}, "spot or linear"),
        ("accounts", {"balances": {"USDT": "-1"}}, "0 or more"),
        ("accounts", {"balances": {"GOLD": "1"}}, "not known"),
        ("accounts", {}, "balances"),
    ],
)
async def test_control_says_what_is_wrong(
    venue: PaperVenue, path: str, body: dict[str, Any], reason: str
) -> None:
    async with venue.session.post(f"{venue.base}/control/{path}", json=body) as response:
        assert response.status == 400
        assert reason in (await response.json())["detail"]


async def test_account_can_have_a_purse_per_market(venue: PaperVenue) -> None:
    purses = {"spot": {"BTC": "2"}, "linear": {"USDT": "5"}}
    credentials = await venue.open_account(purses)

    _, spot = await venue.send("GET", "/api/v3/account", credentials)
    _, linear = await venue.send("GET", "/fapi/v3/account", credentials)

    assert spot["balances"] == [{"asset": "BTC", "free": "2.00000000", "locked": "0.00000000"}]
    assert linear["totalWalletBalance"] == "5"


async def test_walk_lets_a_held_price_move_again(venue: PaperVenue) -> None:
    await venue.price("LTCUSDT", "80")
    released = await venue.control("walk", symbol="LTCUSDT")

    assert released["held"] is False


async def test_hosts_keep_their_own_rooms(venue: PaperVenue) -> None:
    assert (await venue.send("GET", "/fapi.binance.com/fapi/v1/time"))[0] == 200
    assert (await venue.send("GET", "/api.binance.com/api/v3/ping")) == (200, {})
    assert (await venue.send("GET", "/api.binance.com/fapi/v1/time"))[0] == 404
    assert (await venue.send("GET", "/eapi.binance.com/api/v3/time"))[0] == 404


async def test_streams_by_hand(venue: PaperVenue) -> None:
    path = "/stream?streams=btcusdt@bookTicker/ethusdt@kline_1m"
    async with venue.session.ws_connect(venue.base + path) as socket:
        first = [await socket.receive_json() for _ in range(2)]
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 7})
        answer = await socket.receive_json()
        while answer.get("id") != 7:
            answer = await socket.receive_json()
    private = venue.base + "/fstream.binance.com/private/ws?listenKey=x"

    assert [frame["stream"] for frame in first] == ["btcusdt@bookTicker", "ethusdt@kline_1m"]
    assert "unknown stream" in answer["error"]["msg"]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await venue.session.ws_connect(private)


@pytest.mark.parametrize(
    ("stream", "klines"), [("/ws/", "/api/v3/klines"), ("/market/ws/", "/fapi/v1/klines")]
)
async def test_a_candle_that_has_closed_is_streamed_as_closed_once_and_is_that_of_rest(
    stream: str, klines: str, tmp_path: Path
) -> None:
    async with running(tmp_path) as venue:
        await venue.price("BTCUSDT", "60000")
        async with venue.session.ws_connect(venue.base + f"{stream}btcusdt@kline_1m") as socket:
            told = [(await socket.receive_json())["k"]]
            await venue.fault("clock_jump", seconds=60)
            await venue.price("BTCUSDT", "61000")
            # The price is held: what follows the closed candle is shown again and again.
            while not any(one["x"] for one in told[:-3]):
                told.append((await socket.receive_json())["k"])
        _, rows = await venue.send("GET", klines, symbol="BTCUSDT", interval="1m")

    closed = [one for one in told if one["x"]]
    opened = [one["t"] for one in closed]
    assert opened == sorted(set(opened))
    assert opened[0] == told[0]["t"] < told[-1]["t"]
    columns = [[one[name] for name in "tohlcvTqnVQ"] for one in closed]
    assert columns == [row[:11] for row in rows if row[0] in opened]


async def test_held_price_is_shown_again_every_second(venue: PaperVenue) -> None:
    async with venue.session.ws_connect(venue.base + "/market/ws/btcusdt@markPrice") as socket:
        frames = [await socket.receive_json() for _ in range(3)]

    assert {frame["p"] for frame in frames} == {"60000"}
    assert 0 < frames[2]["E"] - frames[1]["E"] <= 1000


async def test_mounted_in_litestar_without_control(tmp_path: Path) -> None:
    exchange = open_exchange(tmp_path, control=False)

    @asgi("/paper-exchange", is_mount=True, copy_scope=True)
    async def mount(scope: Scope, receive: Receive, send: Send) -> None:
        await exchange.asgi(scope, receive, send)  # type: ignore[arg-type]  # TypedDicts for dicts

    async with serve(Litestar([mount])) as base, aiohttp.ClientSession() as session:
        mounted = PaperVenue(base + "/paper-exchange", session)
        assert (await mounted.send("GET", "/fapi.binance.com/fapi/v1/time"))[0] == 200
        assert (await mounted.send("GET", "/control/ledger"))[0] == 404
        async with session.get(mounted.base + "/") as page:
            assert "simulated: true" in await page.text()
        url = mounted.base + "/stream.binance.com:9443/ws/0"
        async with session.ws_connect(url) as socket:
            subscription = {"method": "SUBSCRIBE", "params": ["btcusdt@miniTicker"], "id": 1}
            await socket.send_json(subscription)
            assert await socket.receive_json() == {"result": None, "id": 1}
            assert (await socket.receive_json())["c"] == "60000"
    await exchange.stop()


@pytest.mark.parametrize("verb", ["drop_after_accept", "reset_after", "drop_before_accept"])
async def test_connections_are_cut_through_the_mount_too(tmp_path: Path, verb: str) -> None:
    exchange = open_exchange(tmp_path)

    @asgi("/paper-exchange", is_mount=True, copy_scope=True)
    async def mount(scope: Scope, receive: Receive, send: Send) -> None:
        await exchange.asgi(scope, receive, send)  # type: ignore[arg-type]  # TypedDicts for dicts

    async with serve(Litestar([mount])) as base, aiohttp.ClientSession() as session:
        mounted = PaperVenue(base + "/paper-exchange", session)
        key = await mounted.open_account()
        await mounted.fault(verb)
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await mounted.send("POST", "/fapi/v1/order", key, **MARKET)
        _, held = await mounted.send("GET", "/fapi/v3/positionRisk", key)
        requests = [i for i in await mounted.ledger() if i["kind"] == "request"]

    assert len(held) == (0 if verb == "drop_before_accept" else 1)
    assert requests[0]["status"] == (0 if verb == "drop_before_accept" else 200)
    assert requests[0]["arrival"] < requests[1]["arrival"]
    assert requests[0]["arrived_monotonic_ns"] <= requests[0]["monotonic_ns"]
    await exchange.stop()


async def test_account_opened_by_another_process_can_trade_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as venue:
        other = open_exchange(tmp_path)
        key, secret = await other.open_account({})
        await other.stop()

        status, _ = await venue.send("GET", "/api/v3/account", {"apiKey": key, "secret": secret})

    assert (status, len(key), len(secret)) == (200, 64, 64)
