"""What a trader is told, and that nobody else is."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import iso
from app.http.caller import Role
from app.notifications.models import Severity
from app.notifications.service import tell
from tests.builders import a_user
from tests.integration.desk.front import Front


async def said(front: Front, code: str, **changes: Any) -> None:
    values: dict[str, Any] = {
        "user_id": front.desk.user.id,
        "severity": Severity.WARNING,
        "subject_kind": "position",
        "subject_id": "p1",
        "text": f"{code} happened.",
        **changes,
    }
    async with front.desk.database.transaction() as session:
        await tell(session, code=code, now=front.desk.clock.now(), **values)


async def codes(front: Front, **query: Any) -> list[str]:
    return [item["code"] for item in (await front.get("/notices", **query))["items"]]


async def test_a_notice_has_its_words_and_its_subject(front: Front) -> None:
    await said(front, "unprotected", severity=Severity.URGENT)

    [item] = (await front.get("/notices"))["items"]

    now = iso(front.desk.clock.now())
    assert item.pop("id")
    assert item == {
        "severity": "urgent",
        "code": "unprotected",
        "subject_kind": "position",
        "subject_id": "p1",
        "text": "unprotected happened.",
        "times": 1,
        "created_at": now,
        "last_at": now,
        "delivery": None,
        "tries": 0,
    }


async def test_a_repetition_within_the_hour_is_counted_and_later_is_news(front: Front) -> None:
    await said(front, "order_unknown")
    front.desk.clock.advance(60)
    await said(front, "order_unknown", text="Still not known.")
    [item] = (await front.get("/notices"))["items"]
    front.desk.clock.advance(3600)
    await said(front, "order_unknown")

    assert (item["times"], item["text"]) == (2, "Still not known.")
    assert item["last_at"] == iso(front.desk.clock.now() - timedelta(hours=1))
    assert len(await codes(front)) == 2


async def test_the_newest_comes_first_and_pages_meet(front: Front) -> None:
    for number in range(5):
        await said(front, f"n{number}")

    first = await front.get("/notices", limit=2)
    rest = await codes(front, cursor=first["next_cursor"])

    assert [item["code"] for item in first["items"]] == ["n4", "n3"]
    assert rest == ["n2", "n1", "n0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"severity": "urgent"}, ["unprotected"]),
        ({"severity": "URGENT", "code": "closed_elsewhere"}, []),
        ({"code": "closed_elsewhere"}, ["closed_elsewhere"]),
        ({"subject_id": "p2"}, ["closed_elsewhere"]),
        ({"subject_id": "p3"}, []),
    ],
)
async def test_a_list_is_narrowed(front: Front, query: dict[str, str], expected: list[str]) -> None:
    await said(front, "unprotected", severity=Severity.URGENT)
    await said(front, "closed_elsewhere", subject_id="p2")

    assert await codes(front, **query) == expected


async def test_a_severity_that_is_none_is_refused(front: Front) -> None:
    refused = await front.get("/notices", expect=400, severity="loud")

    assert refused["code"] == "unknown_filter"


async def test_somebody_elses_notices_are_not_there_for_an_admin_either(front: Front) -> None:
    stranger = a_user(front.desk.clock.now(), role=Role.ADMIN)
    await said(front, "unprotected", subject_id="mine")

    everything = await front.get("/notices", user=stranger)
    asked_for = await front.get("/notices", user=stranger, subject_id="mine")

    assert everything["items"] == asked_for["items"] == []
