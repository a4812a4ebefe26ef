"""`POST /strategies/{id}/test-alarm`: every step is told."""

import json

from app.pipeline.alarms.models import Alarm
from app.strategies.passes import MOST_A_MINUTE
from app.strategies.words import Approval, OnOpposite, Sides
from tests.integration.desk.front import Front
from tests.integration.desk.rehearsing import BUY, CLOSE, SELL, broken, rehearse, told


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


async def test_a_switched_off_strategy_can_be_tested_and_says_so(front: Front) -> None:
    await front.desk.change_strategy(is_active=False)

    report = await rehearse(front, BUY)

    assert broken(report) == ["strategy.active", "verdict"]
    assert "strategy_inactive" in told(report)["verdict"]
    assert "signal.sized" in told(report)


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


async def test_too_many_tests_are_asked_to_wait(front: Front) -> None:
    for number in range(MOST_A_MINUTE):
        await rehearse(front, json.dumps({"symbol": "X", "action": "buy", "id": str(number)}))

    answer = await front.call("POST", f"/strategies/{front.desk.strategy.id}/test-alarm")
    front.desk.clock.advance(60)

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert answer.headers["Retry-After"] == "60"
    await rehearse(front)
