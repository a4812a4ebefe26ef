import asyncio
import decimal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.core.errors import (
    AuthRefused,
    Denied,
    ExchangeError,
    InsufficientFunds,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Retryable,
)
from app.exchanges.ccxt_venue import CcxtVenue
from app.exchanges.client import Credentials
from app.exchanges.room import ExchangeRoom
from app.exchanges.venue import OrderRequest, VenueStatus
from app.trading.words import MarginMode, MarketType, OrderType, Side, TimeInForce
from tests.unit.exchanges.scripted_venue import ORDER, Reply, ScriptedVenue

SPOT_ORDER = "POST /api.binance.com/api/v3/order"
SPOT_LOOK_UP = "GET /api.binance.com/api/v3/order"
SPOT_CANCEL = "DELETE /api.binance.com/api/v3/order"
SPOT_ACCOUNT = "GET /api.binance.com/api/v3/account"
LINEAR = "/fapi.binance.com/fapi"
KEY = Credentials("the-key", "the-secret")
BUY = OrderRequest("sb1", "BTC/USDT", Side.BUY, OrderType.MARKET, Decimal("0.5"))


@pytest.fixture
async def room(script: ScriptedVenue) -> AsyncIterator[ExchangeRoom]:
    opened = ExchangeRoom(clock=SystemClock(), paper_url=lambda: script.base, timeout_seconds=0.3)
    yield opened
    await opened.close()


@pytest.fixture
async def spot(room: ExchangeRoom) -> AsyncIterator[CcxtVenue]:
    venue = await room.venue("paper", MarketType.SPOT, KEY)
    yield venue
    await venue.close()


@pytest.fixture
async def linear(room: ExchangeRoom) -> AsyncIterator[CcxtVenue]:
    venue = await room.venue("paper", MarketType.LINEAR, KEY)
    yield venue
    await venue.close()


async def test_place_when_filled_at_once_then_reports_the_fills_of_the_answer(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_ORDER] = Reply(ORDER)

    report = await spot.place(BUY)

    assert report.status is VenueStatus.FILLED
    assert report.average_price == 100000
    (fill,) = report.fills
    assert (fill.exchange_trade_id, fill.exchange_order_id) == ("9", "7")
    assert (fill.fee, fill.fee_asset) == (Decimal("0.0005"), "BTC")


async def test_place_when_market_then_sends_a_quantity_and_never_a_price(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_ORDER] = Reply(ORDER)

    await spot.place(replace(BUY, limit_price=Decimal(99000), reduce_only=True))

    (sent,) = script.asked(SPOT_ORDER)
    assert "quantity=0.5&" in sent
    assert "newClientOrderId=sb1&" in sent
    for absent in ("price", "quoteOrderQty", "reduceOnly", "timeInForce"):
        assert absent not in sent


@pytest.mark.parametrize(
    ("time_in_force", "sent"),
    [
        (None, "timeInForce=GTC"),
        (TimeInForce.GTC, "timeInForce=GTC"),
        (TimeInForce.IOC, "timeInForce=IOC"),
        (TimeInForce.FOK, "timeInForce=FOK"),
        (TimeInForce.POST_ONLY, "type=LIMIT_MAKER"),
    ],
)
async def test_place_when_limit_then_sends_price_and_time_in_force(
    script: ScriptedVenue, spot: CcxtVenue, time_in_force: TimeInForce | None, sent: str
) -> None:
    answer = {key: value for key, value in ORDER.items() if key != "fills"}
    script.script[SPOT_ORDER] = Reply({**answer, "status": "NEW", "executedQty": "0"})
    request = replace(
        BUY,
        order_type=OrderType.LIMIT,
        limit_price=Decimal("100000.01"),
        time_in_force=time_in_force,
    )

    report = await spot.place(request)

    (query,) = script.asked(SPOT_ORDER)
    assert "price=100000.01&" in query
    assert sent in query
    assert report.status is VenueStatus.OPEN


