"""Nothing is lost, nothing appears: every balance follows from the ledger, digit for digit."""

import asyncio
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.decimals import plain
from tests.unit.paper_exchange.in_process import InProcess

D = Decimal
Ledger = list[dict[str, Any]]

PRICES = ("60000", "59000", "57500", "61000", "62500", "60333.3", "30000")
SIZES = ("0.001", "0.002", "0.01", "0.013", "0.05")
FAULTS: tuple[dict[str, Any], ...] = (
    {"verb": "partial_fill", "fraction": "0.37"},
    {"verb": "partial_then_cancel", "fraction": "0.6"},
    {"verb": "fill_rest"},
    {"verb": "third_coin_fee"},
    {"verb": "rebate"},
    {"verb": "zero_fee"},
    {"verb": "http_500_accepted"},
    {"verb": "http_503"},
    {"verb": "malformed_json"},
    {"verb": "stop_rejected_at_trigger"},
    {"verb": "user_close", "symbol": "BTCUSDT"},
    {"verb": "user_add", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.01"},
    {"verb": "user_cancel_orders", "symbol": "BTCUSDT"},
    {"verb": "liquidate", "symbol": "BTCUSDT"},
    {"verb": "adl", "symbol": "BTCUSDT", "fraction": "0.5"},
    {"verb": "price_gap", "symbol": "BTCUSDT", "percent": "-7"},
)

sides = st.sampled_from(("BUY", "SELL"))
markets = st.sampled_from(("/api/v3/order", "/fapi/v1/order"))
actions = st.one_of(
    st.tuples(st.just("market"), markets, sides, st.sampled_from(SIZES)),
    st.tuples(
        st.just("limit"), markets, sides, st.sampled_from(SIZES), st.sampled_from(PRICES[:5])
    ),
    st.tuples(st.just("stop"), sides, st.sampled_from(SIZES), st.sampled_from(PRICES[:5])),
    st.tuples(st.just("algo"), sides, st.sampled_from(SIZES), st.sampled_from(PRICES[:5])),
    st.tuples(st.just("pair"), st.sampled_from(SIZES)),
    st.tuples(st.just("price"), st.sampled_from(PRICES)),
    st.tuples(st.just("funding"), st.sampled_from(("0.0001", "-0.0003"))),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
)


async def _act(venue: InProcess, action: tuple[Any, ...]) -> None:
    match action:
        case ("price", price):
            await venue.control("price", symbol="BTCUSDT", price=price)
        case ("funding", rate):
            await venue.control("funding", symbol="BTCUSDT", rate=rate)
        case ("fault", fault):
            await venue.control("faults", **fault)
        case _:
            await _order(venue, action)


async def _order(venue: InProcess, action: tuple[Any, ...]) -> None:
    match action:
        case ("market", path, side, size):
            await venue.send(
                "POST", path, symbol="BTCUSDT", side=side, type="MARKET", quantity=size
            )
        case ("limit", path, side, size, price):
            order = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "quantity": size}
            await venue.send("POST", path, **order, price=price, timeInForce="GTC")
        case ("stop", side, size, price):
            order = {"symbol": "BTCUSDT", "side": side, "type": "STOP_LOSS", "quantity": size}
            await venue.send("POST", "/api/v3/order", **order, stopPrice=price)
        case ("algo", side, size, price):
            order = {"symbol": "BTCUSDT", "side": side, "type": "STOP_MARKET", "quantity": size}
            order |= {"algoType": "CONDITIONAL", "triggerPrice": price}
            await venue.send("POST", "/fapi/v1/algoOrder", **order)
        case ("pair", size):
            pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "62000"}
            pair |= {"belowType": "STOP_LOSS", "belowStopPrice": "58000"}
            order = {"symbol": "BTCUSDT", "side": "SELL", "quantity": size, **pair}
            await venue.send("POST", "/api/v3/orderList/oco", **order)


