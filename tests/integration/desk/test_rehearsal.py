"""`POST /strategies/{id}/test-alarm`: every step is told, and nothing moves."""

import json
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.http.caller import Role
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.passes import MOST_A_MINUTE
from app.strategies.words import Approval, OnOpposite, Sides
from app.webhooks.service import take_in
from tests.builders import a_user, an_alert
from tests.integration.desk.front import Front

BUY = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.1","stop_loss":"58000"}'
CLOSE = '{"symbol":"BTCUSDT.P","action":"close"}'
SELL = '{"symbol":"BTCUSDT.P","action":"sell","quantity":"0.1"}'
CANCEL = '{"symbol":"BTCUSDT.P","action":"cancel"}'


async def rehearse(front: Front, body: str | None = None, **options: Any) -> dict[str, Any]:
    path = f"/strategies/{front.desk.strategy.id}/test-alarm"
    report: dict[str, Any] = await front.post(path, body and {"body": body}, **options)
    return report


def told(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["detail"] for step in report["steps"]}


def broken(report: dict[str, Any]) -> list[str]:
    return [step["step"] for step in report["steps"] if not step["ok"]]


async def everything(front: Front) -> dict[str, Any]:
    """All that a real alert could have changed."""
    desk = front.desk
    return {
        "orders": [(one.id, one.status, one.cancel_requested_at) for one in await desk.orders()],
        "resting": [(one.id, one.status, one.quantity) for one in await desk.resting()],
        "positions": [(one.id, one.status, one.quantity) for one in await desk.positions()],
        "signals": [(one.id, one.status) for one in await desk.signals() if not one.is_test],
        "sent": len(desk.venue.sent),
    }


async def a_test_left_alone(front: Front, body: str = BUY) -> Signal:
    """A test whose process ended before it did: its signal is still pending."""
    desk = front.desk
    raw = body.encode()
    alarm, _ = await take_in(
        desk.tools, desk.strategy, raw, source="test:somebody", reading=Reading.of(raw)
    )
    await desk.process.settle()
    return next(one for one in await desk.signals() if one.alarm_id == alarm.id)


async def test_the_strategys_own_template_goes_all_the_way(front: Front) -> None:
    report = await rehearse(front)

    steps = [step["step"] for step in report["steps"]]
    assert steps[:10] == [
        "door.address",
        "door.token",
        "alarm.stored",
        "alarm.understood",
        "alarm.symbol",
        "alarm.fresh",
        "strategy.active",
        "signal.created",
        "signal.approval",
        "signal.sized",
    ]
    assert {"risk.kill_switch", "risk.insufficient_funds"} <= set(steps[10:-1])
    assert (report["status"], report["is_test"], broken(report)) == ("accepted", True, [])
    assert told(report)["alarm.symbol"].startswith("BTCUSDT.P is BTC/USDT:USDT on account")
    # Twice 10 USDT is 0.00034 BTC at 60,000; the lot is 0.001.
    assert told(report)["verdict"] == (
        "It would wait for your approval, and then be sent as: buy 0.001 BTC/USDT:USDT at market."
    )
    assert all(len(step["at"] or "2026-03-02T12:00:00.000000Z") == 27 for step in report["steps"])


async def test_the_lists_show_what_was_a_test(front: Front) -> None:
    report = await rehearse(front, BUY)

    [alarm] = (await front.get("/alarms"))["items"]
    [signal] = (await front.get("/signals"))["items"]
    assert (alarm["id"], alarm["is_test"]) == (report["alarm_id"], True)
    assert alarm["source"] == f"test:{front.desk.user.username}"
    assert (signal["is_test"], signal["status"]) == (True, "rejected")
    assert signal["reason"] == "test: This was a test; nothing was sent."
    assert (await front.get(f"/alarms/{report['alarm_id']}"))["body"] == BUY


