"""Requests to the venues that are not Binance, as the real clients build them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.core.clock import SystemClock
from app.core.errors import Denied, OrderNotFound
from app.exchanges.venue import OrderRequest, VenueStatus
from app.trading.words import MarginMode, MarketType, OrderType, Side
from tests.unit.exchanges.real_clients import SWAP, Open
from tests.unit.exchanges.scripted_venue import Reply, ScriptedVenue

BUY = OrderRequest(
    "sb1",
    SWAP,
    Side.BUY,
    OrderType.MARKET,
    Decimal("0.5"),
    margin_mode=MarginMode.ISOLATED,
)


async def test_okx_place_counts_contracts_and_names_the_margin_mode(
    script: ScriptedVenue, open_venue: Open
) -> None:
    row = {"ordId": "7", "clOrdId": "sb1", "sCode": "0", "sMsg": "", "tag": ""}
    script.script["POST /www.okx.com/api/v5/trade/order"] = Reply({"code": "0", "data": [row]})
    script.script["POST /www.okx.com/api/v5/trade/batch-orders"] = Reply(
        {"code": "0", "data": [row]}
    )
    venue = await open_venue("okx", MarketType.LINEAR)

    report = await venue.place(BUY)

    ((name, body),) = script.requests
    # 0.5 BTC are 50 contracts of 0.01 BTC.
    assert '"sz":"50"' in body, name
    assert '"tdMode":"isolated"' in body
    assert '"clOrdId":"sb1"' in body
    assert (report.status, report.quantity) == (VenueStatus.OPEN, Decimal("0.5"))


async def test_okx_spot_market_buy_is_sized_in_the_coin(
    script: ScriptedVenue, open_venue: Open
) -> None:
    row = {"ordId": "7", "clOrdId": "sb1", "sCode": "0", "sMsg": "", "tag": ""}
    answer = Reply({"code": "0", "data": [row]})
    script.script["POST /www.okx.com/api/v5/trade/order"] = answer
    script.script["POST /www.okx.com/api/v5/trade/batch-orders"] = answer
    venue = await open_venue("okx", MarketType.SPOT)

    await venue.place(replace(BUY, symbol="BTC/USDT", margin_mode=None))

    ((_, body),) = script.requests
    assert '"tgtCcy":"base_ccy"' in body
    assert '"sz":"0.5"' in body


async def test_okx_look_up_is_by_client_id(script: ScriptedVenue, open_venue: Open) -> None:
    row = {
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "ordId": "7",
        "clOrdId": "sb1",
        "state": "partially_filled",
        "side": "buy",
        "ordType": "market",
        "sz": "50",
        "accFillSz": "20",
        "avgPx": "100000",
        "cTime": "1700000000000",
    }
    script.script["GET /www.okx.com/api/v5/trade/order"] = Reply({"code": "0", "data": [row]})
    venue = await open_venue("okx", MarketType.LINEAR)

    report = await venue.find_order(SWAP, "sb1")

    ((_, query),) = script.requests
    assert parse_qs(query) == {"instId": ["BTC-USDT-SWAP"], "clOrdId": ["sb1"]}
    assert (report.quantity, report.filled_quantity) == (Decimal("0.5"), Decimal("0.2"))
    assert report.status is VenueStatus.PARTIALLY_FILLED


async def test_bybit_cancel_is_by_client_id_alone(script: ScriptedVenue, open_venue: Open) -> None:
    path = "POST /api.bybit.com/v5/order/cancel"
    answer = {"retCode": 0, "retMsg": "OK", "result": {"orderId": "7", "orderLinkId": "sb1"}}
    script.script[path] = Reply(answer)
    venue = await open_venue("bybit", MarketType.LINEAR)

    await venue.cancel(SWAP, "sb1")

    (body,) = script.asked(path)
    assert '"orderLinkId":"sb1"' in body
    assert "orderId" not in body


BYBIT_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": "7",
    "orderLinkId": "sb1",
    "side": "Buy",
    "orderType": "Market",
    "orderStatus": "Filled",
    "qty": "0.5",
    "cumExecQty": "0.5",
    "cumExecValue": "50000",
    "avgPrice": "100000",
    "price": "0",
    "timeInForce": "IOC",
    "createdTime": "1700000000000",
    "updatedTime": "1700000000000",
}


def _bybit_list(*orders: dict[str, Any]) -> Reply:
    result = {"category": "linear", "nextPageCursor": "", "list": list(orders)}
    return Reply({"retCode": 0, "retMsg": "OK", "result": result})


async def test_bybit_look_up_goes_through_open_orders_and_then_the_history(
    script: ScriptedVenue, open_venue: Open
) -> None:
    script.script["GET /api.bybit.com/v5/order/realtime"] = _bybit_list()
    script.script["GET /api.bybit.com/v5/order/history"] = _bybit_list(BYBIT_ORDER)
    venue = await open_venue("bybit", MarketType.LINEAR)

    report = await venue.find_order(SWAP, "sb1")

    for _, query in script.requests:
        assert parse_qs(query)["orderLinkId"] == ["sb1"]
        assert "orderId" not in parse_qs(query)
    assert len(script.requests) == 2
    assert (report.status, report.exchange_order_id) == (VenueStatus.FILLED, "7")


async def test_bybit_look_up_of_what_never_was_is_not_found(
    script: ScriptedVenue, open_venue: Open
) -> None:
    script.script["GET /api.bybit.com/v5/order/realtime"] = _bybit_list()
    script.script["GET /api.bybit.com/v5/order/history"] = _bybit_list()
    venue = await open_venue("bybit", MarketType.LINEAR)

    with pytest.raises(OrderNotFound):
        await venue.find_order(SWAP, "sb1")


@pytest.mark.parametrize("mode", ["REGULAR_MARGIN", "PORTFOLIO_MARGIN"])
async def test_bybit_margin_mode_of_the_account_is_never_changed(
    script: ScriptedVenue, open_venue: Open, mode: str
) -> None:
    row = {"symbol": "BTCUSDT", "leverage": "10", "tradeMode": 0, "side": "", "size": "0"}
    info = {"retCode": 0, "retMsg": "OK", "result": {"marginMode": mode}}
    script.script["GET /api.bybit.com/v5/position/list"] = _bybit_list(row)
    script.script["GET /api.bybit.com/v5/account/info"] = Reply(info)
    venue = await open_venue("bybit", MarketType.LINEAR)

    with pytest.raises(Denied, match="shared by all"):
        await venue.prepare(SWAP, leverage=10, margin_mode=MarginMode.ISOLATED)

    assert [name for name, _ in script.requests if name.startswith("POST")] == []


BINGX_ORDER = {
    "symbol": "BTC-USDT",
    "orderId": "7",
    "clientOrderId": "sb1",
    "clientOrderID": "sb1",
    "side": "BUY",
    "positionSide": "BOTH",
    "type": "MARKET",
    "status": "FILLED",
    "origQty": "0.5",
    "executedQty": "0.5",
    "avgPrice": "100000",
    "price": "0",
    "time": 1700000000000,
    "updateTime": 1700000000000,
}


@pytest.mark.parametrize(
    ("market_type", "path", "field"),
    [
        (MarketType.LINEAR, "/openApi/swap/v2/trade/order", "clientOrderId"),
        (MarketType.SPOT, "/openApi/spot/v1/trade/query", "clientOrderID"),
    ],
)
async def test_bingx_look_up_is_by_client_id_alone(
    script: ScriptedVenue, open_venue: Open, market_type: MarketType, path: str, field: str
) -> None:
    data = BINGX_ORDER if market_type is MarketType.SPOT else {"order": BINGX_ORDER}
    name = f"GET /open-api.bingx.com{path}"
    script.script[name] = Reply({"code": 0, "msg": "", "data": data})
    venue = await open_venue("bingx", market_type)
    symbol = "BTC/USDT" if market_type is MarketType.SPOT else SWAP

    report = await venue.find_order(symbol, "sb1")

    (query,) = script.asked(name)
    assert parse_qs(query)[field] == ["sb1"]
    assert "orderId" not in parse_qs(query)
    assert (report.status, report.quantity) == (VenueStatus.FILLED, Decimal("0.5"))


async def test_bingx_cancel_is_by_client_id_alone(script: ScriptedVenue, open_venue: Open) -> None:
    name = "DELETE /open-api.bingx.com/openApi/swap/v2/trade/order"
    cancelled = {**BINGX_ORDER, "status": "CANCELLED"}
    script.script[name] = Reply({"code": 0, "msg": "", "data": {"order": cancelled}})
    venue = await open_venue("bingx", MarketType.LINEAR)

    await venue.cancel(SWAP, "sb1")

    (query,) = script.asked(name)
    assert parse_qs(query)["clientOrderID"] == ["sb1"]
    assert "orderId" not in parse_qs(query)


async def test_bybit_funding_that_was_paid_is_negative_and_in_the_settle_coin(
    script: ScriptedVenue, open_venue: Open
) -> None:
    now = SystemClock().now()
    row = {
        "symbol": "BTCUSDT",
        "execId": "9",
        "execFee": "0.6",
        "execTime": str(int(now.timestamp() * 1000)),
        "execType": "Funding",
        "feeRate": "0.001",
    }
    path = "GET /api.bybit.com/v5/execution/list"
    script.script[path] = _bybit_list(row)
    venue = await open_venue("bybit", MarketType.LINEAR)

    (payment,) = await venue.funding(now - timedelta(days=3))

    assert (payment.venue_id, payment.amount, payment.asset) == ("9", Decimal("-0.6"), "USDT")
    (query,) = script.asked(path)
    assert parse_qs(query)["execType"] == ["Funding"]
