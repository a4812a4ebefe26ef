"""Backtests over HTTP: asked for, listed, read, played back and deleted."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import User
from app.backtests.runs import service
from app.backtests.runs.job import RunBacktest
from app.backtests.runs.preparing import Preparer
from app.backtests.sweeps.job import RunSweep
from app.core.clock import iso
from app.http.caller import Role
from app.jobs.run import Program
from app.jobs.runner import JobRunner
from app.market.candles import repository as candles
from app.own_algorithms.shelf import Shelf
from tests.backtest_builders import COUNT, MINUTE, PARAMETERS, SINCE, UNTIL, a_market
from tests.builders import LINEAR, a_user
from tests.integration.backtests.yard import OwnHands
from tests.integration.desk.front import LOGIN, Front
from tests.integration.own_algorithms.files import PATIENT, keep, with_ways
from tests.market_builders import SERIES

ASKED: dict[str, Any] = {
    "algorithm": "macd",
    "parameters": PARAMETERS,
    "symbol": "BTCUSDT.P",
    "timeframe": "1m",
    "from": iso(SINCE),
    "to": iso(UNTIL),
}
GRID = {"fast": [2, 3], "slow": {"from": "5", "to": "6", "step": "1"}}
HUGE = {"fast": [2, 3], "signal": {"from": "2", "to": "450", "step": "1"}}
SWEEP: dict[str, Any] = {**ASKED, "parameters": {"signal": 3}, "grid": GRID}


@pytest.fixture
async def stocked(front: Front) -> Front:
    """A desk with the candles of a day in January."""
    async with front.desk.database.transaction() as session:
        await candles.keep(session, SERIES, a_market())
    return front


async def work(front: Front) -> None:
    """Let a worker do what was asked for."""
    database, crew = front.desk.database, OwnHands()
    preparer = Preparer(database, front.app.state.candle_fetcher)
    programs: dict[str, Program] = {
        service.RUN: RunBacktest(database, preparer, crew),
        service.SWEEP: RunSweep(database, preparer, crew),
    }
    runner = JobRunner(database, front.desk.clock, programs)
    await runner.look()
    await runner.idle()


async def done(front: Front, **changes: Any) -> Any:
    """A backtest with its result."""
    asked = await front.post("/backtests", {**ASKED, **changes}, expect=201)
    await work(front)
    return await front.get(f"/backtests/{asked['id']}")


async def test_a_backtest_is_asked_for_and_has_its_result_when_its_job_is_done(
    stocked: Front,
) -> None:
    asked = await stocked.post("/backtests", {**ASKED, "name": "first try"}, expect=201)
    await work(stocked)

    found = await stocked.get(f"/backtests/{asked['id']}")

    assert (asked["status"], asked["result"], asked["name"]) == ("queued", None, "first try")
    assert (asked["symbol"], asked["exchange"], asked["market_type"]) == (LINEAR, "paper", "linear")
    assert asked["parameters"] == {"fast": 3, "slow": 6, "signal": 3}
    assert asked["terms"]["capital"] == "10000"
    assert (found["status"], found["reason"]) == ("done", None)
    figures = found["result"]["figures"]
    assert figures["candles"] == COUNT
    assert figures["trades"] == figures["wins"] + figures["losses"] > 0
    assert (figures["began_at"], figures["ended_at"]) == (iso(SINCE), iso(UNTIL))
    assert found["result"]["missing"] == {}


async def test_the_same_again_has_the_same_result(stocked: Front) -> None:
    first, second = await done(stocked), await done(stocked)

    assert first["result"] == second["result"]
    trades = [
        (await stocked.get(f"/backtests/{one['id']}/trades"))["items"] for one in (first, second)
    ]
    assert trades[0] == trades[1]


async def test_a_file_of_the_operators_is_asked_for_and_kept_with_what_it_held(
    stocked: Front, tmp_path: Path
) -> None:
    path = with_ways(tmp_path, "mine", {"idles": "return []", "sleeps": "return []"})
    stocked.app.state.shelf = Shelf(tmp_path, PATIENT)
    asked = {**ASKED, "algorithm": "mine", "parameters": {"way": "sleeps"}}

    run = await stocked.post("/backtests", asked, expect=201)
    sweep = await stocked.post(
        "/backtests/sweeps",
        {**asked, "parameters": {}, "grid": {"way": ["idles", "sleeps"]}},
        expect=201,
    )
    refused = await stocked.post("/backtests", {**asked, "parameters": {"w": 1}}, expect=400)
    shipped = await stocked.post("/backtests", ASKED, expect=201)

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (run["algorithm"], run["version"], run["algorithm_digest"]) == ("mine", 1, digest)
    assert run["parameters"] == {"way": "sleeps"}
    assert sweep["algorithm_digest"] == digest
    assert refused["code"] == "bad_parameters"
    assert shipped["algorithm_digest"] is None


async def test_a_file_that_goes_wrong_at_once_is_refused_and_an_admin_is_told_the_line(
    stocked: Front, tmp_path: Path
) -> None:
    keep(tmp_path, "typo", "import\n")
    stocked.app.state.shelf = Shelf(tmp_path, PATIENT)
    operator = a_user(stocked.desk.clock.now(), role=Role.ADMIN)
    asked = {**ASKED, "algorithm": "typo"}

    told = await stocked.post("/backtests", asked, expect=400)
    in_full = await stocked.post("/backtests", asked, user=operator, expect=400)

    assert told["code"] == in_full["code"] == "algorithm_failed"
    assert "line 1" not in told["detail"]
    assert "line 1: SyntaxError" in in_full["detail"]


async def test_costs_make_a_run_worse(stocked: Front) -> None:
    free = await done(stocked, terms={"taker_fee_percent": "0"})
    dear = await done(stocked, terms={"taker_fee_percent": "0.1", "slippage_percent": "0.05"})

    nets = [float(one["result"]["figures"]["net_profit"]) for one in (free, dear)]
    assert nets[0] > nets[1]
    assert free["result"]["figures"]["fees"] == "0"


async def test_a_strategy_brings_its_algorithm_its_market_and_its_terms(stocked: Front) -> None:
    strategy_id = str(stocked.desk.strategy.id)
    changes = {"algorithm": "macd", "sides": "long", "sizing": {"mode": "notional", "value": "500"}}
    await stocked.call("PATCH", f"/strategies/{strategy_id}", changes)
    body = {name: ASKED[name] for name in ("symbol", "timeframe", "from", "to", "parameters")}

    asked = await stocked.post(
        "/backtests", {**body, "strategy_id": strategy_id, "terms": {"leverage": 2}}, expect=201
    )
    await work(stocked)
    trades = (await stocked.get(f"/backtests/{asked['id']}/trades"))["items"]

    assert (asked["algorithm"], asked["strategy_id"]) == ("macd", strategy_id)
    assert (asked["terms"]["sides"], asked["terms"]["leverage"]) == ("long", 2)
    assert {one["position_side"] for one in trades} == {"long"}
    assert all(float(one["quantity"]) * float(one["entry_price"]) <= 500 for one in trades)
    listed = await stocked.get("/backtests", strategy_id=strategy_id)
    assert [one["id"] for one in listed["items"]] == [asked["id"]]


async def test_my_own_limits_count_unless_they_are_not_to(stocked: Front) -> None:
    await stocked.call("PUT", "/risk", {"max_notional_total": "20"})

    strict = await done(stocked)
    free = await done(stocked, terms={"under_my_limits": False})

    assert strict["result"]["figures"]["trades"] == 0
    refused = (await stocked.get(f"/backtests/{strict['id']}/refusals", limit=1))["items"]
    assert list(strict["result"]["refusals"]) == [refused[0]["code"]]
    assert free["result"]["figures"]["trades"] > 0


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"algorithm": "crystal_ball"}, 400, "unknown_algorithm"),
        ({"algorithm": None}, 400, "no_algorithm"),
        ({"parameters": {"fast": 9, "slow": 3}}, 400, "bad_parameters"),
        ({"parameters": {"faste": 9}}, 400, "bad_parameters"),
        ({"symbol": "NOPE"}, 404, "unknown_symbol"),
        ({"timeframe": "7m"}, 400, "invalid"),
        ({"timeframe": "1M"}, 400, "bad_timeframe"),
        ({"from": "2026-01-05T00:00:00"}, 400, "invalid"),
        ({"from": iso(UNTIL), "to": iso(SINCE)}, 400, "reversed_range"),
        ({"from": "2027-01-01T00:00:00Z", "to": None}, 400, "future_range"),
        ({"to": iso(SINCE + MINUTE)}, 400, "too_few_candles"),
        ({"from": "2010-01-01T00:00:00Z"}, 400, "too_many_candles"),
        ({"from": "0001-01-01T00:00:00Z"}, 400, "before_all_markets"),
        ({"name": "a\x00b"}, 400, "invalid"),
        ({"terms": {"capital": "0"}}, 400, "invalid"),
        ({"terms": {"slippage_percent": "100"}}, 400, "invalid"),
        ({"strategy_id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"}, 404, "not_found"),
    ],
)
async def test_what_makes_no_sense_is_refused_when_it_is_asked_for(
    front: Front, changes: Mapping[str, Any], status: int, code: str
) -> None:
    answer = await front.call("POST", "/backtests", {**ASKED, **changes})

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await front.get("/jobs"))["items"] == []


async def test_a_viewer_asks_for_none(front: Front) -> None:
    viewer = a_user(front.desk.clock.now(), role=Role.VIEWER)

    for path, body in (("/backtests", ASKED), ("/backtests/sweeps", SWEEP)):
        assert (await front.call("POST", path, body, user=viewer)).status_code == 403


async def test_trades_come_in_pages_newest_first_and_as_a_table(stocked: Front) -> None:
    path = f"/backtests/{(await done(stocked))['id']}/trades"
    first = await stocked.get(path, limit=4)
    pages, cursor = list(first["items"]), first["next_cursor"]
    while cursor:
        page = await stocked.get(path, limit=4, cursor=cursor)
        pages += page["items"]
        cursor = page["next_cursor"]

    table = await stocked.call("GET", path, params={"format": "csv"})

    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert table.headers["content-type"].startswith("text/csv")
    assert [one["number"] for one in pages] == list(reversed(range(len(rows))))
    assert [row["realized_pnl"] for row in rows] == [one["realized_pnl"] for one in reversed(pages)]
    assert (await stocked.get(path, expect=400, cursor="x"))["code"] == "invalid"


async def test_the_curve_is_drawn_by_as_many_points_as_are_wanted(stocked: Front) -> None:
    path = f"/backtests/{(await done(stocked))['id']}/equity"

    whole = (await stocked.get(path))["items"]
    thin = (await stocked.get(path, points=40))["items"]
    late = {"from": iso(UNTIL - 9 * MINUTE)}
    part = (await stocked.call("GET", path, params=late)).json()["items"]
    table = await stocked.call("GET", path, params={"format": "csv"})

    assert (len(whole), len(part)) == (COUNT, 10)
    assert len(thin) <= 40
    highest = max(whole, key=lambda one: float(one["equity"]))
    assert highest in thin
    assert len(table.text.splitlines()) == COUNT + 1


def events(text: str) -> list[dict[str, str]]:
    """The fields of each event of a stream."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


