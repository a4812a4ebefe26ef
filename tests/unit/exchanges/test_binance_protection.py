"""What the adapter makes of Binance's answers about conditional orders."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.core.clock import SystemClock
from app.core.errors import OrderRefused, OutcomeUnknown, Retryable
from app.exchanges.ccxt_venue import CcxtVenue
from app.exchanges.client import Credentials
from app.exchanges.room import ExchangeRoom
from app.exchanges.venue import OrderRequest, Trigger, VenueStatus
from app.trading.words import MarketType, OrderType, Side, TriggerBy, TriggerKind
from tests.unit.exchanges.scripted_venue import (
    LINEAR_INFO,
    SPOT_INFO,
    Reply,
    ScriptedVenue,
)

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
ALGO = "/fapi.binance.com/fapi/v1/algoOrder"
LINEAR_ORDER = "GET /fapi.binance.com/fapi/v1/order"
OCO = "POST /api.binance.com/api/v3/orderList/oco"
STOP = OrderRequest(
    "sbstop",
    SWAP,
    Side.SELL,
    OrderType.MARKET,
    Decimal("0.5"),
    reduce_only=True,
    trigger=Trigger(Decimal(58000), TriggerBy.MARK, TriggerKind.STOP),
)
RESTING = {
    "algoId": 70,
    "clientAlgoId": "sbstop",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "timeInForce": "GTC",
    "quantity": "0.5",
    "algoStatus": "NEW",
    "actualOrderId": "",
    "triggerPrice": "58000.00",
    "price": "0",
    "workingType": "MARK_PRICE",
    "closePosition": False,
    "reduceOnly": True,
    "createTime": 1763458576201,
    "updateTime": 1763458576201,
}
CHILD = {
    "orderId": 71,
    "symbol": "BTCUSDT",
    "status": "FILLED",
    "clientOrderId": "made-by-the-venue",
    "price": "0",
    "avgPrice": "57990",
    "origQty": "0.5",
    "executedQty": "0.5",
    "cumQuote": "28995",
    "type": "MARKET",
    "side": "SELL",
    "positionSide": "BOTH",
    "time": 1763458576201,
    "updateTime": 1763458576201,
}


def _with_types(info: dict[str, Any], *types: str) -> Reply:
    (symbol,) = info["symbols"]
    return Reply({"symbols": [{**symbol, "orderTypes": [*symbol["orderTypes"], *types]}]})


@pytest.fixture
async def room(script: ScriptedVenue) -> AsyncIterator[ExchangeRoom]:
    script.script["GET /api.binance.com/api/v3/exchangeInfo"] = _with_types(
        SPOT_INFO, "STOP_LOSS", "TAKE_PROFIT"
    )
    script.script["GET /fapi.binance.com/fapi/v1/exchangeInfo"] = _with_types(
        LINEAR_INFO, "STOP_MARKET", "TAKE_PROFIT_MARKET"
    )
    opened = ExchangeRoom(clock=SystemClock(), paper_url=lambda: script.base, timeout_seconds=1)
    yield opened
    await opened.close()


@pytest.fixture
async def linear(room: ExchangeRoom) -> AsyncIterator[CcxtVenue]:
    venue = await room.venue("paper", MarketType.LINEAR, Credentials("key", "secret"))
    yield venue
    await venue.close()


@pytest.fixture
async def spot(room: ExchangeRoom) -> AsyncIterator[CcxtVenue]:
    venue = await room.venue("paper", MarketType.SPOT, Credentials("key", "secret"))
    yield venue
    await venue.close()


async def test_a_stop_is_an_algo_order_of_an_explicit_quantity(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    script.script[f"POST {ALGO}"] = Reply(RESTING)

    report = await linear.place(STOP)

    sent = parse_qs(script.asked(f"POST {ALGO}")[0])
    asked = {
        "algoType": "CONDITIONAL",
        "type": "STOP_MARKET",
        "quantity": "0.5",
        "triggerPrice": "58000",
        "workingType": "MARK_PRICE",
        "clientAlgoId": "sbstop",
        "reduceOnly": "true",
    }
    assert {key: sent[key][0] for key in asked} == asked
    assert "closePosition" not in sent
    assert (report.status, report.trigger_price) == (VenueStatus.OPEN, Decimal(58000))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "0.4"}, "quantity_mismatch"),
        ({"triggerPrice": "57000"}, "trigger_mismatch"),
        ({"clientAlgoId": "another"}, "outcome_unknown"),
    ],
)
async def test_a_stop_that_is_not_what_was_asked_is_no_proof_of_protection(
    script: ScriptedVenue, linear: CcxtVenue, change: dict[str, str], code: str
) -> None:
    script.script[f"POST {ALGO}"] = Reply({**RESTING, **change})

    with pytest.raises(OutcomeUnknown) as caught:
        await linear.place(STOP)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("algo_status", "status"),
    [
        ("NEW", VenueStatus.OPEN),
        ("TRIGGERING", VenueStatus.OPEN),
        ("CANCELED", VenueStatus.CANCELED),
        ("REJECTED", VenueStatus.REJECTED),
        ("EXPIRED", VenueStatus.EXPIRED),
    ],
)
async def test_a_stop_that_became_no_order_has_the_status_of_its_own(
    script: ScriptedVenue, linear: CcxtVenue, algo_status: str, status: VenueStatus
) -> None:
    script.script[f"GET {ALGO}"] = Reply({**RESTING, "algoStatus": algo_status})

    report = await linear.find_order(SWAP, "sbstop", is_conditional=True)

    assert (report.status, report.filled_quantity) == (status, Decimal(0))


@pytest.mark.parametrize("algo_status", ["TRIGGERING", "TRIGGERED", "FINISHED"])
async def test_a_fired_stop_is_the_order_that_it_became_under_our_id(
    script: ScriptedVenue, linear: CcxtVenue, algo_status: str
) -> None:
    fired = {**RESTING, "algoStatus": algo_status, "actualOrderId": "71"}
    script.script[f"GET {ALGO}"] = Reply(fired)
    script.script[LINEAR_ORDER] = Reply(CHILD)

    report = await linear.find_order(SWAP, "sbstop", is_conditional=True)

    assert parse_qs(script.asked(LINEAR_ORDER)[0])["orderId"] == ["71"]
    assert (report.client_order_id, report.exchange_order_id) == ("sbstop", "70")
    assert (report.status, report.filled_quantity) == (VenueStatus.FILLED, Decimal("0.5"))
    assert (report.executing_order_id, report.average_price) == ("71", Decimal(57990))


@pytest.mark.parametrize("algo_status", ["TRIGGERED", "FINISHED"])
@pytest.mark.parametrize("child_id", ["", "0", "71"])
async def test_a_fired_stop_without_its_order_is_never_an_end(
    script: ScriptedVenue, linear: CcxtVenue, algo_status: str, child_id: str
) -> None:
    fired = {**RESTING, "algoStatus": algo_status, "actualOrderId": child_id}
    script.script[f"GET {ALGO}"] = Reply(fired)
    script.script[LINEAR_ORDER] = Reply({"code": -2013, "msg": "Order does not exist."}, 400)

    with pytest.raises(Retryable):
        await linear.find_order(SWAP, "sbstop", is_conditional=True)


async def test_open_orders_leave_out_a_stop_that_is_an_order_by_now(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    fired = {**RESTING, "algoStatus": "TRIGGERED", "actualOrderId": "71"}
    script.script["GET /fapi.binance.com/fapi/v1/openAlgoOrders"] = Reply([RESTING, fired])
    working = {**CHILD, "status": "PARTIALLY_FILLED", "executedQty": "0.2"}
    script.script["GET /fapi.binance.com/fapi/v1/openOrders"] = Reply([working])

    resting, child = await linear.open_orders(SWAP)

    assert (resting.exchange_order_id, resting.status) == ("70", VenueStatus.OPEN)
    assert (child.exchange_order_id, child.status) == ("71", VenueStatus.PARTIALLY_FILLED)


def _on_spot(kind: TriggerKind, price: int, name: str, side: Side = Side.SELL) -> OrderRequest:
    trigger = Trigger(Decimal(price), TriggerBy.LAST, kind)
    return replace(STOP, client_order_id=name, symbol=SPOT, side=side, trigger=trigger)


def _leg(name: str, number: int, price: str) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": number,
        "clientOrderId": name,
        "price": "0",
        "origQty": "0.5",
        "executedQty": "0",
        "status": "NEW",
        "type": "STOP_LOSS",
        "side": "SELL",
        "stopPrice": price,
        "transactTime": 1700000000000,
    }


LEGS = [_leg("sbtarget", 7, "62000"), _leg("sbstop", 8, "58000")]


@pytest.mark.parametrize(
    ("side", "prices", "expected"),
    [
        (Side.SELL, (58000, 62000), ("TAKE_PROFIT", "62000", "STOP_LOSS", "58000")),
        (Side.BUY, (62000, 58000), ("STOP_LOSS", "62000", "TAKE_PROFIT", "58000")),
    ],
)
async def test_a_pair_has_the_target_where_the_side_wants_it(
    script: ScriptedVenue,
    spot: CcxtVenue,
    side: Side,
    prices: tuple[int, int],
    expected: tuple[str, ...],
) -> None:
    stop, target = prices
    legs = [_leg("sbtarget", 7, str(target)), _leg("sbstop", 8, str(stop))]
    script.script[OCO] = Reply({"orderListId": 1, "orderReports": legs})

    reports = await spot.place_pair(
        "sblist",
        stop=_on_spot(TriggerKind.STOP, stop, "sbstop", side),
        target=_on_spot(TriggerKind.TARGET, target, "sbtarget", side),
    )

    sent = {key: values[0] for key, values in parse_qs(script.asked(OCO)[0]).items()}
    names = ("aboveType", "aboveStopPrice", "belowType", "belowStopPrice")
    assert tuple(sent[name] for name in names) == expected
    assert (sent["listClientOrderId"], sent["quantity"]) == ("sblist", "0.5")
    assert "reduceOnly" not in sent
    assert [row.exchange_order_id for row in reports] == ["8", "7"]


@pytest.mark.parametrize(
    ("legs", "code"),
    [
        (LEGS[:1], "outcome_unknown"),
        ([LEGS[0], {**LEGS[1], "origQty": "0.4"}], "quantity_mismatch"),
        ([LEGS[0], {**LEGS[1], "stopPrice": "57000"}], "trigger_mismatch"),
    ],
)
async def test_a_pair_that_is_not_what_was_asked_is_no_proof(
    script: ScriptedVenue, spot: CcxtVenue, legs: list[dict[str, Any]], code: str
) -> None:
    script.script[OCO] = Reply({"orderListId": 1, "orderReports": legs})

    with pytest.raises(OutcomeUnknown) as caught:
        await spot.place_pair(
            "sblist",
            stop=_on_spot(TriggerKind.STOP, 58000, "sbstop"),
            target=_on_spot(TriggerKind.TARGET, 62000, "sbtarget"),
        )

    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("0.4")},
        {"side": Side.BUY},
        {"trigger": None},
        {"trigger": Trigger(Decimal(57000), TriggerBy.LAST, TriggerKind.TARGET)},
        {"trigger": Trigger(Decimal("62000.001"), TriggerBy.LAST, TriggerKind.TARGET)},
    ],
)
async def test_a_pair_that_is_none_is_not_sent(
    script: ScriptedVenue, spot: CcxtVenue, change: dict[str, Any]
) -> None:
    target = _on_spot(TriggerKind.TARGET, 62000, "sbtarget")

    with pytest.raises(OrderRefused):
        await spot.place_pair(
            "sblist",
            stop=_on_spot(TriggerKind.STOP, 58000, "sbstop"),
            target=replace(target, **change),
        )

    assert script.asked(OCO) == []


async def test_a_symbol_without_stops_is_told_apart_before_anything_is_sent(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script["GET /api.binance.com/api/v3/exchangeInfo"] = Reply(SPOT_INFO)

    with pytest.raises(OrderRefused) as caught:
        await spot.place(_on_spot(TriggerKind.STOP, 58000, "sbstop"))

    assert caught.value.code == "conditional_not_taken"
    assert [name for name, _ in script.requests if name.startswith("POST")] == []
