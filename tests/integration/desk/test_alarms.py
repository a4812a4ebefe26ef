"""`/alarms`: the story of one, one by hand, and what one would mean."""

import json
from typing import Any

from app.http.caller import Role
from app.pipeline.alarms.models import Alarm
from app.strategies.words import Approval
from tests.builders import a_user
from tests.integration.desk.front import Front


async def preview(front: Front, body: bytes, **query: Any) -> dict[str, Any]:
    answer = await front.call("POST", "/alarms/preview", content=body, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_story_leads_from_the_alert_to_the_result(front: Front) -> None:
    alarm = await front.desk.alert(quantity="0.1", stop_loss="58000")
    await front.post(f"/signals/{alarm.signal_id}/approve")
    await front.desk.price("57900")

    story = await front.get(f"/alarms/{alarm.id}")

    steps = [step["step"] for step in story["timeline"]]
    wanted = [
        "alarm.received",
        "alarm.accepted",
        "signal.created",
        "signal.approved",
        "order.created",
        "order.submitted",
        "order.filled",
        "fill.executed",
        "position.opened",
        "position.closing",
        "fill.executed",
        "position.closed",
        "trade.booked",
    ]
    assert set(wanted) <= set(steps)
    assert steps.count("fill.executed") == 2
    assert steps[:4] == ["alarm.received", "alarm.stored", "alarm.understood", "alarm.accepted"]
    assert story["body"] == alarm.body.decode()
    assert (story["source"], story["deliveries"]) == ("::1", 1)
    prices = {step["step"]: step["price"] for step in story["timeline"]}
    assert (prices["position.opened"], prices["position.closed"]) == ("60000", "57900")
    assert (prices["signal.created"], prices["trade.booked"]) == ("60000", "57900")
    times = [step["at"] for step in story["timeline"]]
    assert times == sorted(times)
    assert all(len(time) == len("2026-03-02T12:00:00.000000Z") for time in times)


async def test_a_refused_alarm_has_a_story_too(front: Front) -> None:
    alarm = await front.desk.deliver(b'{"symbol": NaN}')

    story = await front.get(f"/alarms/{alarm.id}")

    assert story["status"] == "refused"
    steps = [step["step"] for step in story["timeline"]]
    assert steps == ["alarm.received", "alarm.stored", "alarm.refused"]
    assert story["timeline"][2]["detail"] == story["reason"]


async def test_every_step_from_the_webhook_to_the_trade_has_its_moment_and_its_price(
    front: Front, webhook: str
) -> None:
    desk = front.desk
    await desk.price("60000")
    body = {"symbol": "BTCUSDT.P", "action": "buy", "quantity": "0.1"}
    receipt = (await front.client.post(webhook, json=body)).json()
    await desk.process.settle()
    desk.clock.advance(5)
    await desk.price("60010")
    await front.post(f"/signals/{receipt['signal_id']}/approve")
    desk.clock.advance(4)
    await desk.price("60900")
    await front.client.post(webhook, json={"symbol": "BTCUSDT.P", "action": "close"})
    await desk.process.settle()

    story = await front.get(f"/alarms/{receipt['alarm_id']}")

    told = [(one["step"], one["at"][17:19], one["price"]) for one in story["timeline"]]
    wanted = [
        ("alarm.received", "00", None),
        ("alarm.stored", "00", None),
        ("alarm.understood", "00", None),
        ("alarm.accepted", "00", None),
        ("signal.created", "00", "60000"),
        ("signal.approved", "05", None),
        ("signal.sized", "05", "60010"),
        ("signal.executing", "05", None),
        ("order.created", "05", "60010"),
        ("order.submitted", "05", None),
        ("order.accepted", "05", None),
        ("order.filled", "05", "60010"),
        ("fill.executed", "05", "60010"),
        ("signal.executed", "05", None),
        ("position.opened", "05", "60010"),
        ("signal.sized", "09", "60900"),
        ("order.created", "09", "60900"),
        ("order.submitted", "09", None),
        ("order.accepted", "09", None),
        ("order.filled", "09", "60900"),
        ("fill.executed", "09", "60900"),
        ("position.closing", "09", None),
        ("position.closed", "09", "60900"),
        ("trade.booked", "09", "60900"),
    ]
    assert told == wanted
    details = [one["detail"] for one in story["timeline"]]
    assert details[2] == "as native: Buy 0.1 BTCUSDT.P at market to open a long."
    assert details[6] == "buy 0.1 BTC/USDT:USDT"


async def test_bytes_that_are_no_text_are_shown_all_the_same(front: Front) -> None:
    alarm = await front.desk.deliver(b"\xff\xfe buy")

    assert (await front.get(f"/alarms/{alarm.id}"))["body"] == "\\xff\\xfe buy"


async def test_somebody_elses_alarm_is_not_there(front: Front) -> None:
    alarm = await front.desk.alert(quantity="0.1")

    await front.get(f"/alarms/{alarm.id}", expect=404, user=a_user(front.desk.clock.now()))


async def test_an_alert_by_hand_goes_the_same_way(front: Front) -> None:
    body = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.1"}'
    wanted = {"strategy_id": str(front.desk.strategy.id), "body": body}

    first = await front.post("/alarms", wanted, expect=201)
    again = await front.post("/alarms", wanted, expect=200)

    [row] = await front.desk.rows(Alarm)
    assert (first["id"], first["status"], first["body"]) == (str(row.id), "accepted", body)
    assert first["source"] == f"user:{front.desk.user.username}"
    assert first["signal_id"] is not None
    assert (again["id"], again["is_duplicate"]) == (first["id"], True)


async def test_an_alert_by_hand_is_stored_however_bad(front: Front) -> None:
    wanted = {"strategy_id": str(front.desk.strategy.id), "body": "hello"}

    taken = await front.post("/alarms", wanted, expect=201)

    assert taken["status"] == "refused"


async def test_who_may_not_send_by_hand(front: Front) -> None:
    wanted = {"strategy_id": str(front.desk.strategy.id), "body": "buy"}
    now = front.desk.clock.now()

    await front.post("/alarms", wanted, expect=404, user=a_user(now))
    await front.post("/alarms", wanted, expect=403, user=a_user(now, role=Role.VIEWER))
    large = await front.post("/alarms", {**wanted, "body": "ä" * 40_000}, expect=413)

    assert large["code"] == "too_large"
    assert await front.desk.rows(Alarm) == []


async def test_a_preview_says_what_is_understood(front: Front) -> None:
    alert = {
        "symbol": "BTCUSDT.P",
        "action": "buy",
        "quantity": "0.10",
        "stop_loss": "58000",
        "take_profit": "64000",
    }

    seen = await preview(front, json.dumps(alert).encode())

    assert (seen["dialect"], seen["understood"], seen["reason"]) == ("native", True, None)
    assert seen["sentence"] == "Buy 0.1 BTCUSDT.P at market, stop 58000, target 64000."
    [intent] = seen["intents"]
    assert intent["action"] == "open"
    assert (intent["position_side"], intent["ticker"]) == ("long", "BTCUSDT.P")
    assert intent["symbol"] == "BTC/USDT:USDT"
    assert intent["size"] == {"kind": "quantity", "value": "0.1"}
    assert (intent["order_type"], intent["limit_price"]) == ("market", None)
    assert intent["stop_loss"] == {"kind": "price", "value": "58000"}
    assert intent["take_profits"] == [{"kind": "price", "value": "64000", "portion_percent": None}]
    assert (seen["problems"], seen["strategy"]) == ([], None)


async def test_a_preview_for_a_strategy_looks_at_its_book(front: Front) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    body = b'{"symbol":"BTCUSDT","action":"sell","quantity":"0.1"}'
    strategy = str(front.desk.strategy.id)

    flat = await preview(front, body, strategy_id=strategy)
    await front.desk.alert(quantity="0.1")
    held = await preview(front, body, strategy_id=strategy)

    assert flat["strategy"]["would"][0]["action"] == "open"
    assert held["strategy"]["would"][0]["action"] == "close"
    assert held["strategy"]["approval"] == "auto"
    assert held["intents"][0]["symbol"] == "BTC/USDT:USDT"
    assert len(await front.desk.rows(Alarm)) == 1


async def test_an_unknown_market_is_understood_with_a_problem(front: Front) -> None:
    seen = await preview(front, b'{"symbol":"NOPEUSDT","action":"buy"}')

    assert (seen["understood"], seen["intents"][0]["symbol"]) == (True, None)
    assert [problem["code"] for problem in seen["problems"]] == ["unknown_symbol"]


async def test_an_unreadable_alert_says_where_it_breaks(front: Front) -> None:
    seen = await preview(front, b'{"symbol":"BTCUSDT","action":}')

    [problem] = seen["problems"]
    assert (seen["understood"], seen["intents"], seen["sentence"]) == (False, [], None)
    assert problem["position"] == 29
    assert seen["reason"] == f"{problem['code']}: {problem['detail']}"


async def test_a_preview_for_somebody_elses_strategy_is_not_there(front: Front) -> None:
    answer = await front.call(
        "POST",
        "/alarms/preview",
        content=b"buy",
        params={"strategy_id": str(front.desk.strategy.id)},
        user=a_user(front.desk.clock.now()),
    )

    assert answer.status_code == 404
