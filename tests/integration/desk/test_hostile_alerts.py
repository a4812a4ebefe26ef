"""Whatever is authenticated is stored with a reason, and can be shown: on real databases."""

import json
from random import Random
from typing import Any

import pytest

from tests.hostile import EXAMPLES, NUMBERS, TIMES, bent
from tests.integration.desk.front import USER, Front

DECIDED = {"accepted", "stale", "ignored", "refused"}
SEEDS = range(3)
BENT_PER_FORMAT = 4


async def deliver(front: Front, webhook: str, body: bytes) -> dict[str, Any]:
    """A delivery that is answered, decided, and served again with its reason."""
    headers = {USER: front.desk.user.username}
    answer = await front.client.post(webhook, content=body, headers=headers)
    assert answer.status_code == 200, (answer.text, body)
    receipt: dict[str, Any] = answer.json()
    stored: dict[str, Any] = await front.get(f"/alarms/{receipt['alarm_id']}")
    assert stored["status"] in DECIDED, (stored, body)
    assert stored["reason"] or stored["sentence"], (stored, body)
    assert len(json.dumps(stored)) < 4 * len(body) + 16_384, (stored, body)
    preview = await front.client.post("/alarms/preview", content=body, headers=headers)
    assert preview.status_code == 200, (preview.text, body)
    return stored


def a_native(**fields: Any) -> bytes:
    return json.dumps({"symbol": "BTCUSDT.P", "action": "buy", **fields}).encode()


@pytest.mark.parametrize("field", ["quantity", "notional", "stop_loss", "take_profit", "leverage"])
async def test_any_number_in_an_alert_is_stored_with_a_reason(
    front: Front, webhook: str, field: str
) -> None:
    for number in NUMBERS:
        stored = await deliver(front, webhook, a_native(**{field: number}))

        assert "e+" not in (stored["sentence"] or "").lower()


async def test_any_time_in_an_alert_is_stored_with_a_reason(front: Front, webhook: str) -> None:
    for time in TIMES:
        stored = await deliver(front, webhook, a_native(time=time, quantity="0.1"))

        assert stored["status"] in {"refused", "stale"}, (stored, time)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"quantity": "1E+400"}, "invalid_size"),
        ({"price": "1" + "0" * 37}, "invalid_price"),
        ({"stop_loss": "1e20"}, "invalid_level"),
        ({"leverage": "1e14"}, "invalid_leverage"),
        ({"time": "9999-12-31T23:59:59Z"}, "invalid_time"),
        ({"time": "0001-01-01T00:00:00Z"}, "invalid_time"),
        ({"take_profits": [{"price": str(61_000 + n)} for n in range(21)]}, "too_many_targets"),
    ],
)
async def test_what_no_column_can_hold_is_refused(
    front: Front, webhook: str, fields: dict[str, Any], code: str
) -> None:
    stored = await deliver(front, webhook, a_native(**fields))

    assert (stored["status"], stored["reason"].partition(":")[0]) == ("refused", code)


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": "0.1234567890123456789"},
        {"quantity": "0.1", "stop_loss": "58000.00000000000000000001"},
        {"quantity": "0.1", "id": "x" * 5_000},
        {"quantity": "0.1", "order_id": "y" * 5_000, "time": "2026-03-02T11:59:30Z"},
        {"quantity": "0.1", "comment": "\u202e\U0001f680" * 500},
        {"quantity": "0.1", "leverage": 1_000},
    ],
)
async def test_what_is_only_long_is_taken(
    front: Front, webhook: str, fields: dict[str, Any]
) -> None:
    stored = await deliver(front, webhook, a_native(**fields))

    assert stored["status"] == "accepted", stored["reason"]
    assert await front.desk.signals()


@pytest.mark.parametrize("seed", SEEDS)
async def test_bent_alerts_are_stored_with_a_reason(front: Front, webhook: str, seed: int) -> None:
    chance = Random(seed)  # the same mishaps in every run
    for text in EXAMPLES.values():
        for _ in range(BENT_PER_FORMAT):
            await deliver(front, webhook, bent(text, chance))
