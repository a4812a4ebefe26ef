"""`GET /candles/gaps` and `POST /candles/build`: what is missing, and what can be made."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.jobs.runner import JobRunner
from app.market.building.job import KIND, BuildCandles
from tests.builders import LINEAR
from tests.integration.desk.front import Front
from tests.integration.desk.test_candles import CANDLE, at, body

BUILD = {
    "symbol": "BTCUSDT.P",
    "timeframe": "15m",
    "source": "5m",
    "from": "2026-03-02T11:00:00Z",
    "to": "2026-03-02T12:00:00Z",
}


async def asked(front: Front, query: Mapping[str, Any] | None = None, *, expect: int = 200) -> Any:
    """The names of some parameters are no names in Python."""
    whole: dict[str, Any] = {"symbol": "BTCUSDT.P", "timeframe": "5m", **(query or {})}
    return await front.get("/candles/gaps", expect=expect, **whole)


async def test_what_is_missing_is_told_and_how_many(front: Front) -> None:
    await front.post("/candles", body(CANDLE, at(5), at(25), at(30)))

    whole = await asked(front, {"from": "2026-03-01T00:00:00Z"})
    part = await asked(front, {"from": "2026-03-02T11:07:00Z", "to": "2026-03-02T11:20:00Z"})

    assert whole == {
        "exchange": "paper",
        "market_type": "linear",
        "symbol": LINEAR,
        "timeframe": "5m",
        "from": "2026-03-02T11:00:00.000000Z",
        "to": "2026-03-02T12:00:00.000000Z",
        "stored": 4,
        "missing": 8,
        "gaps": [
            {
                "from": "2026-03-02T11:10:00.000000Z",
                "to": "2026-03-02T11:25:00.000000Z",
                "missing": 3,
            },
            {
                "from": "2026-03-02T11:35:00.000000Z",
                "to": "2026-03-02T12:00:00.000000Z",
                "missing": 5,
            },
        ],
    }
    assert (part["stored"], part["missing"], len(part["gaps"])) == (0, 2, 1)
    assert await asked(front) == whole


async def test_where_nothing_is_stored_nothing_is_missing(front: Front) -> None:
    await front.post("/candles", body(at(30)))

    for query in ({"timeframe": "1h"}, {"to": "2026-03-02T11:30:00Z"}):
        found = await asked(front, query)
        assert (found["from"], found["stored"], found["missing"]) == (None, 0, 0)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 404, "unknown_symbol"),
        ({"timeframe": "7m"}, 400, "unknown_timeframe"),
        ({"from": "2026-03-02T13:00:00Z"}, 400, "future_range"),
        ({"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T10:00:00Z"}, 400, "reversed_range"),
        ({"from": "2026-03-02T11:56:00Z"}, 400, "nothing_closed"),
        ({"from": "2026-03-02T11:00:00"}, 400, "invalid"),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(
    front: Front, query: dict[str, str], status: int, code: str
) -> None:
    assert (await asked(front, query, expect=status))["code"] == code


async def test_more_than_a_request_looks_through_is_refused(front: Front) -> None:
    old = {**CANDLE, "timeframe": "1m", "open_time": "2020-01-01T00:00:00Z"}
    await front.post("/candles", body(old))

    assert (await asked(front, {"timeframe": "1m"}, expect=400))["code"] == "too_many_candles"


async def built(front: Front, **changes: Any) -> Any:
    """The job, done."""
    job = await front.post("/candles/build", {**BUILD, **changes}, expect=201)
    desk = front.desk
    runner = JobRunner(desk.database, desk.clock, {KIND: BuildCandles(desk.database, desk.clock)})
    await runner.look()
    await runner.idle()
    return await front.get(f"/jobs/{job['id']}")


async def test_a_job_builds_what_is_whole_and_names_what_is_not(front: Front) -> None:
    await front.post("/candles", body(*(at(minute) for minute in (0, 5, 10, 15, 25))))

    job = await built(front)
    again = await built(front)

    assert (job["status"], job["done"], job["total"], job["unit"]) == ("done", 4, 4, "candles")
    assert job["parameters"]["source"] == "5m"
    assert job["result"] == {
        "inserted": 1,
        "duplicates_skipped": 0,
        "incomplete": 1,
        "first_incomplete": [
            {
                "open_time": "2026-03-02T11:15:00.000000Z",
                "first_missing": "2026-03-02T11:20:00.000000Z",
                "missing": 1,
            }
        ],
    }
    assert (again["result"]["inserted"], again["result"]["duplicates_skipped"]) == (0, 1)
    page = await front.get("/candles", symbol="BTCUSDT.P", timeframe="15m")
    assert [one["volume"] for one in page["items"]] == ["37.035"]


async def test_a_job_that_contradicts_what_is_stored_fails_and_shows_it(front: Front) -> None:
    wide = {**CANDLE, "timeframe": "15m", "volume": "37"}
    await front.post("/candles", body(CANDLE, at(5), at(10), wide))

    job = await built(front)

    assert job["status"] == "failed"
    assert job["reason"].startswith("candle_conflict: ")
    assert "11:00:00.000000Z: volume 37, sent 37.035" in job["reason"]


async def test_a_job_without_anything_to_build_from_says_so(front: Front) -> None:
    job = await built(front, source="trades")

    assert job["reason"] == (
        "nothing_stored: No trade of paper BTC/USDT:USDT is stored in that range."
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 404, "unknown_symbol"),
        ({"source": "7m"}, 400, "unknown_timeframe"),
        ({"source": "1h"}, 400, "timeframe_unfit"),
        ({"timeframe": "1M", "source": "1w"}, 400, "timeframe_unfit"),
        ({"from": "2026-03-02T13:00:00Z"}, 400, "future_range"),
        ({"to": "2026-03-02T10:00:00Z"}, 400, "reversed_range"),
        ({"from": "2026-03-02T11:50:00Z"}, 400, "nothing_closed"),
    ],
)
async def test_what_cannot_be_built_is_refused_when_it_is_asked_for(
    front: Front, changes: dict[str, str], status: int, code: str
) -> None:
    answer = await front.post("/candles/build", {**BUILD, **changes}, expect=status)

    assert answer["code"] == code
    assert (await front.get("/jobs"))["items"] == []
