"""Conditional orders as the real clients of each venue send them, and read what comes back."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.core.errors import OrderRefused, OutcomeUnknown, Retryable
from app.exchanges.venue import OrderRequest, Trigger, VenueStatus
from app.trading.words import MarginMode, MarketType, OrderType, Side, TriggerBy, TriggerKind
from tests.unit.exchanges.real_clients import SPOT, SWAP, Open
from tests.unit.exchanges.scripted_venue import Reply, ScriptedVenue

LINEAR, ON_SPOT = MarketType.LINEAR, MarketType.SPOT
STOP = OrderRequest(
    "sbstop",
    SWAP,
    Side.SELL,
    OrderType.MARKET,
    Decimal("0.5"),
    reduce_only=True,
    margin_mode=MarginMode.ISOLATED,
    trigger=Trigger(Decimal(58000), TriggerBy.MARK, TriggerKind.STOP),
)
TARGET = replace(
    STOP,
    client_order_id="sbtarget",
    trigger=Trigger(Decimal(62000), TriggerBy.LAST, TriggerKind.TARGET),
)


def _on_spot(order: OrderRequest) -> OrderRequest:
    return replace(order, symbol=SPOT, margin_mode=None)


def _sent(script: ScriptedVenue) -> dict[str, str]:
    """The parameters of the one request that was made, as text."""
    ((_, text),) = script.requests
    if text.startswith("{"):
        return {key: str(value) for key, value in json.loads(text).items()}
    return {key: values[0] for key, values in parse_qs(urlsplit(f"?{text}").query).items()}


async def _place(venue: Any, script: ScriptedVenue, order: OrderRequest) -> dict[str, str]:
    """What is sent; the answer is not the point."""
    with pytest.raises((OrderRefused, OutcomeUnknown)):
        await venue.place(order)
    return _sent(script)


OKX_STOP = {
    "ordType": "conditional",
    "slTriggerPx": "58000",
    "slOrdPx": "-1",
    "slTriggerPxType": "mark",
    "sz": "50",
    "side": "sell",
    "algoClOrdId": "sbstop",
    "reduceOnly": "True",
    "tdMode": "isolated",
}
OKX_TARGET = {
    "ordType": "conditional",
    "tpTriggerPx": "62000",
    "tpOrdPx": "-1",
    "tpTriggerPxType": "last",
    "algoClOrdId": "sbtarget",
}
BYBIT_STOP = {
    "category": "linear",
    "orderType": "Market",
    "side": "Sell",
    "qty": "0.5",
    "triggerPrice": "58000",
    "triggerDirection": "2",
    "triggerBy": "MarkPrice",
    "reduceOnly": "True",
    "orderLinkId": "sbstop",
}
BYBIT_TARGET = {"triggerPrice": "62000", "triggerDirection": "1", "triggerBy": "LastPrice"}
BINGX_STOP = {
    "type": "STOP_MARKET",
    "side": "SELL",
    "positionSide": "BOTH",
    "quantity": "0.5",
    "stopPrice": "58000",
    "workingType": "MARK_PRICE",
    "clientOrderID": "sbstop",
}
BINGX_TARGET = {
    "type": "TAKE_PROFIT_MARKET",
    "stopPrice": "62000",
    "workingType": "CONTRACT_PRICE",
    "clientOrderID": "sbtarget",
}


@pytest.mark.parametrize(
    ("exchange", "order", "expected"),
    [
        ("okx", STOP, OKX_STOP),
        ("okx", TARGET, OKX_TARGET),
        ("bybit", STOP, BYBIT_STOP),
        ("bybit", TARGET, BYBIT_TARGET),
        ("bingx", STOP, BINGX_STOP),
        ("bingx", TARGET, BINGX_TARGET),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_contract_stops_and_targets_are_sent_whole(
    script: ScriptedVenue,
    open_venue: Open,
    exchange: str,
    order: OrderRequest,
    expected: dict[str, str],
) -> None:
    sent = await _place(await open_venue(exchange, LINEAR), script, order)

    assert {key: sent.get(key) for key in expected} == expected
    for never in ("closePosition", "closeFraction", "tpslMode", "stopLoss", "takeProfit"):
        assert never not in sent


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        ("okx", {"tdMode": "cash", "slTriggerPx": "58000", "sz": "0.5"}),
        ("bybit", {"orderFilter": "tpslOrder", "triggerPrice": "58000", "qty": "0.5"}),
    ],
)
async def test_spot_stops_trade_what_is_held_and_reduce_nothing(
    script: ScriptedVenue, open_venue: Open, exchange: str, expected: dict[str, str]
) -> None:
    sent = await _place(await open_venue(exchange, ON_SPOT), script, _on_spot(STOP))

    assert {key: sent.get(key) for key in expected} == expected
    assert sent.get("reduceOnly") in {None, "False"}


OKX_ALGO = "GET /www.okx.com/api/v5/trade/order-algo"
OKX_ORDER = "GET /www.okx.com/api/v5/trade/order"
OKX_RESTING = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "algoId": "70",
    "algoClOrdId": "sbstop",
    "clOrdId": "",
    "ordId": "",
    "state": "live",
    "side": "sell",
    "ordType": "conditional",
    "sz": "50",
    "slTriggerPx": "58000",
    "slOrdPx": "-1",
    "tpTriggerPx": "",
    "tpOrdPx": "",
    "cTime": "1700000000000",
}
OKX_CHILD = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "ordId": "71",
    "clOrdId": "",
    "state": "filled",
    "side": "sell",
    "ordType": "market",
    "sz": "50",
    "accFillSz": "50",
    "avgPx": "57990",
    "cTime": "1700000000000",
}


def _okx(*rows: dict[str, Any]) -> Reply:
    return Reply({"code": "0", "msg": "", "data": list(rows)})


async def test_okx_resting_stop_reads_back_under_our_id(
    script: ScriptedVenue, open_venue: Open
) -> None:
    script.script[OKX_ALGO] = _okx(OKX_RESTING)
    venue = await open_venue("okx", LINEAR)

    report = await venue.find_order(SWAP, "sbstop", is_conditional=True)

    assert parse_qs(script.asked(OKX_ALGO)[0])["algoClOrdId"] == ["sbstop"]
    assert (report.status, report.quantity) == (VenueStatus.OPEN, Decimal("0.5"))
    assert (report.trigger_price, report.exchange_order_id) == (Decimal(58000), "70")


async def test_okx_fired_stop_is_the_order_that_it_became(
    script: ScriptedVenue, open_venue: Open
) -> None:
    script.script[OKX_ALGO] = _okx({**OKX_RESTING, "state": "effective", "ordId": "71"})
    script.script[OKX_ORDER] = _okx(OKX_CHILD)
    venue = await open_venue("okx", LINEAR)

    report = await venue.find_order(SWAP, "sbstop", is_conditional=True)

    assert (report.status, report.filled_quantity) == (VenueStatus.FILLED, Decimal("0.5"))
    assert (report.exchange_order_id, report.triggered_order_id) == ("70", "71")
    assert report.client_order_id == "sbstop"


@pytest.mark.parametrize("child", [None, Reply({"code": "51603", "data": [], "msg": "no order"})])
async def test_okx_fired_stop_whose_order_is_not_there_is_nothing_certain(
    script: ScriptedVenue, open_venue: Open, child: Reply | None
) -> None:
    named = "71" if child else ""
    script.script[OKX_ALGO] = _okx({**OKX_RESTING, "state": "effective", "ordId": named})
    if child is not None:
        script.script[OKX_ORDER] = child
    venue = await open_venue("okx", LINEAR)

    with pytest.raises(Retryable):
        await venue.find_order(SWAP, "sbstop", is_conditional=True)


@pytest.mark.parametrize(
    ("state", "status"),
    [("canceled", VenueStatus.CANCELED), ("order_failed", VenueStatus.REJECTED)],
)
async def test_okx_stop_that_ended_without_an_order(
    script: ScriptedVenue, open_venue: Open, state: str, status: VenueStatus
) -> None:
    script.script[OKX_ALGO] = _okx({**OKX_RESTING, "state": state})
    venue = await open_venue("okx", LINEAR)

    assert (await venue.find_order(SWAP, "sbstop", is_conditional=True)).status is status


async def test_okx_cancels_a_stop_where_stops_are(script: ScriptedVenue, open_venue: Open) -> None:
    path = "POST /www.okx.com/api/v5/trade/cancel-algos"
    script.script[path] = _okx({"algoId": "70", "algoClOrdId": "sbstop", "sCode": "0", "sMsg": ""})
    venue = await open_venue("okx", LINEAR)

    await venue.cancel(SWAP, "sbstop", is_conditional=True)

    (body,) = script.asked(path)
    assert json.loads(body) == [{"instId": "BTC-USDT-SWAP", "algoClOrdId": "sbstop"}]


async def test_okx_open_orders_are_of_every_kind(script: ScriptedVenue, open_venue: Open) -> None:
    pending = "GET /www.okx.com/api/v5/trade/orders-algo-pending"
    plain = "GET /www.okx.com/api/v5/trade/orders-pending"
    script.script[pending] = _okx(OKX_RESTING)
    script.script[plain] = _okx({**OKX_CHILD, "state": "live", "accFillSz": "0", "avgPx": ""})
    venue = await open_venue("okx", LINEAR)

    rows = await venue.open_orders(SWAP)

    kinds = [parse_qs(query)["ordType"][0] for query in script.asked(pending)]
    assert kinds == ["conditional", "oco", "trigger", "move_order_stop"]
    assert (rows[0].client_order_id, rows[0].trigger_price) == ("sbstop", Decimal(58000))
    assert (rows[-1].exchange_order_id, rows[-1].trigger_price) == ("71", None)


BYBIT_RESTING = {
    "symbol": "BTCUSDT",
    "orderId": "7",
    "orderLinkId": "sbstop",
    "side": "Sell",
    "orderType": "Market",
    "orderStatus": "Untriggered",
    "qty": "0.5",
    "cumExecQty": "0",
    "cumExecValue": "0",
    "avgPrice": "",
    "price": "0",
    "triggerPrice": "58000",
    "timeInForce": "IOC",
    "reduceOnly": True,
    "createdTime": "1700000000000",
    "updatedTime": "1700000000000",
}


def _bybit(*rows: dict[str, Any]) -> Reply:
    result = {"category": "linear", "nextPageCursor": "", "list": list(rows)}
    return Reply({"retCode": 0, "retMsg": "OK", "result": result})


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, VenueStatus.OPEN),
        ({"orderStatus": "Triggered"}, VenueStatus.OPEN),
        ({"orderStatus": "Deactivated"}, VenueStatus.CANCELED),
        ({"orderStatus": "Rejected"}, VenueStatus.REJECTED),
        (
            {
                "orderStatus": "Filled",
                "cumExecQty": "0.5",
                "cumExecValue": "28995",
                "avgPrice": "57990",
            },
            VenueStatus.FILLED,
        ),
    ],
)
async def test_bybit_stop_keeps_its_number_all_along(
    script: ScriptedVenue, open_venue: Open, change: dict[str, str], status: VenueStatus
) -> None:
    script.script["GET /api.bybit.com/v5/order/realtime"] = _bybit({**BYBIT_RESTING, **change})
    venue = await open_venue("bybit", LINEAR)

    report = await venue.find_order(SWAP, "sbstop", is_conditional=True)

    assert (report.status, report.exchange_order_id) == (status, "7")
    assert (report.triggered_order_id, report.trigger_price) == (None, Decimal(58000))


async def test_bybit_open_orders_are_read_to_the_last_page(
    script: ScriptedVenue, open_venue: Open
) -> None:
    path = "GET /api.bybit.com/v5/order/realtime"
    script.script[path] = _bybit(BYBIT_RESTING)
    venue = await open_venue("bybit", LINEAR)

    rows = await venue.open_orders(SWAP)

    assert [row.client_order_id for row in rows] == ["sbstop"]
    assert parse_qs(script.asked(path)[0])["limit"] == ["50"]


async def test_bybit_finds_a_stranger_by_number(script: ScriptedVenue, open_venue: Open) -> None:
    stranger = {**BYBIT_RESTING, "orderLinkId": "", "orderStatus": "Cancelled"}
    script.script["GET /api.bybit.com/v5/order/realtime"] = _bybit()
    script.script["GET /api.bybit.com/v5/order/history"] = _bybit(stranger)
    venue = await open_venue("bybit", LINEAR)

    report = await venue.find_foreign(SWAP, "7")

    assert [parse_qs(query)["orderId"] for _, query in script.requests] == [["7"], ["7"]]
    assert (report.client_order_id, report.status) == ("", VenueStatus.CANCELED)


async def test_bingx_stop_reads_back(script: ScriptedVenue, open_venue: Open) -> None:
    resting = {
        "symbol": "BTC-USDT",
        "orderId": "7",
        "clientOrderId": "sbstop",
        "side": "SELL",
        "positionSide": "BOTH",
        "type": "STOP_MARKET",
        "status": "NEW",
        "origQty": "0.5",
        "executedQty": "0",
        "avgPrice": "0",
        "price": "0",
        "stopPrice": "58000",
        "workingType": "MARK_PRICE",
        "time": 1700000000000,
        "updateTime": 1700000000000,
    }
    name = "GET /open-api.bingx.com/openApi/swap/v2/trade/order"
    script.script[name] = Reply({"code": 0, "msg": "", "data": {"order": resting}})
    venue = await open_venue("bingx", LINEAR)

    report = await venue.find_order(SWAP, "sbstop", is_conditional=True)

    assert (report.status, report.quantity) == (VenueStatus.OPEN, Decimal("0.5"))
    assert report.trigger_price == 58000


@pytest.mark.parametrize(
    ("exchange", "market_type", "rests", "locks"),
    [
        ("okx", ON_SPOT, True, True),
        ("okx", LINEAR, True, False),
        ("bybit", ON_SPOT, True, True),
        ("bybit", LINEAR, True, False),
        ("bingx", ON_SPOT, False, False),
        ("bingx", LINEAR, True, False),
    ],
)
async def test_abilities_are_of_the_venue_and_the_market(
    open_venue: Open,
    exchange: str,
    market_type: MarketType,
    rests: bool,  # noqa: FBT001 a column of the table
    locks: bool,  # noqa: FBT001 a column of the table
) -> None:
    abilities = (await open_venue(exchange, market_type)).abilities

    assert (abilities.rests_stops, abilities.locks_coins) == (rests, locks)
    assert not abilities.pairs


async def test_a_venue_without_pairs_refuses_one_unasked(
    script: ScriptedVenue, open_venue: Open
) -> None:
    venue = await open_venue("okx", ON_SPOT)

    with pytest.raises(OrderRefused) as caught:
        await venue.place_pair("sblist", stop=_on_spot(STOP), target=_on_spot(TARGET))

    assert caught.value.code == "conditional_not_taken"
    assert script.requests == []
