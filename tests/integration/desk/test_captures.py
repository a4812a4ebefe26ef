"""`/candles/captures`: series that are kept up to date, each user's own."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.audit.models import AuditEntry
from app.http.caller import Role
from app.market.capture.models import Capture
from tests.builders import LINEAR, a_user
from tests.integration.desk.front import Front

PATH = "/candles/captures/BTCUSDT.P/5m"


async def begin(
    front: Front, path: str = PATH, query: Mapping[str, str] | None = None, *, expect: int = 200
) -> Any:
    answer = await front.call("PUT", path, params=query)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def test_a_series_is_captured_from_the_open_candle_on_and_again_changes_nothing(
    front: Front,
) -> None:
    front.desk.clock.advance(200)
    first = await begin(front)
    front.desk.clock.advance(500)
    again = await begin(front)
    listed = await front.get("/candles/captures")

    assert first == {
        "exchange": "paper",
        "market_type": "linear",
        "symbol": LINEAR,
        "timeframe": "5m",
        "from": "2026-03-02T12:00:00.000000Z",
        "kept_to": None,
        "failing_since": None,
        "reason": None,
        "created_at": "2026-03-02T12:03:20.000000Z",
    }
    assert again == first
    assert listed == {"items": [first], "next_cursor": None}
    actions = [one.action for one in await front.desk.rows(AuditEntry)]
    assert actions.count("capture.begun") == 1


async def test_it_may_begin_earlier_and_not_later(front: Front) -> None:
    await begin(front)

    earlier = await begin(front, query={"from": "2026-03-02T10:58:00Z"})
    later = await begin(front, query={"from": "2026-03-02T11:30:00Z"})

    assert earlier["from"] == "2026-03-02T11:00:00.000000Z"
    assert later == earlier


async def test_a_capture_is_its_owners_and_ends_for_them_alone(front: Front) -> None:
    stranger = a_user(front.desk.clock.now())
    await front.desk.keep(stranger)
    await begin(front)
    assert (await front.get("/candles/captures", user=stranger))["items"] == []
    assert (await front.call("DELETE", PATH, user=stranger)).status_code == 404
    await front.call("PUT", PATH, user=stranger)

    assert (await front.call("DELETE", PATH)).status_code == 204

    assert (await front.get("/candles/captures"))["items"] == []
    assert len((await front.get("/candles/captures", user=stranger))["items"]) == 1
    assert (await front.call("DELETE", PATH)).status_code == 404


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/candles/captures/NOPEUSDT/5m", {}, 404, "unknown_symbol"),
        ("/candles/captures/BTCUSDT.P/7m", {}, 400, "unknown_timeframe"),
        (PATH, {"from": "2026-03-02T12:00:01Z"}, 400, "future_range"),
        (PATH, {"from": "2026-03-02T12:00:00"}, 400, "invalid"),
        (PATH, {"from": "2019-03-02T12:00:00Z"}, 400, "too_many_candles"),
        (PATH, {"from": "0001-01-01T00:00:00Z"}, 400, "too_many_candles"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    front: Front, path: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = await begin(front, path, query, expect=status)

    assert answer["code"] == code
    assert await front.desk.rows(Capture) == []


async def test_a_viewer_looks_and_does_not_capture(front: Front) -> None:
    viewer = a_user(front.desk.clock.now(), role=Role.VIEWER)
    await front.desk.keep(viewer)

    assert (await front.call("PUT", PATH, user=viewer)).status_code == 403
    assert (await front.call("DELETE", PATH, user=viewer)).status_code == 403
    await front.get("/candles/captures", user=viewer)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "viewer"}])
async def test_who_may_not_trade_any_more_captures_nothing(
    front: Front, change: dict[str, Any]
) -> None:
    boss = a_user(front.desk.clock.now(), role=Role.ADMIN)
    await front.desk.keep(boss)
    await begin(front)

    answer = await front.call("PATCH", f"/users/{front.desk.user.id}", change, user=boss)

    assert answer.status_code == 200
    assert await front.desk.rows(Capture) == []