async def _play(folder: Path, story: list[tuple[Any, ...]]) -> tuple[Ledger, Any, Any]:
    venue = InProcess(folder)
    await venue.control("price", symbol="BTCUSDT", price="60000")
    await venue.open_account({"spot": {"USDT": "5000", "BTC": "0.2"}, "linear": {"USDT": "1000"}})
    await venue.send("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    for action in story:
        await _act(venue, action)
    await venue.request("DELETE", "/control/faults", "", "")
    await venue.control("faults", verb="fill_rest")
    await venue.control("faults", verb="user_cancel_orders", symbol="BTCUSDT")
    await venue.control("faults", verb="user_close", symbol="BTCUSDT")
    spot = await venue.send("GET", "/api/v3/account")
    linear = await venue.send("GET", "/fapi/v3/balance")
    ledger = await venue.ledger()
    await venue.exchange.stop()
    return ledger, spot, linear


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=st.lists(actions, min_size=5, max_size=30))
def test_every_balance_follows_from_the_ledger(story: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger, spot, linear = asyncio.run(_play(Path(folder), story))

    changes: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    last: dict[tuple[str, str], Decimal] = {}
    for item in ledger:
        if item["kind"] == "balance":
            key = (item["market"], item["asset"])
            changes[key] += D(item["change"])
            assert D(item["free"]) + D(item["locked"]) == changes[key], item
            last[key] = D(item["locked"])

    shown = {("spot", row["asset"]): D(row["free"]) for row in spot["balances"]}
    shown["linear", "USDT"] = D(linear[0]["balance"])
    assert {key: plain(value) for key, value in shown.items() if value} == {
        key: plain(value.quantize(D("1e-8")))
        for key, value in changes.items()
        if value and key in shown
    }
    assert not any(last.values())
    _check_linear(ledger)
    _check_spot(ledger)
    _check_orders(ledger)


def _check_linear(ledger: Ledger) -> None:
    """Flat at the end: what was made is what was sold for less what was bought for."""
    fills = [i for i in ledger if i["kind"] == "fill" and i["market"] == "linear"]
    signed = sum((_signed(fill) for fill in fills), D(0))
    value = sum((-_signed(fill) * D(fill["price"]) for fill in fills), D(0))
    realized = sum((D(fill["realized_pnl"]) for fill in fills), D(0))
    opened = sum((D(fill["opened"]) for fill in fills), D(0))
    closed = sum((D(fill["closed"]) for fill in fills), D(0))
    booked = _reasons(ledger, "linear", "USDT")
    fees = sum((D(fill["fee"]) for fill in fills if fill["fee_asset"] == "USDT"), D(0))

    assert signed == 0
    assert opened == closed
    assert realized == value
    assert booked["realized_pnl"] == realized
    assert booked["fee"] == -fees


def _check_spot(ledger: Ledger) -> None:
    fills = [i for i in ledger if i["kind"] == "fill" and i["market"] == "spot"]
    for asset, amount in (("BTC", _signed), ("USDT", _spent)):
        moved = sum((amount(fill) for fill in fills), D(0))
        fees = sum((D(fill["fee"]) for fill in fills if fill["fee_asset"] == asset), D(0))
        assert _reasons(ledger, "spot", asset)["trade"] == moved - fees


def _check_orders(ledger: Ledger) -> None:
    """No order fills more than it asked for, and none fills before it was accepted."""
    asked: dict[int, Decimal] = {}
    filled: defaultdict[int, Decimal] = defaultdict(Decimal)
    for item in ledger:
        if item["kind"] == "order" and item["event"] == "accepted":
            asked[item["order_id"]] = D(item["quantity"])
        if item["kind"] == "fill":
            filled[item["order_id"]] += D(item["quantity"])
            assert filled[item["order_id"]] <= asked[item["order_id"]]


def _signed(fill: dict[str, Any]) -> Decimal:
    quantity = D(fill["quantity"])
    return quantity if fill["side"] == "buy" else -quantity


def _spent(fill: dict[str, Any]) -> Decimal:
    return -_signed(fill) * D(fill["price"])


def _reasons(ledger: Ledger, market: str, asset: str) -> defaultdict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in ledger:
        if item["kind"] == "balance" and (item["market"], item["asset"]) == (market, asset):
            sums[item["reason"]] += D(item["change"])
    return sums