async def test_place_when_reduce_only_on_contracts_then_says_so(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    answer = {key: value for key, value in ORDER.items() if key != "fills"}
    script.script[f"POST {LINEAR}/v1/order"] = Reply({**answer, "avgPrice": "100000"})

    report = await linear.place(replace(BUY, symbol="BTC/USDT:USDT", reduce_only=True))

    assert "reduceOnly=true" in script.asked(f"POST {LINEAR}/v1/order")[0]
    assert report.fills == ()


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("0.000019")},
        {"quantity": Decimal("0.0000001")},
        {"order_type": OrderType.LIMIT, "limit_price": Decimal("99999.987")},
        {"order_type": OrderType.LIMIT, "limit_price": None},
        {"symbol": "NOPE/USDT"},
    ],
)
async def test_place_when_it_is_not_on_the_venues_steps_then_nothing_is_sent(
    script: ScriptedVenue, spot: CcxtVenue, change: dict[str, Any]
) -> None:
    with pytest.raises(OrderRefused):
        await spot.place(replace(BUY, **change))

    assert script.asked(SPOT_ORDER) == []


UNPROVED = [
    Reply(seconds=2),
    Reply(is_dropped=True),
    Reply(text='{"symbol":"BTCUSDT","orderId":7,"cli'),
    Reply(text="", content_type="text/plain"),
    Reply(text="<html>bad gateway</html>", status=502, content_type="text/html"),
    Reply({"code": -1000, "msg": "An unknown error occured"}, 503),
    Reply({"code": -1007, "msg": "Timeout waiting for response"}, 408),
    Reply({"code": -1008, "msg": "Server is currently overloaded"}, 503),
    Reply({"code": -4999, "msg": "a code nobody knows"}, 400),
    Reply({}),
    Reply({**ORDER, "clientOrderId": "another"}),
    Reply({**ORDER, "status": "NEWS"}),
    Reply({**ORDER, "origQty": "0.4"}),
    Reply({"code": -2010, "msg": "Duplicate order sent."}, 400),
]


@pytest.mark.parametrize("reply", UNPROVED)
async def test_place_when_the_answer_proves_nothing_then_the_outcome_is_unknown(
    script: ScriptedVenue, spot: CcxtVenue, reply: Reply
) -> None:
    script.script[SPOT_ORDER] = reply

    with pytest.raises(OutcomeUnknown) as caught:
        await spot.place(BUY)

    assert len(script.asked(SPOT_ORDER)) == 1
    assert "signature" not in caught.value.detail
    assert caught.value.__cause__ is None


POOR = "Account has insufficient balance for requested action."
REFUSALS: list[tuple[Reply, type[ExchangeError]]] = [
    (
        Reply(
            {"code": -2010, "msg": "Account has insufficient balance for requested action."}, 400
        ),
        InsufficientFunds,
    ),
    (Reply({"code": -1013, "msg": "Filter failure: LOT_SIZE"}, 400), OrderRefused),
    (Reply({"code": -1013, "msg": "Filter failure: NOTIONAL"}, 400), OrderRefused),
    (Reply({"code": -1021, "msg": "Timestamp for this request"}, 400), Retryable),
    (Reply({"code": -1022, "msg": "Signature is not valid"}, 400), AuthRefused),
    (Reply({"code": -2015, "msg": "Invalid API-key, IP"}, 401), AuthRefused),
    (Reply({"code": -1003, "msg": "Too many requests"}, 429), RateLimited),
    (Reply(text="banned", status=418, content_type="text/plain"), RateLimited),
]


@pytest.mark.parametrize(("reply", "family"), REFUSALS)
async def test_place_when_the_venue_refuses_then_nothing_was_accepted(
    script: ScriptedVenue, spot: CcxtVenue, reply: Reply, family: type[ExchangeError]
) -> None:
    script.script[SPOT_ORDER] = reply

    with pytest.raises(ExchangeError) as caught:
        await spot.place(BUY)

    assert type(caught.value) is family
    assert len(script.asked(SPOT_ORDER)) == 1


