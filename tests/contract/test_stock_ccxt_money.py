"""Funding, liquidation, request limits and a key's permissions, as stock ccxt sees them."""

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
    async with running(tmp_path_factory.mktemp("money")) as running_venue:
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
    await venue.control("limits", enforce=False, weight=6000, orders=300)


@pytest_asyncio.fixture(loop_scope="module")
async def linear(traders: Any) -> Any:
    return traders[1]


@pytest_asyncio.fixture(loop_scope="module")
async def spot(traders: Any) -> Any:
    return traders[0]


async def _wallet(linear: Any) -> Decimal:
    return D((await linear.fetch_balance())["total"]["USDT"])


@pytest.mark.parametrize(("side", "sign"), [("buy", -1), ("sell", 1)])
async def test_longs_pay_shorts(linear: Any, venue: PaperVenue, side: str, sign: int) -> None:
    await linear.create_order(LINEAR, "market", side, "0.1")
    before = await _wallet(linear)
    await venue.control("funding", symbol="BTCUSDT", rate="0.0001")
    await venue.control("funding", symbol="BTCUSDT", rate="0.0002")
    rows = await linear.fetch_funding_history(LINEAR)
    rate = await linear.fetch_funding_rate(LINEAR)

    # 0.1 * 60000 * 0.0001 and twice as much
    assert [D(row["amount"]) for row in rows] == [sign * D("0.6"), sign * D("1.2")]
    assert len({row["id"] for row in rows}) == 2
    assert await _wallet(linear) - before == sign * D("1.8")
    assert D(rate["fundingRate"]) == D("0.0002")


async def test_funding_may_be_paid_at_an_interval(linear: Any, venue: PaperVenue) -> None:
    await linear.create_order(LINEAR, "market", "buy", "0.1")
    await venue.control("funding", symbol="BTCUSDT", rate="0.0001", interval_seconds="0.6")
    rows: list[Any] = []
    while len(rows) < 2:
        rows = await linear.fetch_funding_history(LINEAR)
    await venue.control("funding", symbol="BTCUSDT", rate="0")


async def _isolated(linear: Any, leverage: int = 20) -> None:
    await linear.set_margin_mode("isolated", LINEAR)
    await linear.set_leverage(leverage, LINEAR)
    await linear.create_order(LINEAR, "market", "buy", "0.1")


async def test_isolated_position_is_liquidated_at_its_maintenance_margin(
    linear: Any, venue: PaperVenue
) -> None:
    await _isolated(linear)
    stop = {"stopLossPrice": "50000", "clientOrderId": "sborphan", "reduceOnly": True}
    await linear.create_order(LINEAR, "market", "sell", "0.1", None, stop)
    await linear.create_order(LINEAR, "limit", "sell", "0.1", "62000", {"reduceOnly": True})
    liquidation = D(str((await linear.fetch_positions([LINEAR]))[0]["liquidationPrice"]))
    await venue.price("BTCUSDT", str(liquidation.quantize(D(1)) + 1))
    alive = await linear.fetch_positions([LINEAR])
    await venue.price("BTCUSDT", str(liquidation.quantize(D(1)) - 1))

    assert len(alive) == 1
    assert await linear.fetch_positions([LINEAR]) == []
    assert (await linear.fetch_orders(LINEAR))[-1]["clientOrderId"].startswith("autoclose-")
    assert await linear.fetch_open_orders(LINEAR) == []
    # The conditional order is left behind, as Binance leaves it.
    assert len(await linear.fetch_open_orders(LINEAR, None, None, {"trigger": True})) == 1


async def test_an_isolated_position_never_costs_more_than_its_margin(
    linear: Any, venue: PaperVenue
) -> None:
    await _isolated(linear)
    before = await _wallet(linear)
    await venue.price("BTCUSDT", "40000")

    # 6000 / 20
    assert before - await _wallet(linear) == 300


async def test_used_weight_and_order_count_are_told(spot: Any) -> None:
    await spot.create_order(SPOT, "market", "buy", "0.01")
    first = {name.lower(): value for name, value in spot.last_response_headers.items()}
    await spot.fetch_balance()
    second = {name.lower(): value for name, value in spot.last_response_headers.items()}

    assert int(first["x-mbx-order-count-10s"]) >= 1
    used = int(second["x-mbx-used-weight-1m"]) - int(first["x-mbx-used-weight-1m"])
    assert used == 20 or int(second["x-mbx-used-weight-1m"]) == 20


async def test_beyond_the_limit_comes_429_and_then_418(spot: Any, venue: PaperVenue) -> None:
    await venue.control("limits", enforce=True, weight=100)
    codes = []
    for _ in range(10):
        try:
            await spot.fetch_balance()
            codes.append(200)
        except ccxt.DDoSProtection as refusal:
            codes.append(418 if " 418 " in str(refusal) else 429)
            headers = {name.lower(): value for name, value in spot.last_response_headers.items()}
            assert int(headers["retry-after"]) >= 1

    assert codes[:5] == [200] * 5
    assert 429 in codes
    assert codes[-1] == 418


async def test_orders_are_counted_by_account(linear: Any, venue: PaperVenue) -> None:
    await venue.control("limits", enforce=True, orders=2)
    refusals = []
    for _ in range(6):
        try:
            await linear.create_order(LINEAR, "market", "buy", "0.01")
        except ccxt.DDoSProtection as refusal:
            refusals.append(str(refusal))

    # The count may begin anew once in between.
    assert len(refusals) >= 2
    assert all("-1015" in refusal for refusal in refusals)


async def test_a_keys_permissions_are_told(spot: Any, venue: PaperVenue) -> None:
    await venue.control("key", api_key=spot.apiKey, permissions={"enableWithdrawals": True})
    told = await spot.sapiGetAccountApiRestrictions()

    assert (told["enableWithdrawals"], told["enableReading"]) == (True, True)
