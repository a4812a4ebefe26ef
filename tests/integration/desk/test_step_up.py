"""What would let a thief trade more takes a fresh proof; what makes trading safer takes none."""

from typing import Any

import pytest

from tests.builders import a_user
from tests.integration.desk.front import Front

TWO = {"second_approval_above": "5000", "second_approver": "anna"}
TIGHT = {"max_daily_loss": "100", "max_open_positions": 3}


async def stale(front: Front, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = await front.call(method, path, body, is_proven=False)
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_daily_loss": "50", "max_open_positions": 3}, 200),
        ({**TIGHT, "max_leverage": 2}, 200),
        ({**TIGHT, "max_daily_loss": "100.01"}, 401),
        ({"max_daily_loss": "100"}, 401),
        ({}, 401),
    ],
)
async def test_security_29_limits_are_raised_with_a_proof_and_lowered_without(
    front: Front, limits: dict[str, Any], expected: int
) -> None:
    first = await stale(front, "PUT", "/risk", TIGHT)

    status, code = await stale(front, "PUT", "/risk", limits)

    assert first == (200, None)
    assert status == expected
    kept = await front.get("/risk")
    if expected == 401:
        assert code == "step_up_required"
        assert kept["max_daily_loss"] == "100"
        assert kept["max_open_positions"] == 3
        assert (await front.call("PUT", "/risk", limits)).status_code == 200


@pytest.mark.parametrize(
    ("loss", "expected"), [("400", 200), ("300", 200), ("100", 200), ("400.01", 401)]
)
async def test_security_29_what_waits_is_kept_or_lowered_without_a_proof_and_raised_with_one(
    front: Front, loss: str, expected: int
) -> None:
    await front.call("PUT", "/risk", TIGHT)
    await front.call("PUT", "/risk", {**TIGHT, "max_daily_loss": "400"})

    # What waits is sent along with a limit that allows less.
    status, _ = await stale(
        front, "PUT", "/risk", {"max_daily_loss": loss, "max_open_positions": 2}
    )

    kept = await front.get("/risk")
    waits = {"400": "400", "300": "300", "100": None, "400.01": "400"}[loss]
    assert status == expected
    assert kept["max_daily_loss"] == "100"
    assert (kept["pending"] or {}).get("max_daily_loss") == waits
    assert kept["max_open_positions"] == (2 if expected == 200 else 3)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"second_approval_above": "4000", "second_approver": "anna"}, 200),
        ({"second_approval_above": "5000.01", "second_approver": "anna"}, 401),
        ({"second_approval_above": "5000", "second_approver": "otto"}, 401),
        ({}, 401),
    ],
)
async def test_security_29_another_person_or_a_higher_notional_for_two_takes_a_proof(
    front: Front, limits: dict[str, Any], expected: int
) -> None:
    now = front.desk.clock.now()
    await front.desk.keep(a_user(now, username="anna"), a_user(now, username="otto"))
    first = await stale(front, "PUT", "/risk", TWO)

    status, _ = await stale(front, "PUT", "/risk", limits)

    assert (first, status) == ((200, None), expected)
    kept = await front.get("/risk")
    asked = TWO if expected == 401 else limits
    assert {name: kept[name] for name in TWO} == asked
    if expected == 401:
        assert (await front.call("PUT", "/risk", limits)).status_code == 200


async def test_security_29_the_kill_switch_is_thrown_by_anybody_and_released_with_a_proof(
    front: Front,
) -> None:
    thrown = await stale(front, "POST", "/risk/kill-switch", {"is_on": True})
    released = await stale(front, "POST", "/risk/kill-switch", {"is_on": False})

    assert (thrown, released) == ((200, None), (401, "step_up_required"))
    assert [one["is_on"] for one in (await front.get("/risk/state"))["switches"]] == [True]
    await front.post("/risk/kill-switch", {"is_on": False})
    assert (await front.get("/risk/state"))["switches"] == []


async def test_security_29_a_new_webhook_url_takes_a_proof(front: Front) -> None:
    path = f"/strategies/{front.desk.strategy.id}/rotate-token"

    assert await stale(front, "POST", path) == (401, "step_up_required")
    assert (await front.call("POST", path)).status_code == 200
