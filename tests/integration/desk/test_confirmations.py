"""`/confirmations`: what the second person sees and does, and what nobody gets round."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.accounts.models import User
from app.db.session import Database
from app.http.caller import Role
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.builders import a_user
from tests.integration.desk.front import Front, open_front
from tests.integration.desk.test_manual_orders import an_order
from tests.integration.desk.test_request_keys import send
from tests.integration.desk.test_update_active import PATH, a_wish
from tests.integration.flow.test_second_approval import the_signal

REPLAYED = "Idempotent-Replayed"


@pytest.fixture
async def front(sqlite_database: Database) -> AsyncIterator[Front]:
    """A trader whose strategy asks; what depends on the database is tested without HTTP."""
    async with open_front(sqlite_database, approval=Approval.MANUAL) as opened:
        yield opened


async def named(front: Front, above: str = "5000", **person: Any) -> User:
    """Another user, whom the trader's limits name."""
    other = a_user(front.desk.clock.now(), **person)
    await front.desk.keep(other)
    limits = {"second_approval_above": above, "second_approver": other.username}
    answer = await front.call("PUT", "/risk", limits)
    assert answer.status_code == 200, answer.text
    assert answer.json()["second_approver"] == other.username
    return other


async def asked(front: Front, **alert: Any) -> tuple[str, User]:
    """An entry that its trader has approved, and who has to consent."""
    other = await named(front)
    await front.desk.alert(**alert)
    signal = await the_signal(front.desk)
    row = await front.post(f"/signals/{signal.id}/approve")
    assert row["status"] == "pending"
    return str(signal.id), other


async def test_security_24_the_second_person_sees_what_waits_and_nothing_else(
    front: Front,
) -> None:
    signal, other = await asked(front, stop_loss="58000", comment="my secret sauce")
    trader = front.desk.user

    seen = await front.get("/confirmations", user=other)

    [item] = seen["items"]
    assert item.pop("expires_at").startswith("2026-")
    assert item == {
        "signal_id": signal,
        "status": "pending",
        "asked_by": trader.username,
        "symbol": "BTC/USDT:USDT",
        "position_side": "long",
        "notional": "6000",
        "stop_loss": "58000",
    }
    for path in (f"/signals/{signal}", f"/signals/{signal}/preview"):
        await front.get(path, user=other, expect=404)
    assert (await front.get("/signals", user=other))["items"] == []
    assert (await front.get("/confirmations"))["items"] == []
    [notice] = (await front.get("/notices", user=other))["items"]
    assert (notice["code"], notice["subject_id"]) == ("consent_wanted", signal)


async def test_security_24_a_consent_sends_the_order_once_and_a_replay_says_the_same(
    front: Front,
) -> None:
    signal, other = await asked(front)
    request = ("POST", f"/confirmations/{signal}/confirm", None)

    first = await send(front, request, "k", user=other)
    again = await send(front, request, "k", user=other)
    other_key = await send(front, request, "l", user=other)

    assert (first.status_code, first.json()["status"]) == (200, "approved")
    assert (again.json(), again.headers[REPLAYED]) == (first.json(), "true")
    assert (other_key.status_code, other_key.json()["code"]) == (409, "already_decided")
    assert len(front.desk.sent) == 1
    assert (await front.get("/confirmations", user=other))["items"] == []
    codes = [one["code"] for one in (await front.get("/notices"))["items"]]
    assert codes == ["consent_given"]


async def test_security_24_many_clicks_at_once_send_one_order(front: Front) -> None:
    signal, other = await asked(front)
    request = ("POST", f"/confirmations/{signal}/confirm", None)

    answers = await asyncio.gather(
        *(send(front, request, f"k{number}", user=other, settle=False) for number in range(10))
    )
    await front.desk.process.settle()

    assert sorted(one.status_code for one in answers) == [200, *[409] * 9]
    assert len(front.desk.sent) == 1


async def test_security_24_a_refusal_ends_it_and_tells_the_owner_why(front: Front) -> None:
    signal, other = await asked(front)

    said = await front.post(f"/confirmations/{signal}/reject", {"reason": "too big"}, user=other)

    assert said["status"] == "rejected"
    row = await front.get(f"/signals/{signal}")
    assert row["reason"] == f"rejected: {other.username} did not consent: too big"
    [notice] = (await front.get("/notices"))["items"]
    assert (notice["code"], notice["severity"]) == ("consent_refused", "warning")
    assert front.desk.sent == []


