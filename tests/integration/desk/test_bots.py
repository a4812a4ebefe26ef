"""`/bots`: made, changed, started, stopped and deleted by their trader alone."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.audit.models import AuditEntry
from app.own_algorithms.shelf import Shelf
from tests.builders import LINEAR, a_user
from tests.fakes.clock import NOON
from tests.integration.desk.front import Front
from tests.integration.own_algorithms.files import PATIENT, with_ways

MACD = {"fast": 5, "slow": 10}


async def a_bot(front: Front, **changes: Any) -> dict[str, Any]:
    """A bot of the desk's strategy, which runs MACD."""
    await front.desk.change_strategy(algorithm="macd")
    found: dict[str, Any] = await front.post("/bots", wanted(front, **changes), expect=201)
    return found


def wanted(front: Front, **changes: Any) -> dict[str, Any]:
    values = {
        "strategy_id": str(front.desk.strategy.id),
        "symbols": ["BTCUSDT.P"],
        "timeframe": "15m",
        "parameters": MACD,
    }
    return {**values, **changes}


async def test_a_bot_is_made_of_what_its_strategy_names(front: Front) -> None:
    made = await a_bot(front, symbols=["BTCUSDT.P", "ETHUSDT.P", LINEAR])

    assert (made["algorithm"], made["version"], made["timeframe"]) == ("macd", 1, "15m")
    assert made["parameters"] == {"fast": 5, "slow": 10, "signal": 9}
    assert (made["status"], made["reason"], made["started_at"]) == ("stopped", None, None)
    assert made["markets"] == [
        {"symbol": symbol, "last_closed_at": None, "waits_for": None}
        for symbol in (LINEAR, "ETH/USDT:USDT")
    ]
    assert await front.get(f"/bots/{made['id']}") == made


async def test_a_bot_may_run_an_algorithm_of_the_operators_own(
    front: Front, tmp_path: Path
) -> None:
    with_ways(tmp_path, "quiet")
    front.app.state.shelf = Shelf(tmp_path, PATIENT)
    await front.desk.change_strategy(algorithm="quiet")

    made = await front.post("/bots", wanted(front, parameters={}), expect=201)
    changed = await front.call("PATCH", f"/bots/{made['id']}", {"timeframe": "1h"})
    started = await front.post(f"/bots/{made['id']}/start")

    assert (made["algorithm"], made["parameters"]) == ("quiet", {})
    assert changed.json()["timeframe"] == "1h"
    assert started["status"] == "starting"


@pytest.mark.parametrize(
    ("algorithm", "changes", "code"),
    [
        (None, {}, "no_algorithm"),
        ("crystal_ball", {}, "unknown_algorithm"),
        ("macd", {"parameters": {"fast": 30}}, "bad_parameters"),
        ("macd", {"parameters": {"speed": 3}}, "bad_parameters"),
        ("macd", {"timeframe": "1M"}, "bad_timeframe"),
        ("macd", {"timeframe": "7m"}, "invalid"),
        ("sma_hma", {"timeframe": "3d", "parameters": {}}, "bad_timeframe"),
        ("macd", {"symbols": ["FOOBAR"]}, "unknown_symbol"),
        ("macd", {"symbols": []}, "invalid"),
    ],
)
async def test_what_could_not_run_is_refused(
    front: Front, algorithm: str | None, changes: dict[str, Any], code: str
) -> None:
    await front.desk.change_strategy(algorithm=algorithm)

    answer = await front.post("/bots", wanted(front, **changes), expect=400)

    assert answer["code"] == code


async def test_a_bot_is_started_stopped_and_started_again(front: Front) -> None:
    made = await a_bot(front)
    path = f"/bots/{made['id']}"

    started = await front.post(f"{path}/start")
    again = await front.post(f"{path}/start", expect=409)
    stopped = await front.post(f"{path}/stop")
    idle = await front.post(f"{path}/stop", expect=409)

    assert (started["status"], started["started_at"]) == ("starting", "2026-03-02T12:00:00.000000Z")
    assert started["markets"][0]["last_closed_at"] == "2026-03-02T12:00:00.000000Z"
    assert (again["code"], idle["code"]) == ("bot_at_work", "bot_stopped")
    assert stopped["status"] == "stopped"
    assert (await front.post(f"{path}/start"))["status"] == "starting"
    deeds = [one.action for one in await front.desk.rows(AuditEntry) if one.subject_kind == "bot"]
    assert deeds == ["bot.created", "bot.started", "bot.stopped", "bot.started"]