@pytest.mark.parametrize("body", [BUY, CLOSE, SELL, CANCEL, None], ids=str)
async def test_under_auto_a_test_leaves_position_and_resting_entry_alone(
    front: Front, body: str | None
) -> None:
    desk = front.desk
    await desk.change_strategy(approval=Approval.AUTO, max_entries=0, on_opposite=OnOpposite.FLIP)
    await desk.alert(quantity="0.1", stop_loss="58000")
    await desk.alert(quantity="0.1", order_type="limit", price="59000")
    before = await everything(front)
    assert [len(before[name]) for name in ("orders", "resting", "positions")] == [2, 1, 1]

    report = await rehearse(front, body)
    await desk.sweep(after_seconds=5)
    await desk.restart()

    assert report["status"] == "accepted"
    assert report["steps"][-1]["detail"].startswith("It would be ")
    assert await everything(front) == before
    ended = {one.status for one in await desk.signals() if one.is_test}
    assert ended <= {SignalStatus.REJECTED}


@pytest.mark.parametrize("body", [BUY, CLOSE, CANCEL], ids=str)
async def test_a_test_leaves_pending_signals_alone(front: Front, body: str) -> None:
    await front.desk.alert(quantity="0.2")
    before = await everything(front)

    await rehearse(front, body)

    assert await everything(front) == before
    [pending] = (await front.get("/signals", status="pending"))["items"]
    assert pending["is_test"] is False


async def test_an_exit_under_auto_would_be_sent_and_is_not(front: Front) -> None:
    desk = front.desk
    await desk.change_strategy(approval=Approval.AUTO)
    await desk.alert(quantity="0.1")

    report = await rehearse(front, CLOSE)

    assert told(report)["signal.approval"].startswith("It would be approved at once")
    assert told(report)["verdict"] == (
        "It would be sent as: sell 0.1 BTC/USDT:USDT at market to close only."
    )
    assert [one.status for one in await desk.positions()] == ["open"]


async def test_a_flip_is_told_as_its_two_legs(front: Front) -> None:
    desk = front.desk
    await desk.change_strategy(approval=Approval.AUTO, on_opposite=OnOpposite.FLIP)
    await desk.alert(quantity="0.1")

    report = await rehearse(front, SELL)

    verdicts = [one["detail"] for one in report["steps"] if one["step"] == "verdict"]
    assert verdicts == [
        "It would be sent as: sell 0.1 BTC/USDT:USDT at market to close only.",
        "It would be sent as: sell BTC/USDT:USDT at market.",
    ]
    assert "proven closed" in report["steps"][-2]["detail"]
    assert broken(report) == []


async def test_auto_is_judged_as_auto(front: Front) -> None:
    desk = front.desk
    await desk.change_strategy(approval=Approval.AUTO)
    await desk.alert(quantity="0.1")

    report = await rehearse(front, BUY)

    assert broken(report) == ["risk.already_in_position", "verdict"]
    assert "already_in_position" in told(report)["verdict"]


async def test_nobody_can_approve_a_tests_signal(front: Front) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    signal = await a_test_left_alone(front)

    refused = await front.post(f"/signals/{signal.id}/approve", expect=409)
    await front.desk.sweep(after_seconds=5)

    assert refused["code"] == "test_signal"
    assert (await front.desk.one(Signal, signal.id)).status is SignalStatus.PENDING
    assert front.desk.sent == []


@pytest.mark.parametrize("status", ["approved", "executing", "executed"])
async def test_the_database_itself_takes_no_step_towards_an_order(
    front: Front, status: str
) -> None:
    signal = await a_test_left_alone(front)
    forced = update(Signal).where(Signal.id == signal.id).values(status=SignalStatus(status))

    with pytest.raises(IntegrityError):
        async with front.desk.database.transaction() as session:
            await session.execute(forced)


@pytest.mark.parametrize("body", [BUY, CLOSE])
async def test_what_an_interrupted_test_left_lapses(front: Front, body: str) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    await front.desk.alert(quantity="0.1")
    signal = await a_test_left_alone(front, body)

    await front.desk.sweep(after_seconds=1000)

    assert (await front.desk.one(Signal, signal.id)).status is SignalStatus.EXPIRED
    assert [one.status for one in await front.desk.positions()] == ["open"]


async def test_a_switched_off_strategy_can_be_tested_and_says_so(front: Front) -> None:
    await front.desk.change_strategy(is_active=False)

    report = await rehearse(front, BUY)

    assert broken(report) == ["strategy.active", "verdict"]
    assert "strategy_inactive" in told(report)["verdict"]
    assert "signal.sized" in told(report)


