"""`GET /signals/{id}/preview`: the figures before the click."""

from decimal import Decimal
from typing import Any

from app.pipeline.signals.models import Signal
from app.strategies.words import Approval
from tests.builders import a_user
from tests.integration.desk.front import Front

SIGNAL_FIELDS = ("status", "quantity", "stop_loss", "updated_at", "reason")


async def pending(front: Front, **fields: Any) -> str:
    alarm = await front.desk.alert(**fields)
    assert alarm.signal_id is not None, alarm.reason
    return str(alarm.signal_id)


async def test_the_figures_of_an_entry(front: Front) -> None:
    signal = await pending(front, quantity="0.1", stop_loss="58000", take_profit="64000")

    seen = await front.get(f"/signals/{signal}/preview")

    assert (seen["would_be"], seen["reason"]) == ("sent", None)
    assert (seen["quantity"], seen["entry_price"], seen["notional"]) == ("0.1", "60000", "6000")
    assert (seen["stop_loss"], seen["take_profit"]) == ("58000", "64000")
    # 0.1 % of 6000; 0.1 · 2000 + 0.1 % of (6000 + 5800); of 100,000
    assert (seen["fee"], seen["loss_at_stop"]) == ("6", "211.8")
    assert seen["loss_at_stop_percent"] == "0.2118"
    assert (seen["leverage"], seen["margin"]) == (1, "6000")
    assert {rule["ok"] for rule in seen["rules"]} == {True}
    assert {rule["rule"] for rule in seen["rules"]} >= {"kill_switch", "insufficient_funds"}


async def test_a_fraction_is_a_part_of_the_size(front: Front) -> None:
    signal = await pending(front, quantity="0.1")

    assert (await front.get(f"/signals/{signal}/preview", fraction="0.25"))["quantity"] == "0.025"
    for text in ("0", "1.01", "nan", "half", "-1"):
        refused = await front.get(f"/signals/{signal}/preview", expect=400, fraction=text)
        assert refused["code"] == "bad_fraction"


async def test_what_is_sent_after_the_click_is_what_was_seen(front: Front) -> None:
    signal = await pending(front, quantity="0.1234567", stop_loss="58000.04")

    seen = await front.get(f"/signals/{signal}/preview")
    await front.post(f"/signals/{signal}/approve")

    [order] = await front.desk.orders()
    assert order.quantity == Decimal(seen["quantity"]) == Decimal("0.123")
    assert order.stop_loss == Decimal(seen["stop_loss"]) == Decimal("58000.1")


async def test_a_broken_rule_is_named_beside_the_figures(front: Front) -> None:
    await front.call("PUT", "/risk", {"max_notional_total": "5000"})
    signal = await pending(front, quantity="0.1")

    seen = await front.get(f"/signals/{signal}/preview")

    assert seen["would_be"] == "denied"
    assert seen["reason"].startswith("max_notional_total: 6000")
    assert seen["quantity"] == "0.1"
    assert [rule["rule"] for rule in seen["rules"] if not rule["ok"]] == ["max_notional_total"]


async def test_what_cannot_be_sized_has_no_figures_but_a_reason(front: Front) -> None:
    small = await pending(front, quantity="0.001", symbol="ETHUSDT.P")
    wrong = await pending(front, quantity="0.1", stop_loss="61000")

    for signal, code in ((small, "below_min_notional"), (wrong, "stop_on_wrong_side")):
        seen = await front.get(f"/signals/{signal}/preview")
        assert (seen["would_be"], seen["quantity"], seen["rules"]) == ("denied", None, [])
        assert seen["reason"].startswith(code)


async def test_looking_changes_nothing(front: Front) -> None:
    signal = await pending(front, quantity="0.1", stop_loss="58000")
    [before] = await front.desk.signals()

    await front.get(f"/signals/{signal}/preview")

    [after] = await front.desk.signals()
    assert [getattr(after, name) for name in SIGNAL_FIELDS] == [
        getattr(before, name) for name in SIGNAL_FIELDS
    ]
    assert await front.desk.orders() == []


async def test_a_reduction_shows_what_would_be_closed(front: Front) -> None:
    await front.desk.change_strategy(approve_exits=Approval.MANUAL)
    entry = await pending(front, quantity="0.1")
    await front.post(f"/signals/{entry}/approve")
    reduction = await pending(front, action="reduce", quantity="0.04")

    seen = await front.get(f"/signals/{reduction}/preview")

    assert (seen["would_be"], seen["quantity"], seen["notional"]) == ("sent", "0.04", "2400")
    assert seen["rules"] == []


async def test_a_decided_signal_has_nothing_to_preview(front: Front) -> None:
    signal = await pending(front, quantity="0.1")
    await front.post(f"/signals/{signal}/reject")

    seen = await front.get(f"/signals/{signal}/preview")

    assert seen["reason"] == "already_decided: This signal is rejected already."


async def test_a_late_signal_would_be_denied(front: Front) -> None:
    signal = await pending(front, quantity="0.1")
    row = (await front.desk.rows(Signal))[0]
    front.desk.clock.set(row.expires_at)

    assert (await front.get(f"/signals/{signal}/preview"))["reason"].startswith("expired")


async def test_somebody_elses_signal_is_not_there(front: Front) -> None:
    signal = await pending(front, quantity="0.1")
    stranger = a_user(front.desk.clock.now())

    answer = await front.get(f"/signals/{signal}/preview", expect=404, user=stranger)

    assert answer["code"] == "not_found"