async def test_what_is_at_work_is_neither_changed_nor_deleted(front: Front) -> None:
    made = await a_bot(front)
    path = f"/bots/{made['id']}"
    await front.post(f"{path}/start")

    change = await front.call("PATCH", path, {"timeframe": "1h"})
    removal = await front.call("DELETE", path)

    assert [one.status_code for one in (change, removal)] == [409, 409]
    assert change.json()["code"] == "bot_at_work"


async def test_only_what_is_sent_is_changed(front: Front) -> None:
    made = await a_bot(front)
    path = f"/bots/{made['id']}"

    changed = (await front.call("PATCH", path, {"symbols": ["ETHUSDT.P"]})).json()
    refused = await front.call("PATCH", path, {"parameters": {"fast": 50}})

    assert [one["symbol"] for one in changed["markets"]] == ["ETH/USDT:USDT"]
    assert changed["parameters"] == made["parameters"]
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_parameters")
    assert await front.get(path) == changed


async def test_a_bot_that_is_deleted_is_gone(front: Front) -> None:
    made = await a_bot(front)

    assert (await front.call("DELETE", f"/bots/{made['id']}")).status_code == 204

    await front.get(f"/bots/{made['id']}", expect=404)
    assert (await front.get("/bots"))["items"] == []


async def test_two_bots_never_decide_about_one_position(front: Front) -> None:
    first = await a_bot(front)
    second = await a_bot(front, symbols=["ETHUSDT.P", "BTCUSDT.P"])
    await front.post(f"/bots/{first['id']}/start")

    taken = await front.post(f"/bots/{second['id']}/start", expect=409)
    await front.post(f"/bots/{first['id']}/stop")
    await front.post(f"/bots/{second['id']}/start")

    assert taken["code"] == "symbol_taken"
    assert LINEAR in taken["detail"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("strategies", "strategy_inactive"), ("accounts", "account_inactive")],
)
async def test_what_could_not_trade_is_not_started(front: Front, path: str, code: str) -> None:
    made = await a_bot(front)
    row = front.desk.strategy if path == "strategies" else front.desk.account
    assert (await front.call("PATCH", f"/{path}/{row.id}", {"is_active": False})).is_success

    answer = await front.post(f"/bots/{made['id']}/start", expect=409)

    assert answer["code"] == code


async def test_a_market_that_is_halted_is_not_watched(front: Front) -> None:
    made = await a_bot(front)
    front.desk.town.market_of(LINEAR).relist(LINEAR, is_active=False)
    await front.desk.tools.instruments.refresh("paper", front.desk.account.market_type)

    answer = await front.post(f"/bots/{made['id']}/start", expect=409)

    assert answer["code"] == "symbol_halted"


async def test_bots_are_listed_by_status_and_strategy(front: Front) -> None:
    first, second = await a_bot(front), await a_bot(front, symbols=["ETHUSDT.P"])
    await front.post(f"/bots/{first['id']}/start")

    async def ids(**query: Any) -> list[str]:
        return [one["id"] for one in (await front.get("/bots", **query))["items"]]

    assert await ids() == [second["id"], first["id"]]
    assert await ids(status="STARTING") == [first["id"]]
    assert await ids(strategy_id=str(front.desk.strategy.id)) == [second["id"], first["id"]]
    assert await ids(strategy_id=str(uuid4())) == []
    assert (await front.get("/bots", expect=400, status="dancing"))["code"] == "unknown_filter"


async def test_a_strategy_with_a_bot_is_not_deleted_and_nobody_elses_is_taken(
    front: Front,
) -> None:
    await a_bot(front)
    stranger = a_user(NOON)
    await front.desk.keep(stranger)

    removal = await front.call("DELETE", f"/strategies/{front.desk.strategy.id}")
    theft = await front.post("/bots", wanted(front), expect=404, user=stranger)

    assert removal.status_code == 409
    assert theft["code"] == "not_found"