async def test_a_test_never_swallows_the_alert_it_rehearses(front: Front) -> None:
    await rehearse(front, BUY)
    again = await rehearse(front, BUY)

    real = await front.desk.deliver(BUY.encode())

    assert (again["status"], broken(again)) == ("duplicate", ["alarm.duplicate", "verdict"])
    assert (real.deliveries, real.is_test, real.status) == (1, False, "accepted")
    assert len(await front.desk.rows(Alarm)) == 2


async def test_a_test_is_no_newer_alert(front: Front) -> None:
    now = front.desk.clock.now()
    await rehearse(front)
    earlier = now.timestamp() - 30

    real = await front.desk.deliver(an_alert(time=str(int(earlier))))

    assert real.status == "accepted"


async def test_a_script_does_not_take_a_tests_signal_for_its_own(front: Front) -> None:
    await a_test_left_alone(front)
    wish = {"symbol": "BTCUSDT.P", "position_side": "long", "quantity": "0.1"}
    wanted = {"strategy_id": str(front.desk.strategy.id), **wish}

    made = await front.post("/signals/update_active", wanted)

    [item] = made["items"]
    assert item["result"] == "created"
    rows = await front.desk.signals()
    assert sorted((one.is_test, one.status.value) for one in rows) == [
        (False, "pending"),
        (True, "pending"),
    ]


async def test_what_is_wrong_with_an_alert_is_said_where_it_is_wrong(front: Front) -> None:
    unreadable = await rehearse(front, "hello")
    unknown = await rehearse(front, '{"symbol":"NOPEUSDT","action":"buy"}')
    flat = await rehearse(front, CLOSE)
    old = await rehearse(front, '{"symbol":"BTCUSDT.P","action":"buy","time":"1600000000"}')
    unsized = await rehearse(front, '{"symbol":"BTCUSDT.P","action":"buy"}')

    assert broken(unreadable) == ["alarm.understood", "verdict"]
    assert broken(unknown) == ["alarm.symbol", "verdict"]
    assert broken(flat) == ["verdict"]
    assert told(flat)["verdict"].startswith("It would do nothing: nothing_to_close: ")
    assert broken(old) == ["alarm.fresh", "verdict"]
    assert broken(unsized) == ["signal.sized", "verdict"]
    assert "no_size" in told(unsized)["verdict"]


async def test_a_text_that_is_too_large_is_turned_away_at_the_door(front: Front) -> None:
    report = await rehearse(front, "x" * (64 * 1024 + 1))

    assert (report["alarm_id"], report["status"]) == (None, "turned_away")
    assert report["reason"].startswith("too_large: ")
    assert broken(report) == ["alarm.stored", "verdict"]
    assert await front.desk.rows(Alarm) == []


async def test_a_strategy_for_shorts_is_tried_with_a_sale(front: Front) -> None:
    await front.desk.change_strategy(sides=Sides.SHORT)

    report = await rehearse(front)

    assert "sell 0.001 BTC/USDT:USDT" in told(report)["verdict"]


async def test_who_may_not_test(front: Front) -> None:
    now = front.desk.clock.now()

    await rehearse(front, expect=404, user=a_user(now))
    await rehearse(front, expect=403, user=a_user(now, role=Role.VIEWER))

    assert await front.desk.rows(Alarm) == []


async def test_too_many_tests_are_asked_to_wait(front: Front) -> None:
    for number in range(MOST_A_MINUTE):
        await rehearse(front, json.dumps({"symbol": "X", "action": "buy", "id": str(number)}))

    answer = await front.call("POST", f"/strategies/{front.desk.strategy.id}/test-alarm")
    front.desk.clock.advance(61)

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert answer.headers["Retry-After"] == "61"
    await rehearse(front)


async def test_a_pass_opens_the_door_once_and_only_while_its_test_runs(front: Front) -> None:
    desk = front.desk
    who = {"user_id": desk.user.id, "username": desk.user.username, "now": desk.clock.now()}

    with desk.tools.passes.issued(desk.strategy.id, **who) as door_pass:
        first = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)
        second = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)
    with desk.tools.passes.issued(desk.strategy.id, **who) as door_pass:
        pass
    late = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)

    assert [one.status_code for one in (first, second, late)] == [200, 404, 404]
