"""One alarm per alert, one decision per signal, one order per decision, whoever asks at once."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import iso
from app.core.errors import Conflict, Retryable
from app.db.session import Database
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.flow.entries import enter
from app.pipeline.flow.orders import submit_order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.builders import LINEAR, an_alert, d
from tests.integration.flow.desk import Desk, Process, open_desk

MANY = 10
UNHEARD = Retryable("asking the venue: no answer")


async def a_pending_signal(desk: Desk, **fields: Any) -> Signal:
    """An entry that waits for the trader."""
    await desk.change_strategy(approval=Approval.MANUAL)
    await desk.alert(**fields)
    return (await desk.signals())[-1]


async def reject(desk: Desk, signal: Signal) -> None:
    async with desk.database.transaction() as session:
        row = await session.get_one(Signal, signal.id)
        await signal_service.reject(session, row, actor="trader", now=desk.clock.now())


async def test_a_body_when_it_is_delivered_often_then_is_one_alarm(desk: Desk) -> None:
    body = an_alert()

    for _ in range(4):
        await desk.deliver(body)

    [alarm] = await desk.alarms()
    assert alarm.deliveries == 4
    assert len(desk.sent) == 1


async def test_a_body_when_it_is_delivered_at_once_then_is_one_alarm(desk: Desk) -> None:
    body = an_alert()

    await asyncio.gather(*(desk.deliver(body) for _ in range(MANY)))

    [alarm] = await desk.alarms()
    assert alarm.deliveries == MANY
    assert len(desk.sent) == 1
    assert len(await desk.positions()) == 1


async def test_different_alerts_when_they_come_at_once_then_are_all_kept(desk: Desk) -> None:
    await desk.change_strategy(max_entries=0)

    await asyncio.gather(*(desk.alert(quantity="0.01") for _ in range(MANY)))

    assert len(await desk.alarms()) == MANY
    [position] = await desk.positions()
    # Newer entries supersede unsent older ones; whatever was sent is in the book.
    assert position.quantity == d("0.01") * len(desk.sent)


async def test_an_alert_with_id_and_time_when_it_comes_again_reworded_then_is_one_alarm(
    desk: Desk,
) -> None:
    time = iso(desk.clock.now())
    await desk.alert(id="entry", time=time, comment="first")
    desk.clock.advance(60)

    await desk.alert(id="entry", time=time, comment="again")

    [alarm] = await desk.alarms()
    assert alarm.deliveries == 2


async def test_a_constant_id_when_times_differ_then_merges_nothing(database: Database) -> None:
    async with open_desk(database, approval=Approval.MANUAL) as desk:
        now = desk.clock.now()

        for seconds in (2, 1):
            await desk.alert(id="entry", time=iso(now - timedelta(seconds=seconds)))

        assert [alarm.deliveries for alarm in await desk.alarms()] == [1, 1]


async def test_a_body_when_the_window_has_lapsed_then_is_a_new_alarm(database: Database) -> None:
    async with open_desk(database, approval=Approval.MANUAL) as desk:
        body = an_alert()
        await desk.deliver(body)
        desk.clock.advance(91)

        await desk.deliver(body)

        assert [alarm.deliveries for alarm in await desk.alarms()] == [1, 1]


async def test_a_signal_when_it_is_approved_twice_then_the_second_is_a_conflict(
    desk: Desk,
) -> None:
    signal = await a_pending_signal(desk)
    await desk.approve(signal.id)

    with pytest.raises(Conflict, match="already by"):
        await desk.approve(signal.id)

    assert len(desk.sent) == 1


async def test_security_23_a_signal_when_many_approve_it_at_once_then_one_order_is_sent(
    desk: Desk,
) -> None:
    signal = await a_pending_signal(desk)

    answers = await asyncio.gather(
        *(desk.approve(signal.id) for _ in range(MANY)), return_exceptions=True
    )

    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == MANY - 1
    assert len(desk.sent) == 1
    assert len(await desk.orders()) == 1


async def test_a_signal_when_approve_and_reject_race_then_one_of_them_counts(desk: Desk) -> None:
    signal = await a_pending_signal(desk)

    answers = await asyncio.gather(
        desk.approve(signal.id), reject(desk, signal), return_exceptions=True
    )
    await desk.process.settle()

    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    status = (await desk.one(Signal, signal.id)).status
    assert (status, len(desk.sent)) in {
        (SignalStatus.EXECUTED, 1),
        (SignalStatus.REJECTED, 0),
    }


async def test_a_signal_when_it_is_rejected_after_approval_then_is_a_conflict(desk: Desk) -> None:
    signal = await a_pending_signal(desk)
    await desk.approve(signal.id)

    with pytest.raises(Conflict):
        await reject(desk, signal)


async def test_a_signal_when_it_has_expired_then_cannot_be_approved(desk: Desk) -> None:
    signal = await a_pending_signal(desk)
    desk.clock.advance(900)

    with pytest.raises(Conflict, match="expired"):
        await desk.approve(signal.id)

    assert desk.sent == []


async def test_an_exit_that_waits_for_a_human_when_its_time_is_over_then_can_still_be_approved(
    desk: Desk,
) -> None:
    await desk.alert(action="buy")
    await desk.change_strategy(approve_exits=Approval.MANUAL)
    await desk.alert(action="close")
    desk.clock.advance(1_000)
    await desk.sweep()

    await desk.approve((await desk.signals())[-1].id)

    [position] = await desk.positions()
    assert position.is_closed


@pytest.mark.parametrize("fraction", ["0.5", "0.25"])
async def test_a_signal_when_a_fraction_is_approved_then_that_share_is_bought(
    desk: Desk, fraction: str
) -> None:
    signal = await a_pending_signal(desk, quantity="0.1")

    await desk.approve(signal.id, fraction=d(fraction))

    [position] = await desk.positions()
    assert position.quantity == d("0.1") * d(fraction)


async def test_a_pending_signal_when_its_time_is_over_then_expires(desk: Desk) -> None:
    await a_pending_signal(desk)

    await desk.sweep(after_seconds=900)

    [signal] = await desk.signals()
    assert signal.status is SignalStatus.EXPIRED


async def test_an_approved_signal_when_its_time_is_over_before_it_is_sent_then_expires(
    desk: Desk,
) -> None:
    signal = await a_pending_signal(desk)
    desk.clock.advance(895)
    market = desk.town.market_of("BTC/USDT:USDT")
    market.failure = UNHEARD
    await desk.approve(signal.id)
    market.failure = None

    await desk.sweep(after_seconds=10)

    assert (await desk.one(Signal, signal.id)).status is SignalStatus.EXPIRED
    assert desk.sent == []


async def test_an_approved_signal_when_its_time_is_over_as_it_is_sized_then_expires(
    desk: Desk,
) -> None:
    signal = await a_pending_signal(desk)
    ended = desk.process
    await ended.end(timeout_seconds=0.2)
    await desk.approve(signal.id)
    desk.clock.advance(901)

    # No sweep of a running worker has come before.
    assert await enter(ended.tools, signal.id) is None

    assert (await desk.one(Signal, signal.id)).status is SignalStatus.EXPIRED
    assert desk.sent == []
    desk.process = Process(desk.database, desk.town)
    await desk.process.start()


async def test_an_intent_when_two_send_it_at_once_then_it_leaves_once(desk: Desk) -> None:
    signal = await a_pending_signal(desk)
    ended = desk.process
    await ended.end(timeout_seconds=0.2)
    await desk.approve(signal.id)
    intent = await enter(ended.tools, signal.id, hand_over=False)
    assert intent is not None

    await asyncio.gather(*(submit_order(ended.tools, intent) for _ in range(3)))

    assert len(desk.sent) == 1
    assert desk.venue.held(LINEAR) == d("0.1")
    desk.process = Process(desk.database, desk.town)
    await desk.process.start()


async def test_an_intent_that_was_never_sent_when_the_price_has_moved_then_is_denied(
    desk: Desk,
) -> None:
    await desk.change_strategy(max_price_drift_percent=d("1"))
    signal = await a_pending_signal(desk, price="60000")
    ended = desk.process
    await ended.end(timeout_seconds=0.2)
    await desk.approve(signal.id)
    intent = await enter(ended.tools, signal.id, hand_over=False)
    assert intent is not None
    assert intent.status is OrderStatus.CREATED

    desk.clock.advance(5)
    desk.town.market_of(LINEAR).set_price(LINEAR, d("62000"))
    desk.process = Process(desk.database, desk.town)
    await desk.process.start()
    await desk.sweep(after_seconds=2)

    [order] = await desk.orders()
    assert order.status is OrderStatus.DENIED
    assert (order.reason or "").startswith("price_drift: ")
    assert (await desk.one(Signal, signal.id)).status is SignalStatus.DENIED
    assert desk.sent == []


async def test_a_newer_entry_when_an_older_one_is_undecided_then_supersedes_it(desk: Desk) -> None:
    first = await a_pending_signal(desk)

    second = await a_pending_signal(desk)

    assert (await desk.one(Signal, first.id)).status is SignalStatus.SUPERSEDED
    with pytest.raises(Conflict):
        await desk.approve(first.id)
    await desk.approve(second.id)
    assert len(desk.sent) == 1


async def test_a_newer_entry_when_an_older_one_rests_then_cancels_it(desk: Desk) -> None:
    await desk.alert(order_type="limit", price="59000", quantity="0.1")

    await desk.alert(order_type="limit", price="59500", quantity="0.2")

    assert [(one.status, one.quantity) for one in await desk.orders()] == [
        (OrderStatus.CANCELED, d("0.1")),
        (OrderStatus.OPEN, d("0.2")),
    ]


async def test_an_alarm_when_its_decision_was_cut_off_then_the_sweep_decides_it(
    desk: Desk,
) -> None:
    await desk.store(an_alert())

    await desk.sweep(after_seconds=3)

    [alarm] = await desk.alarms()
    assert alarm.status is AlarmStatus.ACCEPTED
    assert len(desk.sent) == 1


async def test_two_entries_of_one_trader_when_they_race_for_the_last_place_then_one_is_denied(
    desk: Desk,
) -> None:
    await desk.limits(max_open_positions=1)
    other = await desk.another_strategy()

    await asyncio.gather(desk.alert(), desk.alert(strategy=other, symbol="ETHUSDT.P", quantity="1"))

    assert len(desk.sent) == 1
    statuses = sorted(one.status.value for one in await desk.signals())
    assert statuses == ["denied", "executed"]


async def test_two_entries_of_one_trader_when_they_race_for_the_last_money_then_one_is_denied(
    desk: Desk,
) -> None:
    other = await desk.another_strategy()

    # 100,000 USDT: 0.9 BTC cost 54,000, 20 ETH cost 60,000.
    await asyncio.gather(
        desk.alert(quantity="0.9"),
        desk.alert(strategy=other, symbol="ETHUSDT.P", quantity="20"),
    )

    assert len(desk.sent) == 1
    [denied] = [one for one in await desk.signals() if one.status is SignalStatus.DENIED]
    assert (denied.reason or "").startswith("insufficient_funds: needs ")


async def test_a_day_of_two_symbols_when_both_close_at_once_then_has_both_results(
    desk: Desk,
) -> None:
    other = await desk.another_strategy()
    await desk.alert(action="buy", quantity="0.1")
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1", strategy=other)

    await asyncio.gather(
        desk.alert(action="close"), desk.alert(action="close", symbol="ETHUSDT.P", strategy=other)
    )

    [day] = await desk.days()
    # Nothing moved: fees of 0.1 % of 6,000 and of 3,000, paid twice.
    assert day.realized_pnl == -sum((d("6"), d("6"), d("3"), d("3")), Decimal(0))
    assert day.trades == 2
