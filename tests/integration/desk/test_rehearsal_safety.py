"""`POST /strategies/{id}/test-alarm`: nothing moves, whoever helps, and whenever it ends."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.http.caller import Role
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.intake import take_in
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval, OnOpposite
from tests.builders import a_user, an_alert
from tests.integration.desk.front import Front
from tests.integration.desk.rehearsing import BUY, CANCEL, CLOSE, SELL, broken, rehearse


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


async def test_who_may_not_test(front: Front) -> None:
    now = front.desk.clock.now()

    await rehearse(front, expect=404, user=a_user(now))
    await rehearse(front, expect=403, user=a_user(now, role=Role.VIEWER))

    assert await front.desk.rows(Alarm) == []


async def test_a_pass_opens_the_door_once_and_only_while_its_test_runs(front: Front) -> None:
    desk = front.desk
    who: dict[str, Any] = {"user_id": desk.user.id, "username": "anna", "now": desk.clock.now()}

    with desk.tools.passes.issued(desk.strategy.id, **who) as door_pass:
        first = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)
        second = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)
    with desk.tools.passes.issued(desk.strategy.id, **who) as door_pass:
        pass
    late = await front.client.post(f"/webhooks/tradingview/{door_pass}", content=BUY)

    assert [one.status_code for one in (first, second, late)] == [200, 404, 404]