async def test_a_run_is_played_back_candle_by_candle(stocked: Front) -> None:
    run = await done(stocked)
    path = f"/backtests/{run['id']}/replay"

    answer = await stocked.call("GET", path, params={"speed": 1000})

    found = events(answer.text)
    frames = [json.loads(one["data"]) for one in found[:-1]]
    market = a_market()[-COUNT:]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [one["event"] for one in found] == ["candle"] * COUNT + ["end"]
    assert [one["id"] for one in found[:-1]] == [iso(one.open_time) for one in market]
    assert [float(one["close"]) for one in frames] == [float(one.close) for one in market]
    assert json.loads(found[-1]["data"]) == {"next": None}
    curve = (await stocked.get(f"/backtests/{run['id']}/equity"))["items"]
    assert [one["equity"] for one in frames] == [one["equity"] for one in curve]
    entries = [one for frame in frames for one in frame["fills"] if one["purpose"] == "entry"]
    figures = run["result"]["figures"]
    assert len(entries) == figures["trades"] + figures["is_open"]


async def test_a_playback_goes_on_where_it_was_and_by_single_steps(stocked: Front) -> None:
    path = f"/backtests/{(await done(stocked))['id']}/replay"

    step = events((await stocked.call("GET", path, params={"candles": 1})).text)
    following = events(
        (
            await stocked.call(
                "GET", path, params={"candles": 2}, headers={"Last-Event-ID": step[0]["id"]}
            )
        ).text
    )
    late = events((await stocked.call("GET", path, params={"from": iso(UNTIL - MINUTE)})).text)

    opens = [iso(SINCE + number * MINUTE) for number in range(4)]
    assert ([one.get("id") for one in step], step[-1]["event"]) == ([opens[0], None], "end")
    assert json.loads(step[-1]["data"]) == {"next": opens[1]}
    assert [one.get("id") for one in following] == [opens[1], opens[2], None]
    assert [one.get("id") for one in late] == [iso(UNTIL - MINUTE), None]
    before = {"Last-Event-ID": "0001-01-01T00:00:00.000000Z"}
    begun = events((await stocked.call("GET", path, params={"candles": 1}, headers=before)).text)
    assert begun == step
    bad = await stocked.call("GET", path, headers={"Last-Event-ID": "yesterday"})
    assert bad.status_code == 400


