"""`POST /orders`: by hand, under every rule."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.http.caller import Role
from app.pipeline.signals.status import SignalStatus
from app.strategies.models import Strategy
from app.trading.words import CloseReason
from tests.builders import a_user
from tests.fakes.exchange import UNANSWERED
from tests.integration.desk.front import Front


def an_order(front: Front, **changes: Any) -> dict[str, Any]:
    values = {
        "account_id": str(front.desk.account.id),
        "symbol": "BTCUSDT",
        "side": "buy",
        "order_type": "market",
        "quantity": "0.1",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


async def test_an_entry_becomes_a_signal_the_trader_has_decided(front: Front) -> None:
    row = await front.post(
        "/orders", an_order(front, stop_loss="58000", take_profit="64000"), expect=201
    )

    [signal] = await front.desk.signals()
    [position] = await front.desk.positions()
    manual = await front.desk.one(Strategy, signal.strategy_id)
    assert (row["purpose"], row["quantity"], row["symbol"]) == ("entry", "0.1", "BTC/USDT:USDT")
    assert row["signal_id"] == str(signal.id)
    assert manual.is_manual
    assert signal.status is SignalStatus.EXECUTED
    assert signal.decided_by == front.desk.user.username
    assert (signal.reference_price, signal.alarm_id) == (None, None)
    assert signal.sentence == (
        "Buy 0.1 BTCUSDT.P at market to open a long, stop 58000, target 64000."
    )
    assert (position.stop_loss, position.take_profit) == (Decimal(58000), Decimal(64000))


async def test_every_spelling_of_a_symbol_is_taken(front: Front) -> None:
    for symbol in ("btcusdt", "BTCUSDT.P", "BTC/USDT:USDT", "BINANCE:BTCUSDTPERP"):
        row = await front.post("/orders", an_order(front, symbol=symbol), expect=201)
        assert row["symbol"] == "BTC/USDT:USDT"


async def test_a_denied_order_is_a_422_and_leaves_its_signal(front: Front) -> None:
    await front.call("PUT", "/risk", {"max_notional_total": "5000"})

    answer = await front.post("/orders", an_order(front), expect=422)

    [signal] = await front.desk.signals()
    assert answer["code"] == "max_notional_total"
    assert signal.status is SignalStatus.DENIED
    assert (signal.reason or "").startswith("max_notional_total: ")
    assert await front.desk.orders() == []


async def test_an_order_against_the_book_closes_part_of_it(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)

    row = await front.post("/orders", an_order(front, side="sell", quantity="0.04"), expect=201)

    [position] = await front.desk.positions()
    assert (row["purpose"], row["close_reason"]) == ("exit", "user_stopped")
    assert (row["reduce_only"], row["quantity"]) == (True, "0.04")
    assert position.quantity == Decimal("0.06")


async def test_closing_all_of_it_ends_the_position(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)

    await front.post("/orders", an_order(front, side="sell", reduce_only=True), expect=201)

    [position] = await front.desk.positions()
    assert position.is_closed
    assert position.close_reason is CloseReason.USER_STOPPED


async def test_more_than_is_held_is_refused_and_never_turns_the_book(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)

    answer = await front.post("/orders", an_order(front, side="sell", quantity="0.11"), expect=409)

    [position] = await front.desk.positions()
    assert answer["code"] == "more_than_held"
    assert position.quantity == Decimal("0.1")


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_reduce_only_never_opens(front: Front, side: str) -> None:
    answer = await front.post("/orders", an_order(front, side=side, reduce_only=True), expect=422)

    assert answer["code"] == "nothing_to_close"
    assert await front.desk.orders() == []
    assert await front.desk.signals() == []


async def test_reduce_only_on_the_books_own_side_has_nothing_to_close(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)

    answer = await front.post("/orders", an_order(front, reduce_only=True), expect=422)

    assert answer["code"] == "nothing_to_close"


async def test_a_limit_order_rests_until_it_is_cancelled(front: Front) -> None:
    row = await front.post(
        "/orders", an_order(front, order_type="LIMIT", limit_price="59000.07"), expect=201
    )

    resting = await front.get(f"/orders/{row['id']}")
    assert (resting["status"], resting["limit_price"]) == ("open", "59000")
    front.desk.clock.advance(timedelta(hours=20).total_seconds())
    await front.desk.sweep()
    assert (await front.get(f"/orders/{row['id']}"))["status"] == "open"
    await front.call("DELETE", f"/orders/{row['id']}")
    assert (await front.get(f"/orders/{row['id']}"))["status"] == "canceled"


async def test_when_the_venue_is_silent_nothing_is_ordered_later(front: Front) -> None:
    front.desk.venue.failure = UNANSWERED

    answer = await front.post("/orders", an_order(front), expect=503)
    front.desk.venue.failure = None
    await front.desk.sweep(after_seconds=5)

    [signal] = await front.desk.signals()
    assert "Nothing was ordered" in answer["detail"]
    assert signal.status is SignalStatus.DENIED
    assert await front.desk.orders() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-0.1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"order_type": "limit"}, "limit_price"),
        ({"limit_price": "59000"}, "limit_price"),
        ({"side": "hold"}, "side"),
        ({"order_type": "stop"}, "order_type"),
        ({"stop_loss": "0"}, "stop_loss"),
        ({"leverage": 3}, "leverage"),
    ],
)
async def test_an_order_that_makes_no_sense_is_a_400(
    front: Front, changes: dict[str, Any], field: str
) -> None:
    answer = await front.post("/orders", an_order(front, **changes), expect=400)

    assert field in answer["detail"]
    assert await front.desk.signals() == []


async def test_an_unknown_symbol_is_a_400(front: Front) -> None:
    answer = await front.post("/orders", an_order(front, symbol="NOPEUSDT"), expect=400)

    assert answer["code"] == "unknown_symbol"


async def test_levels_and_limits_do_not_belong_to_an_exit(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)

    sell = an_order(front, side="sell")
    with_stop = await front.post("/orders", {**sell, "stop_loss": "58000"}, expect=400)
    limit = {**sell, "order_type": "limit", "limit_price": "61000"}
    with_limit = await front.post("/orders", limit, expect=400)

    assert (with_stop["code"], with_limit["code"]) == (
        "levels_on_exit",
        "limit_exit_not_supported",
    )


async def test_nobody_orders_on_somebody_elses_account(front: Front) -> None:
    stranger = a_user(front.desk.clock.now())
    viewer = a_user(front.desk.clock.now(), role=Role.VIEWER)

    assert (await front.post("/orders", an_order(front), expect=404, user=stranger))["code"]
    assert (await front.post("/orders", an_order(front), expect=403, user=viewer))["code"]


async def test_an_account_that_is_off_takes_no_entry_but_lets_go(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)
    await front.call("PATCH", f"/accounts/{front.desk.account.id}", {"is_active": False})

    refused = await front.post("/orders", an_order(front), expect=409)
    await front.post("/orders", an_order(front, side="sell"), expect=201)

    [position] = await front.desk.positions()
    assert refused["code"] == "account_inactive"
    assert position.is_closed


async def test_the_same_order_twice_adds_to_the_manual_book(front: Front) -> None:
    await front.post("/orders", an_order(front), expect=201)
    await front.post("/orders", an_order(front, quantity="0.05"), expect=201)

    [position] = await front.desk.positions()
    assert (position.quantity, position.entries) == (Decimal("0.15"), 2)