async def test_place_when_the_markets_cannot_be_loaded_then_nothing_was_sent(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script["GET /api.binance.com/api/v3/exchangeInfo"] = Reply(status=503, text="down")

    with pytest.raises(Retryable):
        await spot.place(BUY)

    assert script.asked(SPOT_ORDER) == []


async def test_place_when_cancelled_by_us_then_it_stays_a_cancellation(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_ORDER] = Reply(ORDER, seconds=0.2)
    placing = asyncio.create_task(spot.place(BUY))
    await asyncio.wait_for(script.arrived.wait(), 2)

    placing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await placing


async def test_adapter_leaves_the_decimal_context_as_it_was(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_ORDER] = Reply(ORDER)
    before = decimal.getcontext().copy()

    await spot.place(BUY)
    with pytest.raises(OrderRefused):
        await spot.place(replace(BUY, quantity=Decimal("0.000019")))

    after = decimal.getcontext()
    assert (after.rounding, after.traps, after.prec) == (
        before.rounding,
        before.traps,
        before.prec,
    )


@pytest.mark.parametrize(
    "reply",
    [
        Reply(is_dropped=True),
        Reply(seconds=2),
        Reply(text='{"balances":[{"asset":"US'),
        Reply({}),
        Reply(status=503, text="<html>"),
    ],
)
async def test_balances_when_the_question_fails_then_it_is_not_an_empty_account(
    script: ScriptedVenue, spot: CcxtVenue, reply: Reply
) -> None:
    script.script[SPOT_ACCOUNT] = reply

    with pytest.raises(Retryable):
        await spot.balances()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(is_dropped=True),
        Reply(text='[{"symbol":"BTCUSDT","positionAm'),
        Reply(text="[]x"),
        Reply({}),
        Reply({"code": -1000, "msg": "unknown"}, 500),
    ],
)
async def test_positions_when_the_question_fails_then_it_is_not_flat(
    script: ScriptedVenue, linear: CcxtVenue, reply: Reply
) -> None:
    brackets = [{"symbol": "BTCUSDT", "brackets": []}]
    script.script[f"GET {LINEAR}/v1/leverageBracket"] = Reply(brackets)
    script.script[f"GET {LINEAR}/v3/positionRisk"] = reply

    with pytest.raises(Retryable):
        await linear.positions()