@pytest.mark.parametrize("verb", ["confirm", "reject"])
async def test_security_24_the_owner_is_refused_and_a_third_person_finds_nothing(
    front: Front, verb: str
) -> None:
    signal, _ = await asked(front)
    third = a_user(front.desk.clock.now(), role=Role.ADMIN)
    path = f"/confirmations/{signal}/{verb}"

    own = await front.post(path, expect=403)
    others = await front.post(path, expect=404, user=third)

    assert (own["code"], others["code"]) == ("same_person", "not_found")
    assert (await the_signal(front.desk)).status is SignalStatus.PENDING


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ({"role": Role.VIEWER}, "unknown_approver"),
        ({"is_active": False}, "unknown_approver"),
        (None, "same_person"),
    ],
)
async def test_security_24_who_may_not_consent_cannot_be_named(
    front: Front, person: dict[str, Any] | None, code: str
) -> None:
    trader = front.desk.user
    other = trader if person is None else a_user(front.desk.clock.now(), **person)
    if other is not trader:
        await front.desk.keep(other)

    answer = await front.call(
        "PUT", "/risk", {"second_approval_above": "5000", "second_approver": other.username}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_who_was_switched_off_stays_named_so_that_limits_can_be_tightened(
    front: Front,
) -> None:
    other = await named(front)
    async with front.desk.database.transaction() as session:
        (await session.get_one(User, other.id)).is_active = False
    limits = {"second_approval_above": "4000", "second_approver": other.username}

    answer = await front.call("PUT", "/risk", limits, is_proven=False)

    assert (answer.status_code, answer.json()["second_approval_above"]) == (200, "4000")


async def test_security_24_an_order_by_hand_waits_for_nobody_and_is_refused(front: Front) -> None:
    await named(front)

    large = await front.post("/orders", an_order(front), expect=422)
    small = await front.post("/orders", an_order(front, quantity="0.08"), expect=201)
    leaving = await front.post("/orders", an_order(front, side="sell", quantity="0.08"), expect=201)

    assert large["code"] == "second_approval_missing"
    assert large["detail"].startswith("6000 USDT, and above 5000 a second person")
    assert (small["quantity"], leaving["purpose"]) == ("0.08", "exit")
    assert len(front.desk.sent) == 2


async def test_security_24_what_a_script_wants_waits_too_and_is_not_changed_under_their_eyes(
    front: Front,
) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    other = await named(front)
    first = (await front.post(PATH, a_wish(front)))["items"][0]["signal_id"]
    same = (await front.post(PATH, a_wish(front)))["items"]

    larger = (await front.post(PATH, a_wish(front, quantity="0.5")))["items"]

    assert [(one["result"], one["signal_id"]) for one in same] == [("unchanged", first)]
    assert [one["result"] for one in larger] == ["created", "superseded"]
    [item] = (await front.get("/confirmations", user=other))["items"]
    assert (item["signal_id"], item["notional"]) == (larger[0]["signal_id"], "30000")
    late = await front.post(f"/confirmations/{first}/confirm", expect=409, user=other)
    assert late["code"] == "already_decided"
    assert front.desk.sent == []


async def test_the_preview_says_that_it_would_wait(front: Front) -> None:
    await named(front)
    await front.desk.alert()
    signal = await the_signal(front.desk)

    seen = await front.get(f"/signals/{signal.id}/preview")
    small = await front.get(f"/signals/{signal.id}/preview", fraction="0.5")

    assert (seen["would_be"], seen["notional"]) == ("waits", "6000")
    assert seen["reason"].startswith("second_approval_missing: ")
    assert (small["would_be"], small["reason"]) == ("sent", None)


async def test_a_share_that_is_small_enough_takes_one_person(front: Front) -> None:
    await named(front)
    await front.desk.alert()
    signal = await the_signal(front.desk)

    await front.post(f"/signals/{signal.id}/approve", {"fraction": "0.5"})

    assert [str(one.quantity) for one in front.desk.sent] == ["0.05"]
