"""From an approved signal to an order, or to a denial with its figures; what the venue answers."""

from decimal import Decimal
from typing import Any

import pytest

from app.audit.models import AuditEntry
from app.db.session import Database
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval, SizingMode
from app.trading.words import MarketType, OrderType, Side, TimeInForce
from tests.builders import ETHER, LINEAR, d
from tests.fakes.exchange import UNANSWERED, Outcome
from tests.integration.flow.desk import Desk, open_desk

GONE_BEFORE_ACCEPT = Outcome.DROP_BEFORE_ACCEPT
GONE_AFTER_ACCEPT = Outcome.DROP_AFTER_ACCEPT


async def the_reason(desk: Desk) -> str:
    """Why the last signal went no further; nothing may have been sent for it."""
    signal = (await desk.signals())[-1]
    assert signal.status is SignalStatus.DENIED, signal.status
    return signal.reason or ""


async def the_order(desk: Desk) -> Order:
    return (await desk.orders())[-1]


@pytest.mark.parametrize(
    ("alert", "reason"),
    [
        ({"position_side": "long", "quantity": None, "action": "long"}, "no_size: "),
        ({"quantity": "0.00012"}, "below_min_notional: BTC/USDT:USDT: 0 at 60000 is 0 USDT, "),
        ({"quantity": "0.1", "stop_loss": "61000"}, "stop_on_wrong_side: "),
        ({"quantity": "0.1", "take_profit": "59000"}, "target_on_wrong_side: "),
        # 2 · 60,000 and 0.1 % of it, against 100,000.
        (
            {"quantity": "2"},
            "insufficient_funds: needs 120120 USDT with fee, 100000 USDT is free",
        ),
    ],
)
async def test_an_entry_when_it_cannot_be_made_then_is_denied_with_its_figures(
    desk: Desk, alert: dict[str, Any], reason: str
) -> None:
    body = {"action": "buy", **alert}
    if body.get("quantity", "") is None:
        await desk.deliver(b'{"symbol":"BTCUSDT.P","action":"buy","id":"no size"}')
    else:
        await desk.alert(**body)

    assert (await the_reason(desk)).startswith(reason)
    assert desk.sent == []


@pytest.mark.parametrize(
    ("limits", "alert", "reason"),
    [
        ({"max_open_positions": 0}, {}, "max_open_positions: 1 open positions, at most 0"),
        (
            {"max_notional_per_symbol": d("5000")},
            {},
            "max_notional_per_symbol: 6000 USDT on BTC/USDT:USDT, at most 5000",
        ),
        ({"max_notional_total": d("5999")}, {}, "max_notional_total: 6000 USDT in all"),
        ({"allowed_symbols": [ETHER]}, {}, "symbol_not_allowed: BTC/USDT:USDT"),
        (
            {"max_price_drift_percent": d("1")},
            {"price": "59000"},
            # (60000 - 59000) / 59000 = 1.6949 %
            "price_drift: 60000 is 1.6949 % from 59000, at most 1 %",
        ),
        (
            {"max_daily_loss": d("100")},
            {"stop_loss": "58000"},
            # 0.1 · (2000 + 0.001 · (60000 + 58000)) = 211.8
            "daily_loss_would_exceed: would lose 211.8 at its stop, 100 is left today",
        ),
        ({"max_orders_per_minute": 0}, {}, "max_orders_per_minute: 1 orders in a minute"),
    ],
)
async def test_an_entry_when_a_limit_is_reached_then_is_denied_by_that_rule(
    desk: Desk, limits: dict[str, Any], alert: dict[str, Any], reason: str
) -> None:
    await desk.limits(**limits)

    await desk.alert(**alert)

    assert (await the_reason(desk)).startswith(reason)
    assert desk.sent == []


async def test_an_entry_when_the_kill_switch_is_on_then_is_denied(desk: Desk) -> None:
    await desk.kill_switch()

    await desk.alert()

    assert (await the_reason(desk)).startswith("kill_switch: the user's kill switch is on")
    assert await desk.orders() == []


async def test_an_entry_when_another_book_points_the_other_way_then_is_denied(desk: Desk) -> None:
    other = await desk.another_strategy()
    await desk.alert(action="buy")

    await desk.alert(action="sell", strategy=other)

    reason = await the_reason(desk)
    assert reason == "opposite_exposure: a long of 0.1 is held or being opened"
    assert desk.venue.held(LINEAR) == d("0.1")


async def test_a_short_on_spot_when_it_is_asked_for_then_is_denied(spot_desk: Desk) -> None:
    await spot_desk.alert(action="short")

    assert (await the_reason(spot_desk)).startswith("spot_cannot_short: ")


