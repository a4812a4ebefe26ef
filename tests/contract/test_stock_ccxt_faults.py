"""Faults as stock ccxt meets them: what it is told, and what the venue really did."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest
import pytest_asyncio

from app.paper_exchange.faults.verbs import VERBS, Stage
from tests.contract.paper_venue import PaperVenue, running
from tests.contract.stock_clients import clients

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPOT, LINEAR = "BTC/USDT", "BTC/USDT:USDT"
D = Decimal

ACCEPTED = {
    "drop_after_accept": ccxt.ExchangeNotAvailable,
    "reset_after": ccxt.ExchangeNotAvailable,
    # A generic one, which most code would read as a refusal.
    "half_reply": ccxt.ExchangeError,
    "html_502_accepted": ccxt.ExchangeNotAvailable,
    "http_500_accepted": ccxt.OperationFailed,
    "http_503_accepted": ccxt.OperationFailed,
    "http_504_accepted": ccxt.RequestTimeout,
    "http_408_accepted": ccxt.RequestTimeout,
    "timeout_1007_accepted": ccxt.RequestTimeout,
}
NOT_ACCEPTED = {
    "drop_before_accept": ccxt.ExchangeNotAvailable,
    "reset_before": ccxt.ExchangeNotAvailable,
    "html_502": ccxt.ExchangeNotAvailable,
    "http_500": ccxt.OperationFailed,
    "http_503": ccxt.OperationFailed,
    "http_503_internal": ccxt.OperationFailed,
    "http_503_unknown": ccxt.OperationFailed,
    "http_504": ccxt.RequestTimeout,
    "http_408": ccxt.RequestTimeout,
    "timeout_1007": ccxt.RequestTimeout,
    "throttled_1008": ccxt.OperationFailed,
    "rate_429": ccxt.DDoSProtection,
    "order_count_429": ccxt.DDoSProtection,
    "ban_418": ccxt.DDoSProtection,
    "waf_403": ccxt.ExchangeNotAvailable,
    "timestamp_1021": ccxt.InvalidNonce,
    "insufficient_2010": ccxt.InsufficientFunds,
    "maintenance": ccxt.OnMaintenance,
    "revoke_key": ccxt.BaseError,
    "ip_not_allowed": ccxt.BaseError,
    "no_trade_permission": ccxt.BaseError,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("faults")) as running_venue:
        yield running_venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(venue: PaperVenue) -> AsyncIterator[Any]:
    async with clients(venue, await venue.open_account()) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def traders(venue: PaperVenue, stock: Any) -> AsyncIterator[Any]:
    await venue.price("BTCUSDT", "60000")
    credentials = await venue.open_account()
    for client in stock:
        client.apiKey, client.secret = credentials["apiKey"], credentials["secret"]
        client.enableRateLimit = False
    yield stock
    await venue.clear_faults()


@pytest_asyncio.fixture(loop_scope="module", params=["spot", "linear"])
async def trader(traders: Any, request: pytest.FixtureRequest) -> Any:
    client = traders[["spot", "linear"].index(request.param)]
    client.symbol = SPOT if request.param == "spot" else LINEAR
    return client


@pytest_asyncio.fixture(loop_scope="module")
async def linear(traders: Any) -> Any:
    return traders[1]


@pytest_asyncio.fixture(loop_scope="module")
async def spot(traders: Any) -> Any:
    return traders[0]


async def _buy(client: Any, client_id: str = "sbfault", **params: Any) -> Any:
    asked = {"clientOrderId": client_id, **params}
    return await client.create_order(client.symbol, "market", "buy", "0.01", None, asked)


async def _find(client: Any, client_id: str = "sbfault") -> Any:
    return await client.fetch_order(None, client.symbol, {"clientOrderId": client_id})


async def _long(linear: Any) -> None:
    linear.symbol = LINEAR
    await _buy(linear, "sbentry")


async def _quantity(linear: Any) -> Decimal:
    held = await linear.fetch_positions([LINEAR])
    return sum((D(p["contracts"]) * (1 if p["side"] == "long" else -1) for p in held), D(0))


@pytest.mark.parametrize("verb", ACCEPTED)
async def test_accepted_and_not_told(trader: Any, venue: PaperVenue, verb: str) -> None:
    await venue.fault(verb, route="order.create", client_id_prefix="sb")
    with pytest.raises(ACCEPTED[verb]):
        await _buy(trader)

    assert (await _find(trader))["status"] == "closed"
    assert (await _buy(trader, "sbnext"))["status"] == "closed"


@pytest.mark.parametrize("verb", ["malformed_json", "empty_reply"])
async def test_an_unreadable_reply_is_an_order_without_a_number(
    trader: Any, venue: PaperVenue, verb: str
) -> None:
    await venue.fault(verb)
    told = await _buy(trader)

    assert (told["id"], told["status"]) == (None, None)
    assert (await _find(trader))["status"] == "closed"


@pytest.mark.parametrize("verb", NOT_ACCEPTED)
async def test_not_accepted(trader: Any, venue: PaperVenue, verb: str) -> None:
    await venue.fault(verb, client_id_prefix="sb", count=1)
    with pytest.raises(NOT_ACCEPTED[verb]):
        await _buy(trader)
    await venue.clear_faults()

    with pytest.raises(ccxt.OrderNotFound):
        await _find(trader)


@pytest.mark.parametrize(
    ("verb", "is_accepted"), [("hang_before_accept", 0), ("hang_after_accept", 1)]
)
async def test_silence_until_the_client_gives_up(
    linear: Any, venue: PaperVenue, verb: str, is_accepted: int
) -> None:
    linear.symbol = LINEAR
    await venue.fault(verb)
    linear.timeout = 200
    with pytest.raises(ccxt.RequestTimeout):
        await _buy(linear)
    linear.timeout = 10_000

    assert await _quantity(linear) == D("0.01") * is_accepted


async def test_a_delayed_order_is_accepted_after_the_client_has_left(
    linear: Any, venue: PaperVenue
) -> None:
    linear.symbol = LINEAR
    await venue.fault("delay_before", seconds="0.5")
    linear.timeout = 200
    with pytest.raises(ccxt.RequestTimeout):
        await _buy(linear)
    linear.timeout = 10_000
    before = await _quantity(linear)
    await asyncio.sleep(0.5)

    assert (before, await _quantity(linear)) == (D(0), D("0.01"))


@pytest.mark.parametrize("verb", ["delay_after", "fill_before_ack"])
async def test_a_reply_comes_late(linear: Any, venue: PaperVenue, verb: str) -> None:
    linear.symbol = LINEAR
    await venue.fault(verb, seconds="0.3")
    started = time.monotonic()
    order = asyncio.create_task(_buy(linear))
    await asyncio.sleep(0.15)
    held = await _quantity(linear)
    await order

    assert held == D("0.01")
    assert time.monotonic() - started >= 0.3


async def test_retry_after_is_sent_when_asked_for(venue: PaperVenue) -> None:
    await venue.fault("rate_429", route="time", retry_after="7")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{venue.base}/fapi/v1/time") as response:
            told = response.status, response.headers.get("retry-after")
        async with session.get(f"{venue.base}/fapi/v1/time") as response:
            assert response.status == 200

    assert told == (429, "7")


async def test_address_by_nth_count_and_prefix(linear: Any, venue: PaperVenue) -> None:
    linear.symbol = LINEAR
    await venue.fault("http_500", route="order.create", nth=2, count=2, client_id_prefix="sbn")
    outcomes = []
    for name in ("sbn1", "other", "sbn2", "sbn3", "sbn4"):
        try:
            await _buy(linear, name)
            outcomes.append(name)
        except ccxt.OperationFailed:
            outcomes.append("refused")

    assert outcomes == ["sbn1", "other", "refused", "refused", "sbn4"]


async def test_a_seed_makes_chance_repeatable(venue: PaperVenue) -> None:
    async def played() -> list[int]:
        await venue.clear_faults()
        await venue.fault("http_500", route="time", chance="0.5", seed=7, count=None)
        return [(await venue.send("GET", "/fapi/v1/time"))[0] for _ in range(12)]

    first = await played()
    assert first == await played()
    assert set(first) == {200, 500}
    await venue.clear_faults()


async def test_faults_are_listed_cleared_and_in_the_ledger(venue: PaperVenue) -> None:
    start = (await venue.ledger())[-1]["seq"]
    armed = await venue.fault("http_500", route="GET /fapi/v1/ti*", count=None)
    async with venue.session.get(f"{venue.base}/control/faults") as response:
        listed = (await response.json())["items"]
    await venue.send("GET", "/fapi/v1/time")
    await venue.clear_faults()
    events = [
        i for i in await venue.ledger(start) if i["kind"] == "event" and "fault" in i["event"]
    ]

    assert [fault["id"] for fault in listed] == [armed["id"]]
    assert [(i["event"], i.get("fault_id", armed["id"])) for i in events] == [
        ("fault_armed", armed["id"]),
        ("fault_bit", armed["id"]),
        ("fault_ended", armed["id"]),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "no_such_verb"},
        {"verb": "http_500", "route": "nowhere"},
        {"verb": "http_500", "nth": 0},
        {"verb": "http_500", "fraction": "0.5"},
        {"verb": "user_close"},
        {"verb": "user_close", "symbol": "NOPE"},
        {"verb": "user_add", "symbol": "BTCUSDT", "side": "up"},
        {"verb": "user_close", "symbol": "BTCUSDT", "nth": 2},
        {"verb": "margin_mode_changed", "symbol": "BTCUSDT", "mode": "wide"},
        {"verb": "lag", "seconds": "soon"},
        {"verb": "http_500", "market": "inverse"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    venue: PaperVenue, body: dict[str, Any]
) -> None:
    async with venue.session.post(f"{venue.base}/control/faults", json=body) as response:
        assert response.status == 400


async def test_transient_not_found(trader: Any, venue: PaperVenue) -> None:
    await venue.fault("not_found_2013", seconds="0.4")
    await _buy(trader)
    with pytest.raises(ccxt.OrderNotFound):
        await _find(trader)
    await asyncio.sleep(0.45)

    assert (await _find(trader))["status"] == "closed"


@pytest.mark.parametrize("route", ["orders.open", "trades", "positions", "balances", "orders.all"])
async def test_look_ups_lag_one_by_one(linear: Any, venue: PaperVenue, route: str) -> None:
    linear.symbol = LINEAR
    reads: dict[str, Any] = {
        "orders.open": lambda: linear.fetch_open_orders(LINEAR),
        "orders.all": lambda: linear.fetch_orders(LINEAR),
        "trades": lambda: linear.fetch_my_trades(LINEAR),
        "positions": lambda: linear.fetch_positions([LINEAR]),
    }
    await venue.fault("lag", route=route, seconds="0.4")
    await _buy(linear)
    await linear.create_order(LINEAR, "limit", "buy", "0.01", "50000")
    if route == "balances":
        free = D((await linear.fetch_balance())["free"]["USDT"])
        await asyncio.sleep(0.45)
        assert free == 10000
        assert D((await linear.fetch_balance())["free"]["USDT"]) < 10000
        return
    lagging = await reads[route]()
    others = [await read() for name, read in reads.items() if name != route]
    await asyncio.sleep(0.45)

    assert lagging == []
    assert all(others)
    assert await reads[route]()


async def test_positions_may_be_empty_or_fail_without_being_flat(
    linear: Any, venue: PaperVenue
) -> None:
    await _long(linear)
    await venue.fault("positions_empty")
    assert await linear.fetch_positions() == []
    await venue.fault("positions_fail")
    with pytest.raises(ccxt.OperationFailed):
        await linear.fetch_positions()

    assert await _quantity(linear) == D("0.01")


async def test_balances_may_be_empty(trader: Any, venue: PaperVenue) -> None:
    await venue.fault("balances_empty")
    assert D((await trader.fetch_balance())["free"].get("USDT", "0")) == 0
    assert D((await trader.fetch_balance())["free"]["USDT"]) == 10000


async def test_decimal_noise_changes_no_number(linear: Any, venue: PaperVenue) -> None:
    await _long(linear)
    plain = (await linear.fetch_my_trades(LINEAR))[0]
    await venue.fault("decimal_noise")
    noisy = (await linear.fetch_my_trades(LINEAR))[0]

    assert noisy["info"] != plain["info"]
    assert (D(noisy["amount"]), D(noisy["price"])) == (D(plain["amount"]), D(plain["price"]))


@pytest.mark.parametrize(
    ("verb", "shown"),
    [
        ("price_zero", "0"),
        ("price_nan", "NaN"),
        ("price_negative", "-60000"),
        ("price_spike", "600000"),
    ],
)
async def test_tickers_may_lie(venue: PaperVenue, traders: Any, verb: str, shown: str) -> None:  # noqa: ARG001 (clears faults)
    await venue.fault(verb, symbol="BTCUSDT")
    _, btc = await venue.send("GET", "/fapi/v1/ticker/price", symbol="BTCUSDT")
    _, eth = await venue.send("GET", "/fapi/v1/ticker/price", symbol="ETHUSDT")

    assert btc["price"] == shown
    assert D(eth["price"]) > 100


async def test_price_gap_fills_beyond_the_stop(linear: Any, venue: PaperVenue) -> None:
    await _long(linear)
    stop = {"stopLossPrice": "58000", "clientOrderId": "sbgap", "reduceOnly": True}
    await linear.create_order(LINEAR, "market", "sell", "0.01", None, stop)
    await venue.fault("price_gap", symbol="BTCUSDT", percent="-10")

    assert await _quantity(linear) == 0
    assert D((await linear.fetch_my_trades(LINEAR))[-1]["price"]) == 54000


async def test_partial_fill_and_its_rest(trader: Any, venue: PaperVenue) -> None:
    await venue.fault("partial_fill", fraction="0.4", client_id_prefix="sb")
    order = await _buy(trader)
    part = await _find(trader)
    await venue.fault("fill_rest", client_id_prefix="sbfault")
    whole = await _find(trader)

    assert order["status"] in {"open", "closed"}
    assert (part["status"], D(part["filled"])) == ("open", D("0.004"))
    assert (whole["status"], D(whole["filled"])) == ("closed", D("0.01"))


async def test_partial_fill_of_a_limit_order_keeps_coins_locked(
    spot: Any, venue: PaperVenue
) -> None:
    await venue.fault("partial_fill", fraction="0.5")
    await spot.create_order(SPOT, "limit", "buy", "0.1", "59000", {"clientOrderId": "sblimit"})
    await venue.price("BTCUSDT", "58000")
    await venue.price("BTCUSDT", "57000")
    balance = await spot.fetch_balance()
    await spot.cancel_order(None, SPOT, {"clientOrderId": "sblimit"})
    after = await spot.fetch_balance()

    # half of 5900
    assert D(balance["used"]["USDT"]) == 2950
    assert (D(after["used"]["USDT"]), D(after["free"]["USDT"])) == (D(0), D(7050))


async def test_rest_without_coins_expires(spot: Any, venue: PaperVenue) -> None:
    await venue.fault("partial_fill", fraction="0.5")
    await spot.create_order(SPOT, "market", "buy", "0.1", None, {"clientOrderId": "sbpart"})
    await spot.create_order(SPOT, "market", "buy", "0.11")
    await venue.fault("fill_rest")
    order = await spot.fetch_order(None, SPOT, {"clientOrderId": "sbpart"})

    assert (order["status"], D(order["filled"])) == ("expired", D("0.05"))
    assert D((await spot.fetch_balance())["free"]["USDT"]) == 400


async def test_partial_then_cancel(trader: Any, venue: PaperVenue) -> None:
    await venue.fault("partial_then_cancel", fraction="0.3")
    await _buy(trader)
    order = await _find(trader)

    assert D(order["filled"]) == D("0.003")
    assert order["status"] in {"expired", "canceled"}
    assert D((await trader.fetch_balance())["used"].get("BTC", "0")) == 0


@pytest.mark.parametrize(
    ("verb", "currency", "cost"),
    # 600 USDT: 0.075 % of it at 600 a coin; -0.01 %; nothing
    [("third_coin_fee", "BNB", "0.00075"), ("rebate", "USDT", "-0.06"), ("zero_fee", "USDT", "0")],
)
async def test_odd_fees(
    linear: Any, venue: PaperVenue, verb: str, currency: str, cost: str
) -> None:
    await venue.price("BNBUSDT", "600")
    await venue.fault(verb)
    await _long(linear)
    fee = (await linear.fetch_my_trades(LINEAR))[0]["fee"]

    assert (fee["currency"], D(fee["cost"])) == (currency, D(cost))


async def test_stop_rejected_or_stuck_at_its_trigger(linear: Any, venue: PaperVenue) -> None:
    await _long(linear)
    for name in ("sbrejected", "sbstuck"):
        stop = {"stopLossPrice": "58000", "clientOrderId": name, "reduceOnly": True}
        await linear.create_order(LINEAR, "market", "sell", "0.01", None, stop)
    await venue.fault("stop_rejected_at_trigger", client_id_prefix="sbrejected")
    await venue.fault("stop_stuck_triggering", client_id_prefix="sbstuck")
    await venue.price("BTCUSDT", "57000")
    found = [
        await linear.fetch_order(None, LINEAR, {"clientOrderId": name, "trigger": True})
        for name in ("sbrejected", "sbstuck")
    ]

    assert [o["info"]["algoStatus"] for o in found] == ["REJECTED", "TRIGGERING"]
    assert await _quantity(linear) == D("0.01")


async def test_every_conditional_order_may_be_refused(linear: Any, venue: PaperVenue) -> None:
    await _long(linear)
    await venue.fault("conditional_4120")
    for _ in range(2):
        with pytest.raises(ccxt.InvalidOrder, match="-4120"):
            await linear.create_order(
                LINEAR, "market", "sell", "0.01", None, {"stopLossPrice": "58000"}
            )
    await linear.create_order(LINEAR, "market", "sell", "0.01", None, {"reduceOnly": True})


async def test_hands_of_the_owner(linear: Any, venue: PaperVenue) -> None:
    who = {"api_key": linear.apiKey, "symbol": "BTCUSDT"}
    await _long(linear)
    stop = {"stopLossPrice": "58000", "clientOrderId": "sbhand", "reduceOnly": True}
    await linear.create_order(LINEAR, "market", "sell", "0.01", None, stop)
    sizes = []
    for verb, fields in (
        ("user_add", {"quantity": "0.03"}),
        ("user_reduce", {"quantity": "0.01"}),
        ("user_cancel_stop", {}),
        ("user_close", {}),
    ):
        done = await venue.fault(verb, **who, **fields)
        assert len(done["done"]) == 1
        sizes.append(await _quantity(linear))

    assert sizes == [D("0.04"), D("0.03"), D("0.03"), D(0)]
    assert await linear.fetch_open_orders(LINEAR, None, None, {"trigger": True}) == []
    mine = [t["info"]["orderId"] for t in await linear.fetch_my_trades(LINEAR)]
    assert len(set(mine)) == 4


async def test_a_hand_may_wait_for_a_request(linear: Any, venue: PaperVenue) -> None:
    await venue.fault("user_close", symbol="BTCUSDT", route="order.create", nth=2)
    await _long(linear)
    before = await _quantity(linear)
    await _buy(linear, "sbsecond")

    assert (before, await _quantity(linear)) == (D("0.01"), D(0))


@pytest.mark.parametrize(("verb", "name"), [("liquidate", "autoclose-"), ("adl", "adl_autoclose")])
async def test_the_venue_closes(linear: Any, venue: PaperVenue, verb: str, name: str) -> None:
    await _long(linear)
    await venue.fault(verb, symbol="BTCUSDT", api_key=linear.apiKey)
    orders = await linear.fetch_orders(LINEAR)

    assert await _quantity(linear) == 0
    assert orders[-1]["clientOrderId"].startswith(name)


async def test_settings_changed_by_the_owner(linear: Any, venue: PaperVenue) -> None:
    who = {"api_key": linear.apiKey, "symbol": "BTCUSDT"}
    await venue.fault("leverage_changed", leverage=7, **who)
    await venue.fault("margin_mode_changed", mode="isolated", **who)
    shown = await linear.fapiPrivateGetSymbolConfig({"symbol": "BTCUSDT"})

    assert (shown[0]["leverage"], shown[0]["marginType"]) == (7, "ISOLATED")


async def test_hedge_mode_refuses_orders_without_a_side(linear: Any, venue: PaperVenue) -> None:
    linear.symbol = LINEAR
    await venue.fault("hedge_mode", api_key=linear.apiKey)
    with pytest.raises(ccxt.OperationRejected):
        await _buy(linear)
    assert (await linear.fetch_position_mode(LINEAR))["hedged"] is True
    await venue.clear_faults()

    await _buy(linear)
    assert (await linear.fetch_position_mode(LINEAR))["hedged"] is False


async def test_halted_symbol_refuses_and_fills_nothing(trader: Any, venue: PaperVenue) -> None:
    await trader.create_order(trader.symbol, "limit", "buy", "0.01", "59000")
    await venue.fault("halt_symbol", symbol="BTCUSDT")
    with pytest.raises(ccxt.BaseError, match=r"Market is closed|symbol status"):
        await _buy(trader)
    await venue.price("BTCUSDT", "58000")
    resting = await trader.fetch_open_orders(trader.symbol)
    markets = await trader.fetch_markets()
    await venue.clear_faults()
    await venue.price("BTCUSDT", "58000")

    assert len(resting) == 1
    assert [m["active"] for m in markets if m["symbol"] == trader.symbol] == [False]
    assert await trader.fetch_open_orders(trader.symbol) == []


async def test_delisted_symbol_settles_and_is_gone(linear: Any, venue: PaperVenue) -> None:
    await _long(linear)
    await venue.fault("delist", symbol="BTCUSDT", market="linear")
    with pytest.raises(ccxt.BadSymbol):
        await _buy(linear)
    symbols = [market["symbol"] for market in await linear.fetch_markets()]
    held = await linear.fetch_positions()
    await venue.clear_faults()

    assert LINEAR not in symbols
    assert held == []
    assert (await linear.fetch_orders(LINEAR))[-1]["clientOrderId"].startswith("settlement_")


async def test_filters_change(linear: Any, venue: PaperVenue) -> None:
    linear.symbol = LINEAR
    await venue.fault("change_filters", symbol="BTCUSDT", quantity_step="0.1", min_notional="100")
    with pytest.raises(ccxt.BadRequest):
        await _buy(linear)
    market = next(m for m in await linear.fetch_markets() if m["symbol"] == LINEAR)

    assert D(market["precision"]["amount"]) == D("0.1")


async def test_trading_permission_is_told(spot: Any, venue: PaperVenue) -> None:
    await venue.fault("no_trade_permission")
    told = await spot.sapiGetAccountApiRestrictions()
    assert told["enableSpotAndMarginTrading"] is False
    await venue.clear_faults()
    assert (await spot.sapiGetAccountApiRestrictions())["enableSpotAndMarginTrading"] is True


async def test_maintenance_says_so(spot: Any, venue: PaperVenue) -> None:
    await venue.fault("maintenance")
    assert (await spot.fetch_status())["status"] == "maintenance"


async def test_clock_jump_makes_requests_too_old(linear: Any, venue: PaperVenue) -> None:
    linear.symbol = LINEAR
    await venue.fault("clock_jump", seconds="-3")
    with pytest.raises(ccxt.InvalidNonce):
        await _buy(linear)
    await linear.load_time_difference()
    linear.options["adjustForTimeDifference"] = True
    await _buy(linear)
    await venue.clear_faults()
    await linear.load_time_difference()
    await _buy(linear, "sbagain")


async def test_there_are_at_least_45_verbs() -> None:
    assert len(VERBS) >= 45
    assert {verb.stage for verb in VERBS.values()} == set(Stage)
