"""`/diary`: entries of a trader's own, about what is theirs."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest

from tests.builders import LINEAR, a_user
from tests.integration.desk.front import Front
from tests.integration.desk.test_reports import round_trip

NOTHING = "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"
MARKDOWN = "# Monday\n\n- waited  \n- **then** `bought` <b>late</b> \U0001f600\n"


async def write(front: Front, text: str = "Waited.", **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await front.post("/diary", {"text": text, **fields}, expect=201)
    return answer


async def texts(front: Front, **query: Any) -> list[str]:
    return [one["text"] for one in (await front.get("/diary", **query))["items"]]


def link(kind: str, subject: object) -> dict[str, str]:
    return {"kind": kind, "subject_id": str(subject)}


async def test_an_entry_is_kept_as_it_was_written(front: Front) -> None:
    made = await write(front, MARKDOWN, day="2026-03-01", tags=[" Early ", "calm", "early"])

    found = await front.get(f"/diary/{made['id']}")

    assert found == made
    assert (found["text"], found["day"]) == (MARKDOWN, "2026-03-01")
    assert (found["tags"], found["links"]) == (["early", "calm"], [])


async def test_without_a_day_it_is_about_today_where_the_trader_is(front: Front) -> None:
    # Noon in London is tomorrow in Auckland.
    kiwi = a_user(front.desk.clock.now(), timezone="Pacific/Auckland")
    await front.desk.keep(kiwi)

    here = await write(front)
    there = await front.post("/diary", {"text": "Waited."}, expect=201, user=kiwi)

    assert (here["day"], there["day"]) == ("2026-03-02", "2026-03-03")


async def test_only_what_is_sent_is_changed(front: Front) -> None:
    strategy = link("strategy", front.desk.strategy.id)
    made = await write(front, tags=["calm"], links=[strategy])
    front.desk.clock.advance(60)

    answer = await front.call(
        "PATCH", f"/diary/{made['id']}", {"text": "Hurried.", "tags": ["rash"]}
    )

    changed = answer.json()
    assert (changed["text"], changed["tags"]) == ("Hurried.", ["rash"])
    assert (changed["day"], changed["links"]) == (made["day"], made["links"])
    assert changed["created_at"] == made["created_at"] < changed["updated_at"]
    cleared = await front.call("PATCH", f"/diary/{made['id']}", {"tags": [], "links": []})
    assert (cleared.json()["tags"], cleared.json()["links"]) == ([], [])


async def test_a_deleted_entry_is_gone(front: Front) -> None:
    made = await write(front, tags=["calm"], links=[link("strategy", front.desk.strategy.id)])

    answer = await front.call("DELETE", f"/diary/{made['id']}")

    assert answer.status_code == 204
    await front.get(f"/diary/{made['id']}", expect=404)
    assert await texts(front) == []


async def test_entries_are_about_trades_positions_signals_and_strategies(front: Front) -> None:
    await round_trip(front, "61000")
    [trade] = await front.desk.trades()
    signal = (await front.desk.signals())[0]
    subjects = {
        "trade": trade.id,
        "position": trade.position_id,
        "signal": signal.id,
        "strategy": front.desk.strategy.id,
    }

    made = await write(front, links=[link(*one) for one in subjects.items()])

    assert made["links"] == [
        {"kind": "trade", "subject_id": str(trade.id), "symbol": LINEAR, "label": f"long {LINEAR}"},
        {
            "kind": "position",
            "subject_id": str(trade.position_id),
            "symbol": LINEAR,
            "label": f"long {LINEAR}",
        },
        {
            "kind": "signal",
            "subject_id": str(signal.id),
            "symbol": LINEAR,
            "label": f"open long {LINEAR}",
        },
        {
            "kind": "strategy",
            "subject_id": str(front.desk.strategy.id),
            "symbol": None,
            "label": front.desk.strategy.name,
        },
    ]
    for subject in subjects.values():
        assert await texts(front, about=subject) == ["Waited."]
    assert await texts(front, about=NOTHING) == []


async def test_what_is_about_a_position_is_about_its_trade_as_well(front: Front) -> None:
    await round_trip(front, "61000")
    [trade] = await front.desk.trades()
    await write(front, "of the position", links=[link("position", trade.position_id)])
    await write(front, "of the trade", links=[link("trade", trade.id)])

    both = ["of the trade", "of the position"]
    assert await texts(front, about=trade.id) == both
    assert await texts(front, about=trade.position_id) == both


@pytest.mark.parametrize("kind", ["trade", "position", "signal", "strategy"])
async def test_security_02_nothing_foreign_can_be_written_about(front: Front, kind: str) -> None:
    await round_trip(front, "61000")
    [trade] = await front.desk.trades()
    subject: UUID = {
        "trade": trade.id,
        "position": trade.position_id,
        "signal": (await front.desk.signals())[0].id,
        "strategy": front.desk.strategy.id,
    }[kind]
    stranger = a_user(front.desk.clock.now())
    await front.desk.keep(stranger)
    own = await front.post("/diary", {"text": "Mine."}, expect=201, user=stranger)

    body = {"text": "Whose?", "links": [link(kind, subject)]}
    written = await front.call("POST", "/diary", body, user=stranger)
    changed = await front.call("PATCH", f"/diary/{own['id']}", body, user=stranger)

    assert (written.status_code, changed.status_code) == (404, 404)
    found = (await front.get("/diary", user=stranger))["items"]
    assert [(one["text"], one["links"]) for one in found] == [("Mine.", [])]


async def test_an_entry_outlives_what_it_is_about(front: Front) -> None:
    strategy = await front.desk.another_strategy(name="Breakout")
    made = await write(front, links=[link("strategy", strategy.id)])

    gone = await front.call("DELETE", f"/strategies/{strategy.id}")
    kept = await front.call(
        "PATCH", f"/diary/{made['id']}", {"links": [link("strategy", strategy.id)]}
    )

    assert gone.status_code == 204
    assert kept.json()["links"] == made["links"]
    assert made["links"][0]["label"] == "Breakout"
    assert await texts(front, about=strategy.id) == ["Waited."]
    await front.post(
        "/diary", {"text": "Too late.", "links": [link("strategy", strategy.id)]}, expect=404
    )


async def test_entries_are_found_by_day_tag_symbol_and_words(front: Front) -> None:
    await round_trip(front, "61000")
    [trade] = await front.desk.trades()
    await write(front, "100% sure", day="2026-02-27", tags=["rash"])
    await write(front, "Patience pays", day="2026-03-01", links=[link("trade", trade.id)])
    await write(front, "1000 reasons", day="2026-02-28", tags=["calm", "rash"])

    cases: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["Patience pays", "1000 reasons", "100% sure"]),
        ({"from": "2026-02-28"}, ["Patience pays", "1000 reasons"]),
        ({"to": "2026-03-01"}, ["1000 reasons", "100% sure"]),
        ({"tag": "Rash"}, ["1000 reasons", "100% sure"]),
        ({"tag": "ras"}, []),
        ({"symbol": "BTCUSDT.P"}, ["Patience pays"]),
        ({"symbol": "BTCUSDT"}, []),
        ({"text": "PATIENCE"}, ["Patience pays"]),
        ({"text": "100%"}, ["100% sure"]),
        ({"tag": "rash", "text": "reasons"}, ["1000 reasons"]),
    ]
    for query, found in cases:
        assert await texts(front, **query) == found, query


async def test_pages_go_by_day_and_miss_nothing(front: Front) -> None:
    for number, day in enumerate(["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-02"]):
        await write(front, str(number), day=day)

    seen: list[str] = []
    cursor: str | None = None
    while True:
        further: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        page = await front.get("/diary", limit=1, **further)
        seen += [one["text"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ["3", "1", "2", "0"]
    await front.get("/diary", expect=400, cursor="yesterday")


async def test_the_diary_is_a_table_that_no_spreadsheet_runs(front: Front) -> None:
    await round_trip(front, "61000")
    [trade] = await front.desk.trades()
    links = [link("trade", trade.id), link("strategy", front.desk.strategy.id)]
    await write(front, "=1+1", tags=["rash", "early"], links=links)

    answer = await front.call("GET", "/diary", params={"format": "csv", "limit": 1})

    [line] = csv.DictReader(io.StringIO(answer.text))
    assert answer.headers["content-disposition"] == 'attachment; filename="diary.csv"'
    assert (line["day"], line["text"], line["tags"]) == ("2026-03-02", "'=1+1", "rash early")
    assert line["about"] == f"trade long {LINEAR}; strategy {front.desk.strategy.name}"


async def test_a_table_holds_more_than_a_page(front: Front) -> None:
    for number in range(3):
        await write(front, str(number))

    answer = await front.call("GET", "/diary", params={"format": "csv", "limit": 2})

    assert [line["text"] for line in csv.DictReader(io.StringIO(answer.text))] == ["2", "1", "0"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n"},
        {"text": "a\x00b"},
        {"text": "x" * 16_001},
        {"text": "x", "day": "1969-12-31"},
        {"text": "x", "tags": ["two words"]},
        {"text": "x", "tags": ["t"] * 21},
        {"text": "x", "links": [{"kind": "order", "subject_id": NOTHING}]},
        {"text": "x", "mood": "calm"},
    ],
)
async def test_what_is_no_entry_is_refused(sqlite_front: Front, body: dict[str, Any]) -> None:
    await sqlite_front.post("/diary", body, expect=400)


async def test_the_trail_says_that_something_was_written_and_not_what(front: Front) -> None:
    made = await write(front, "secret thoughts")

    [entry] = (await front.get("/audit", subject_id=made["id"]))["items"]

    assert (entry["action"], entry["detail"]) == ("diary.written", {"day": "2026-03-02"})
    assert "secret thoughts" not in str(entry)