async def test_positions_on_spot_are_none_without_asking(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    assert await spot.positions() == []
    assert script.requests == []


async def test_find_order_when_absent_then_not_found_and_nothing_else(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_LOOK_UP] = Reply({"code": -2013, "msg": "Order does not exist."}, 400)

    with pytest.raises(OrderNotFound):
        await spot.find_order("BTC/USDT", "sb1")

    assert "origClientOrderId=sb1" in script.asked(SPOT_LOOK_UP)[0]


async def test_find_order_when_the_venue_fails_then_it_proves_nothing(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_LOOK_UP] = Reply(is_dropped=True)

    with pytest.raises(Retryable):
        await spot.find_order("BTC/USDT", "sb1")


async def test_cancel_when_the_order_has_ended_then_not_found(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_CANCEL] = Reply({"code": -2011, "msg": "Unknown order sent."}, 400)

    with pytest.raises(OrderNotFound):
        await spot.cancel("BTC/USDT", "sb1")


async def test_cancel_when_the_connection_drops_then_unknown(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    script.script[SPOT_CANCEL] = Reply(is_dropped=True)

    with pytest.raises(OutcomeUnknown):
        await spot.cancel("BTC/USDT", "sb1")


async def test_fills_asks_for_one_order_and_keeps_only_its_trades(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    trade = {
        "symbol": "BTCUSDT",
        "id": 9,
        "orderId": 7,
        "price": "100000",
        "qty": "0.5",
        "commission": "0.0005",
        "commissionAsset": "BTC",
        "time": 1700000000000,
        "isBuyer": True,
        "isMaker": False,
    }
    trades = [trade, {**trade, "id": 10, "orderId": 8}]
    script.script["GET /api.binance.com/api/v3/myTrades"] = Reply(trades)

    (fill,) = await spot.fills("BTC/USDT", "7", datetime(2023, 1, 1, tzinfo=UTC))

    assert fill.exchange_trade_id == "9"
    (query,) = script.asked("GET /api.binance.com/api/v3/myTrades")
    assert "orderId=7" in query
    assert "startTime" not in query


async def test_fills_when_the_page_is_full_then_asks_for_all_the_trades(
    script: ScriptedVenue, spot: CcxtVenue
) -> None:
    trade = {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "price": "100000",
        "qty": "0.5",
        "commission": "0.0005",
        "commissionAsset": "BTC",
        "isBuyer": True,
        "isMaker": False,
    }
    first = 1700000000000
    page = [{**trade, "id": number, "time": first + number} for number in range(1000)]
    path = "GET /api.binance.com/api/v3/myTrades"
    script.script[path] = Reply(page)

    fills = await spot.fills("BTC/USDT", "7", datetime(2023, 1, 1, tzinfo=UTC))

    assert len(fills) == 1000
    by_order, first_page, rest = script.asked(path)
    assert "orderId=7" in by_order
    assert "startTime=1672531200000" in first_page
    assert f"startTime={first + 999}" in rest


def _config(leverage: int, margin_type: str) -> Reply:
    return Reply([{"symbol": "BTCUSDT", "marginType": margin_type, "leverage": leverage}])


async def test_prepare_when_it_is_as_asked_already_then_changes_nothing(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    script.script[f"GET {LINEAR}/v1/symbolConfig"] = _config(3, "ISOLATED")

    await linear.prepare("BTC/USDT:USDT", leverage=3, margin_mode=MarginMode.ISOLATED)

    assert [name for name, _ in script.requests if name.startswith("POST")] == []


async def test_prepare_when_the_venue_keeps_another_setting_then_denied(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    script.script[f"GET {LINEAR}/v1/symbolConfig"] = _config(20, "CROSSED")
    script.script[f"POST {LINEAR}/v1/marginType"] = Reply(
        {"code": -4046, "msg": "No need to change margin type."}, 400
    )
    script.script[f"POST {LINEAR}/v1/leverage"] = Reply({"leverage": 3, "symbol": "BTCUSDT"})

    with pytest.raises(Denied, match="isolated at 3x, the venue has it cross at 20x"):
        await linear.prepare("BTC/USDT:USDT", leverage=3, margin_mode=MarginMode.ISOLATED)


async def test_prepare_when_a_position_is_open_then_says_what_the_venue_said(
    script: ScriptedVenue, linear: CcxtVenue
) -> None:
    script.script[f"GET {LINEAR}/v1/symbolConfig"] = _config(20, "CROSSED")
    script.script[f"POST {LINEAR}/v1/marginType"] = Reply(
        {"code": -4048, "msg": "Margin type cannot be changed if there exists position."}, 400
    )

    with pytest.raises(OrderRefused, match="there exists position"):
        await linear.prepare("BTC/USDT:USDT", leverage=3, margin_mode=MarginMode.ISOLATED)


@pytest.mark.parametrize("is_hedged", [True, False])
async def test_is_one_way_reads_the_position_mode(
    script: ScriptedVenue,
    linear: CcxtVenue,
    is_hedged: bool,  # noqa: FBT001 a parameter of the table
) -> None:
    script.script[f"GET {LINEAR}/v1/positionSide/dual"] = Reply({"dualSidePosition": is_hedged})

    assert await linear.is_one_way() is not is_hedged


async def test_two_accounts_share_one_load_of_the_markets(
    script: ScriptedVenue, room: ExchangeRoom, spot: CcxtVenue
) -> None:
    script.script[SPOT_ORDER] = Reply(ORDER)
    other = await room.venue("paper", MarketType.SPOT, Credentials("other", "key"))

    await asyncio.gather(spot.place(BUY), other.place(BUY))
    await other.close()

    assert len(script.asked("GET /api.binance.com/api/v3/exchangeInfo")) == 1
    assert not [name for name, _ in script.requests if "sapi" in name]