async def test_sizing_by_risk_when_there_is_no_stop_then_is_denied(database: Database) -> None:
    async with open_desk(
        database, sizing_mode=SizingMode.RISK_PERCENT, sizing_value=d("1")
    ) as desk:
        await desk.alert()

        assert (await the_reason(desk)).startswith("no_stop: ")


async def test_sizing_by_risk_when_there_is_a_stop_then_loses_that_share_there(
    database: Database,
) -> None:
    async with open_desk(
        database, sizing_mode=SizingMode.RISK_PERCENT, sizing_value=d("1")
    ) as desk:
        await desk.alert(stop_loss="58000")

        # 1 % of 100,000 / (2,000 + 0.001 · 118,000) = 0.47214…, on the lot 0.472
        assert (await the_order(desk)).quantity == d("0.472")


async def test_the_price_at_receipt_when_the_alert_brings_none_then_bounds_the_drift(
    database: Database,
) -> None:
    async with open_desk(
        database, approval=Approval.MANUAL, max_price_drift_percent=d("1")
    ) as desk:
        await desk.alert()
        [signal] = await desk.signals()
        assert signal.reference_price == d("60000")
        desk.clock.advance(5)
        await desk.price("60700")

        await desk.approve(signal.id)

        # 700 / 60,000 = 1.1667 %
        assert (await the_reason(desk)).startswith("price_drift: 60700 is 1.1667 % from 60000")


async def test_an_accepted_order_when_its_answer_is_lost_then_is_adopted_by_its_id(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    await desk.alert()

    await desk.sweep(after_seconds=2)

    assert (await the_order(desk)).status is OrderStatus.FILLED
    trail = [one.action for one in await desk.rows(AuditEntry) if one.subject_kind == "order"]
    assert trail == ["order.created", "order.unknown", "order.filled"]
    [position] = await desk.positions()
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.1"))
    assert desk.worker.monitor.guarded == 1
    assert len(desk.sent) == 1


async def test_a_lost_order_when_the_venue_never_had_it_then_waits_for_the_grace(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()

    for _ in range(4):
        await desk.sweep(after_seconds=2)
        assert (await the_order(desk)).status is OrderStatus.UNKNOWN
    await desk.sweep(after_seconds=2)

    order = await the_order(desk)
    assert order.status is OrderStatus.REJECTED
    assert (order.reason or "").startswith("not_accepted: 10 s after sending, the venue knows no")
    assert (await desk.signals())[0].status is SignalStatus.FAILED
    assert len(desk.sent) == 1


async def test_an_unknown_order_when_the_venue_does_not_answer_then_stays_unknown(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()
    desk.venue.failure = UNANSWERED

    await desk.sweep(after_seconds=60)

    assert (await the_order(desk)).status is OrderStatus.UNKNOWN


async def test_a_second_entry_when_an_outcome_is_unknown_then_waits_for_it(desk: Desk) -> None:
    other = await desk.another_strategy()
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()

    await desk.alert(strategy=other)
    assert len(desk.sent) == 1
    assert (await desk.signals())[1].status is SignalStatus.APPROVED
    await desk.sweep(after_seconds=11)
    await desk.sweep(after_seconds=2)

    assert (await desk.signals())[1].status is SignalStatus.EXECUTED
    assert desk.venue.held(LINEAR) == d("0.1")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.REFUSE, "order_refused: placing the order: told to refuse it"),
        (Outcome.NO_FUNDS, "insufficient_funds: placing the order: Margin is insufficient."),
        (Outcome.RATE_LIMIT, "exchange_rate_limited: placing the order: slow down"),
    ],
)
async def test_an_order_when_the_venue_refuses_it_then_is_rejected_in_its_words(
    desk: Desk, outcome: Outcome, reason: str
) -> None:
    desk.venue.next_outcomes.append(outcome)

    await desk.alert()

    order = await the_order(desk)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, reason)
    [signal] = await desk.signals()
    assert (signal.status, signal.reason) == (SignalStatus.FAILED, reason)
    assert len(desk.sent) == 1


async def test_a_limit_entry_when_a_part_is_filled_then_that_part_is_guarded(desk: Desk) -> None:
    await desk.alert(order_type="limit", price="59000", stop_loss="58000", quantity="0.1")
    order = await the_order(desk)
    assert order.status is OrderStatus.OPEN

    desk.venue.fill_part(order.client_order_id, d("0.04"))
    await desk.sweep(after_seconds=5)

    [position] = await desk.positions()
    assert (position.status, position.quantity) == (PositionStatus.OPENING, d("0.04"))
    assert desk.worker.monitor.guarded == 1
    assert (await desk.signals())[0].status is SignalStatus.EXECUTED


