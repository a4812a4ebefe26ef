"""`POST /signals/update_active`: each sentence of the contract's paragraph."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.builders import a_strategy, a_user, an_account
from tests.integration.desk.front import Front

PATH = "/signals/update_active"


def a_wish(front: Front, **changes: Any) -> dict[str, Any]:
    values = {
        "strategy_id": str(front.desk.strategy.id),
        "symbol": "BTCUSDT.P",
        "position_side": "LONG",
        "entry_price": "60000",
        "stop_loss": "58000",
        "take_profit": "64000",
        "quantity": "0.1",
        "external_id": "one",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


async def send(front: Front, *wishes: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await front.post(PATH, {"signals": list(wishes), **more})
    return answer


async def signal_of(front: Front, signal_id: str) -> dict[str, Any]:
    row: dict[str, Any] = await front.get(f"/signals/{signal_id}")
    return row


async def pending_ids(front: Front) -> list[str]:
    return [row["id"] for row in (await front.get("/signals", status="pending"))["items"]]


async def test_one_object_a_bare_list_and_the_long_form_are_taken(front: Front) -> None:
    one = await front.post(PATH, a_wish(front))
    many = await front.post(PATH, [a_wish(front), a_wish(front, symbol="ETHUSDT.P")])
    long = await front.post(PATH, {"signals": [a_wish(front)]})

    assert [item["result"] for item in one["items"]] == ["created"]
    assert [item["result"] for item in many["items"]] == ["unchanged", "created"]
    assert [item["result"] for item in long["items"]] == ["unchanged"]
    assert one["expired"] == []


async def test_what_a_created_signal_says(front: Front) -> None:
    [item] = (await send(front, a_wish(front)))["items"]

    row = await signal_of(front, item["signal_id"])
    assert (row["status"], row["action"], row["position_side"]) == ("pending", "open", "long")
    assert (row["symbol"], row["external_id"]) == ("BTC/USDT:USDT", "one")
    assert (row["size_kind"], row["size_value"]) == ("quantity", "0.1")
    assert (row["stop_kind"], row["stop_value"], row["target_value"]) == (
        "price",
        "58000",
        "64000",
    )
    assert (row["order_type"], row["reference_price"]) == ("market", "60000")
    assert row["sentence"] == (
        "Buy 0.1 BTCUSDT.P at market to open a long, stop 58000, target 64000."
    )


async def test_without_an_entry_price_the_price_at_receipt_is_the_reference(front: Front) -> None:
    [item] = (await send(front, a_wish(front, entry_price=None)))["items"]

    assert (await signal_of(front, item["signal_id"]))["reference_price"] == "60000"


@pytest.mark.parametrize("external_id", ["one", None])
async def test_the_same_external_id_or_none_changes_in_place(
    front: Front, external_id: str | None
) -> None:
    [first] = (await send(front, a_wish(front)))["items"]

    [again] = (await send(front, a_wish(front, external_id=external_id, stop_loss="59000")))[
        "items"
    ]

    row = await signal_of(front, first["signal_id"])
    assert (again["result"], again["signal_id"]) == ("updated", first["signal_id"])
    assert row["stop_value"] == "59000"
    assert "stop 59000" in row["sentence"]
    assert await pending_ids(front) == [first["signal_id"]]


async def test_the_same_again_changes_nothing(front: Front) -> None:
    [first] = (await send(front, a_wish(front)))["items"]
    before = await signal_of(front, first["signal_id"])
    front.desk.clock.advance(5)

    [again] = (await send(front, a_wish(front)))["items"]

    assert again == {**first, "result": "unchanged"}
    assert await signal_of(front, first["signal_id"]) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": "two"},
        {"position_side": "short", "stop_loss": "62000", "take_profit": "56000"},
    ],
)
async def test_another_name_or_side_supersedes(front: Front, changes: dict[str, Any]) -> None:
    [first] = (await send(front, a_wish(front)))["items"]

    made, ended = (await send(front, a_wish(front, **changes)))["items"]

    old = await signal_of(front, first["signal_id"])
    assert made["result"] == "created"
    assert (ended["result"], ended["signal_id"]) == ("superseded", first["signal_id"])
    assert old["status"] == "superseded"
    assert old["reason"] == ended["reason"] == "superseded: A newer signal took its place."
    assert await pending_ids(front) == [made["signal_id"]]


async def test_a_new_alarm_supersedes(front: Front) -> None:
    [first] = (await send(front, a_wish(front)))["items"]

    alarm = await front.desk.alert(quantity="0.1")

    assert (await signal_of(front, first["signal_id"]))["status"] == "superseded"
    assert await pending_ids(front) == [str(alarm.signal_id)]


async def test_it_supersedes_what_an_alarm_left_pending(front: Front) -> None:
    alarm = await front.desk.alert(quantity="0.1")

    made, ended = (await send(front, a_wish(front)))["items"]

    assert (made["result"], ended["signal_id"]) == ("created", str(alarm.signal_id))


async def test_within_one_call_the_last_one_of_a_symbol_stays(front: Front) -> None:
    first, second = (await send(front, a_wish(front), a_wish(front, external_id="two")))["items"]

    assert (first["result"], second["result"]) == ("superseded", "created")
    assert await pending_ids(front) == [second["signal_id"]]


async def test_complete_expires_what_is_missing(front: Front) -> None:
    ether = a_wish(front, symbol="ETHUSDT.P", entry_price=None, stop_loss=None, take_profit=None)
    bitcoin, other = (await send(front, a_wish(front), ether))["items"]

    answer = await send(front, a_wish(front), complete=True)

    assert answer["expired"] == [other["signal_id"]]
    assert (await signal_of(front, other["signal_id"]))["status"] == "expired"
    assert await pending_ids(front) == [bitcoin["signal_id"]]


async def test_complete_leaves_approved_signals_and_other_strategies_alone(front: Front) -> None:
    other = await front.desk.another_strategy(approval=Approval.MANUAL)
    mine, theirs = (
        await send(
            front,
            a_wish(front, symbol="ETHUSDT.P", entry_price=None, stop_loss=None, take_profit=None),
            a_wish(front, strategy_id=str(other.id)),
        )
    )["items"]
    await front.post(f"/signals/{mine['signal_id']}/approve")

    answer = await send(front, a_wish(front), complete=True)

    assert answer["expired"] == []
    assert (await signal_of(front, mine["signal_id"]))["status"] != "expired"
    assert theirs["signal_id"] in await pending_ids(front)


async def test_a_refused_item_is_still_mentioned(front: Front) -> None:
    [first] = (await send(front, a_wish(front)))["items"]

    answer = await send(front, a_wish(front, stop_loss="61000"), complete=True)

    assert answer["items"][0]["result"] == "refused"
    assert answer["items"][0]["reason"].startswith("stop_on_wrong_side: ")
    assert answer["expired"] == []
    assert await pending_ids(front) == [first["signal_id"]]


async def test_complete_needs_exactly_one_strategy(front: Front) -> None:
    other = await front.desk.another_strategy()
    wishes = [a_wish(front), a_wish(front, strategy_id=str(other.id))]

    answer = await front.post(PATH, {"signals": wishes, "complete": True}, expect=400)

    assert answer["code"] == "complete_needs_one_strategy"
    assert await front.desk.signals() == []


async def test_what_was_decided_is_not_made_anew(front: Front) -> None:
    [first] = (await send(front, a_wish(front)))["items"]
    await front.post(f"/signals/{first['signal_id']}/approve")

    [again] = (await send(front, a_wish(front, stop_loss="59000")))["items"]

    assert (again["result"], again["signal_id"]) == ("unchanged", first["signal_id"])
    assert again["reason"].startswith("already_decided: ")
    assert len(await front.desk.orders()) == 1


async def test_an_auto_strategy_approves_at_once_and_once(front: Front) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)

    [item] = (await send(front, a_wish(front)))["items"]
    await send(front, a_wish(front))

    [row] = await front.desk.signals()
    [position] = await front.desk.positions()
    assert str(row.id) == item["signal_id"]
    assert (row.status, row.decided_by) == (SignalStatus.EXECUTED, "rule:auto")
    assert position.quantity == Decimal("0.1")


async def test_refused_items_leave_the_others_alone(front: Front) -> None:
    now = front.desk.clock.now()
    stranger = a_user(now)
    account = an_account(stranger.id, now)
    theirs = a_strategy(stranger.id, account.id, now)
    off = await front.desk.another_strategy(is_active=False)
    await front.desk.keep(stranger, account, theirs)

    answer = await send(
        front,
        a_wish(front, strategy_id=str(theirs.id)),
        a_wish(front, symbol="NOPE"),
        a_wish(front, strategy_id=str(off.id)),
        a_wish(front, take_profit="59000"),
        a_wish(front),
    )

    codes = [(item["reason"] or "").partition(":")[0] for item in answer["items"]]
    assert [item["result"] for item in answer["items"]] == [*["refused"] * 4, "created"]
    assert codes == ["not_found", "unknown_symbol", "strategy_inactive", "target_on_wrong_side", ""]
    assert answer["items"][0] == {**answer["items"][0], "signal_id": None, "external_id": "one"}
    assert len(await front.desk.signals()) == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"signals": []},
        {"signals": "all"},
        [{"symbol": "BTCUSDT"}],
        [{"strategy_id": "nonsense", "symbol": "BTCUSDT", "position_side": "long"}],
        "long",
    ],
)
async def test_a_body_that_makes_no_sense_changes_nothing(front: Front, body: Any) -> None:
    answer = await front.post(PATH, body, expect=400)

    assert answer["code"] == "invalid"
    assert await front.desk.signals() == []


async def test_one_bad_item_in_a_body_makes_the_whole_call_fail(front: Front) -> None:
    await front.post(PATH, [a_wish(front), a_wish(front, quantity="-1")], expect=400)

    assert await front.desk.signals() == []


async def test_two_calls_at_once_leave_one_pending(front: Front) -> None:
    await asyncio.gather(*(send(front, a_wish(front, external_id=None)) for _ in range(4)))

    assert len(await pending_ids(front)) == 1
    assert len(await front.desk.rows(Signal)) == 1