async def test_a_playback_ends_with_the_login_that_opened_it(stocked: Front) -> None:
    path = f"/backtests/{(await done(stocked))['id']}/replay"
    login = {LOGIN: "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"}
    stocked.app.state.clock = _Hurried(stocked.desk.clock)

    found = events((await stocked.call("GET", path, headers=login)).text)

    assert [one["event"] for one in found[-2:]] == ["candle", "end"]
    assert len(found) < COUNT
    seen = json.loads(found[-2]["data"])["open_time"]
    assert json.loads(found[-1]["data"])["next"] > seen


class _Hurried:
    """A clock that goes on by two minutes whenever it is looked at."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def now(self) -> Any:
        self._clock.advance(120)
        return self._clock.now()


async def test_what_is_not_done_is_not_played(stocked: Front) -> None:
    asked = await stocked.post("/backtests", ASKED, expect=201)

    answer = await stocked.get(f"/backtests/{asked['id']}/replay", expect=409)

    assert answer["code"] == "backtest_not_done"


async def test_one_that_is_deleted_is_gone_and_one_that_waits_is_not_deleted(
    stocked: Front,
) -> None:
    run = await done(stocked)
    waiting = await stocked.post("/backtests", ASKED, expect=201)

    gone = await stocked.call("DELETE", f"/backtests/{run['id']}")
    kept = await stocked.call("DELETE", f"/backtests/{waiting['id']}")

    assert (gone.status_code, kept.status_code) == (204, 409)
    await stocked.get(f"/backtests/{run['id']}", expect=404)
    await stocked.get(f"/backtests/{run['id']}/trades", expect=404)
    assert kept.json()["code"] == "backtest_running"


async def test_a_sweep_shows_its_best_first_and_is_no_single_backtest(stocked: Front) -> None:
    asked = await stocked.post("/backtests/sweeps", SWEEP, expect=201)
    await work(stocked)
    path = f"/backtests/sweeps/{asked['id']}"

    found = await stocked.get(path)
    by_drawdown = await stocked.get(path, by="max_drawdown_percent", limit=3)
    rest = await stocked.get(
        path, by="max_drawdown_percent", limit=3, cursor=by_drawdown["next_cursor"]
    )

    profits = [float(one["figures"]["net_profit"]) for one in found["items"]]
    assert (len(profits), profits) == (4, sorted(profits, reverse=True))
    falls = [
        float(one["figures"]["max_drawdown_percent"])
        for one in by_drawdown["items"] + rest["items"]
    ]
    assert falls == sorted(falls)
    assert (found["grid"], found["done"], found["status"]) == (GRID, 4, "done")
    assert (await stocked.get("/backtests"))["items"] == []
    await stocked.get(f"/backtests/{asked['id']}", expect=404)
    assert [one["id"] for one in (await stocked.get("/backtests/sweeps"))["items"]] == [asked["id"]]
    assert (await stocked.get(path, expect=400, by="luck"))["code"] == "unknown_filter"
    assert (await stocked.call("DELETE", path)).status_code == 204
    await stocked.get(path, expect=404)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grid": {}}, "empty_grid"),
        ({"grid": {"fast": []}}, "empty_grid"),
        ({"grid": {"signal": [3, 4]}}, "fixed_and_swept"),
        ({"grid": {"fast": [8, 9], "slow": [3]}}, "bad_parameters"),
        ({"grid": {"fast": {"from": "1", "to": "9999", "step": "1"}}}, "too_many_combinations"),
        ({"grid": {"fast": {"from": "1", "to": "2", "step": "0"}}}, "invalid"),
        (
            {
                "from": "2025-01-01T00:00:00Z",
                "grid": {"fast": list(range(2, 1802))},
                "parameters": {"slow": 2000},
            },
            "bad_parameters",
        ),
        (
            {
                "from": "2024-06-01T00:00:00Z",
                "grid": {"signal": list(range(2, 900))},
                "parameters": {},
            },
            "sweep_too_long",
        ),
    ],
)
async def test_a_sweep_that_makes_no_sense_is_refused(
    front: Front, changes: Mapping[str, Any], code: str
) -> None:
    answer = await front.call("POST", "/backtests/sweeps", {**SWEEP, **changes})

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_security_02_another_trader_sees_and_moves_nothing_of_it(stocked: Front) -> None:
    run = await done(stocked)
    sweep = await stocked.post("/backtests/sweeps", SWEEP, expect=201)
    stranger: User = a_user(stocked.desk.clock.now())

    paths = [
        *(f"/backtests/{run['id']}{rest}" for rest in ("", "/trades", "/refusals", "/equity")),
        f"/backtests/{run['id']}/replay",
        f"/backtests/sweeps/{sweep['id']}",
    ]
    answers = [await stocked.call("GET", path, user=stranger) for path in paths]
    answers += [
        await stocked.call("DELETE", path, user=stranger)
        for path in (f"/backtests/{run['id']}", f"/backtests/sweeps/{sweep['id']}")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert (await stocked.get("/backtests", user=stranger))["items"] == []
    assert (await stocked.get("/backtests/sweeps", user=stranger))["items"] == []
    assert (await stocked.get(f"/backtests/{run['id']}"))["status"] == "done"