async def test_a_limit_entry_when_its_time_is_over_then_the_rest_is_cancelled(desk: Desk) -> None:
    await desk.alert(order_type="limit", price="59000", stop_loss="58000", quantity="0.1")
    order = await the_order(desk)
    desk.venue.fill_part(order.client_order_id, d("0.04"))
    await desk.sweep(after_seconds=5)

    await desk.sweep(after_seconds=900)

    assert (await the_order(desk)).status is OrderStatus.CANCELED
    [position] = await desk.positions()
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.04"))
    assert (await desk.signals())[0].status is SignalStatus.EXECUTED


async def test_a_limit_entry_when_nothing_was_filled_in_time_then_its_signal_failed(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", price="59000", quantity="0.1")

    await desk.sweep(after_seconds=900)

    [signal] = await desk.signals()
    assert signal.status is SignalStatus.FAILED
    assert (signal.reason or "").startswith("expired_unfilled: ")


async def test_a_cancel_when_the_order_was_filled_meanwhile_then_the_fill_counts(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", price="59000", stop_loss="58000", quantity="0.1")
    order = await the_order(desk)
    # Nobody tells of it: only the answer to the cancel, or asking, does.
    desk.venue.cut_stream()
    desk.venue.fill_part(order.client_order_id, d("0.1"))

    await desk.alert(action="cancel")

    assert (await the_order(desk)).status is OrderStatus.FILLED
    [position] = await desk.positions()
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.1"))
    assert desk.worker.monitor.guarded == 1


async def test_a_filled_order_when_its_executions_show_late_then_is_guarded_once_they_do(
    desk: Desk,
) -> None:
    desk.venue.are_fills_hidden = True
    await desk.alert(stop_loss="59000")
    assert (await the_order(desk)).status is OrderStatus.OPEN
    assert await desk.positions() == []

    desk.venue.are_fills_hidden = False
    await desk.sweep(after_seconds=2)

    assert (await the_order(desk)).status is OrderStatus.FILLED
    assert desk.worker.monitor.guarded == 1


async def test_a_slippage_limit_when_the_strategy_has_one_then_the_order_is_ioc_on_the_tick(
    database: Database,
) -> None:
    async with open_desk(database, max_slippage_percent=d("0.333")) as desk:
        await desk.alert()

        [sent] = desk.sent
        # 60,000 · 1.00333 = 60,199.8
        assert (sent.order_type, sent.limit_price) == (OrderType.LIMIT, d("60199.8"))
        assert sent.time_in_force is TimeInForce.IOC


async def test_the_kill_switch_when_an_entry_rests_then_cancels_it_and_exits_still_work(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1")
    await desk.alert(order_type="limit", price="59000")

    await desk.kill_switch()

    assert (await the_order(desk)).status is OrderStatus.CANCELED
    await desk.alert(action="close", symbol="ETHUSDT.P")
    [position] = await desk.positions()
    assert position.is_closed


async def test_the_kill_switch_when_the_note_of_it_was_lost_then_the_sweep_cancels(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", price="59000")
    desk.database.listeners.clear()
    await desk.kill_switch()
    desk.database.listeners.append(desk.worker.hear)

    await desk.sweep(after_seconds=1)
    await desk.sweep(after_seconds=2)

    assert (await the_order(desk)).status is OrderStatus.CANCELED


async def test_an_intent_when_it_is_found_late_then_is_judged_again(desk: Desk) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    await desk.alert()
    desk.venue.failure = UNANSWERED
    [signal] = await desk.signals()
    await desk.approve(signal.id)
    desk.venue.failure = None
    await desk.kill_switch()

    await desk.sweep(after_seconds=5)

    assert (await the_reason(desk)).startswith("kill_switch: ")
    assert desk.sent == []


async def test_spot_when_coins_pay_the_fee_then_the_book_holds_less(database: Database) -> None:
    async with open_desk(database, market_type=MarketType.SPOT) as desk:
        await desk.alert(quantity="0.1")

        [position] = await desk.positions()
        # 0.1 % of 0.1 is the venue's; 0.0999 cost 5,994 and the fee is worth 6.
        assert position.quantity == d("0.0999")
        assert (position.cost, position.open_fees) == (d("5994"), d("6"))
        assert position.entry_price == d("60000")
        [fill] = await desk.fills()
        assert (fill.fee, fill.fee_asset, fill.side) == (d("0.0001"), "BTC", Side.BUY)
        assert (await the_order(desk)).average_price == Decimal(60_000)


async def test_a_limit_between_two_ticks_when_it_is_sent_then_is_never_worse_than_asked(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", order_type="limit", price="59000.123456", quantity="1")
    await desk.alert(
        action="sell", order_type="limit", price="3100.0001", quantity="1", symbol="ETHUSDT.P"
    )

    long, short = await desk.orders()
    # The tick of both is 0.1: down for a buyer, up for a seller.
    assert (long.limit_price, short.limit_price) == (d("59000.1"), d("3100.1"))
