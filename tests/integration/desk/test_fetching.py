"""Candles fetched over HTTP: asked for as a job, or waited for."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.clock import iso
from app.core.errors import Retryable
from app.http.caller import Role
from app.jobs.runner import JobRunner
from app.market.fetching.job import KIND, FetchCandles
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from tests.builders import LINEAR, a_user, d
from tests.integration.desk.front import Front

HOUR = timedelta(hours=1)
HOURS = 30
PATH = "/fetch_and_store_data/BTCUSDT.P"


def begin(front: Front) -> datetime:
    return Timeframe.H1.open_of(front.desk.clock.now()) - HOURS * HOUR


@pytest.fixture
def venue(front: Front) -> Front:
    """A venue with the candles of the last thirty hours."""
    price = d("60000")
    front.desk.town.market_of(LINEAR).set_candles(
        LINEAR,
        *(
            Candle(Timeframe.H1, begin(front) + number * HOUR, price, price, price, price, d("1"))
            for number in range(HOURS)
        ),
    )
    return front


async def test_a_few_are_there_when_the_answer_comes_and_can_be_read(venue: Front) -> None:
    first = await venue.get(PATH, interval="1h", start=iso(begin(venue)))
    again = await venue.get(PATH, interval="1h", start=iso(begin(venue)))
    stored = await venue.get("/candles", symbol="BTCUSDT.P", timeframe="1h", limit=100)

    assert first == {
        "symbol": LINEAR,
        "interval": "1h",
        "inserted": HOURS,
        "duplicates_skipped": 0,
        "status": "complete",
        "from": iso(begin(venue)),
        "to": iso(begin(venue) + HOURS * HOUR),
    }
    assert (again["inserted"], again["duplicates_skipped"]) == (0, HOURS)
    assert len(stored["items"]) == HOURS


async def test_without_a_start_they_are_the_newest(venue: Front) -> None:
    answer = await venue.get(PATH, interval="1h", max_candles=5)

    assert (answer["inserted"], answer["status"]) == (5, "complete")
    assert answer["from"] == iso(begin(venue) + (HOURS - 5) * HOUR)


async def test_more_than_is_waited_for_is_partial(venue: Front) -> None:
    answer = await venue.get(PATH, interval="1h", start=iso(begin(venue)), max_candles=7)

    assert (answer["inserted"], answer["status"]) == (7, "partial")
    assert answer["to"] == iso(begin(venue) + 7 * HOUR)


async def test_a_job_fetches_them_and_says_how_many(venue: Front) -> None:
    body = {"symbol": "BTCUSDT.P", "timeframe": "1h", "from": iso(begin(venue))}
    job = await venue.post("/candles/fetch", body, expect=201)
    programs = {KIND: FetchCandles(venue.app.state.candle_fetcher)}
    runner = JobRunner(venue.desk.database, venue.desk.clock, programs)

    await runner.look()
    await runner.idle()
    done = await venue.get(f"/jobs/{job['id']}")

    assert (job["kind"], job["status"], job["unit"]) == (KIND, "queued", "candles")
    assert job["parameters"]["symbol"] == LINEAR
    assert (done["status"], done["done"], done["total"]) == ("done", HOURS, HOURS)
    assert done["result"] == {"inserted": HOURS, "duplicates_skipped": 0, "missing": 0}


async def test_a_job_at_a_venue_that_refuses_says_so(venue: Front) -> None:
    body = {"symbol": "BTCUSDT.P", "timeframe": "1h", "from": iso(begin(venue))}
    job = await venue.post("/candles/fetch", body, expect=201)
    venue.desk.town.market_of(LINEAR).failure = Retryable("it is away")

    async def no_pause(_: float) -> None:
        """Ten minutes in no time."""

    fetcher = venue.app.state.candle_fetcher
    fetcher._sleep = no_pause
    runner = JobRunner(venue.desk.database, venue.desk.clock, {KIND: FetchCandles(fetcher)})
    await runner.look()
    await runner.idle()

    failed = await venue.get(f"/jobs/{job['id']}")
    assert (failed["status"], failed["reason"]) == ("failed", "exchange_unavailable: it is away")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timeframe": "7m"}, "invalid"),
        ({"symbol": "NOPE"}, "unknown_symbol"),
        ({"from": "2026-02-01T00:00:00"}, "invalid"),
        ({"from": "2027-01-01T00:00:00Z"}, "future_range"),
        ({"to": "2020-01-01T00:00:00Z"}, "reversed_range"),
        ({"timeframe": "1m", "from": "2009-01-03T00:00:00Z"}, "too_many_candles"),
    ],
)
async def test_what_makes_no_sense_is_refused_when_it_is_asked_for(
    front: Front, changes: dict[str, Any], code: str
) -> None:
    body = {"symbol": "BTCUSDT.P", "timeframe": "1h", "from": "2026-01-01T00:00:00Z", **changes}

    answer = await front.call("POST", "/candles/fetch", body)

    assert answer.status_code in {400, 404}, answer.text
    assert answer.json()["code"] == code
    assert (await front.get("/jobs"))["items"] == []


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "0100-01-01T00:00:00Z"])
@pytest.mark.parametrize("interval", ["1m", "1M"])
async def test_an_end_before_all_markets_is_refused(front: Front, end: str, interval: str) -> None:
    answer = await front.get(PATH, expect=400, interval=interval, end=end, max_candles=2000)

    assert answer["code"] == "reversed_range"


async def test_a_viewer_has_nothing_fetched(front: Front) -> None:
    viewer = a_user(front.desk.clock.now(), role=Role.VIEWER)

    await front.get(PATH, expect=403, user=viewer)
