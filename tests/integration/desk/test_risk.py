"""`/risk`: limits, switches, and where the trader stands."""

import pytest

from app.strategies.words import Approval
from tests.builders import a_user, an_account
from tests.integration.desk.front import Front

ALL = {
    "max_daily_loss": "200",
    "max_open_positions": 5,
    "max_notional_per_symbol": "2000",
    "max_notional_total": "5000",
    "max_leverage": 3,
    "max_orders_per_minute": 10,
    "min_notional": "20",
    "allowed_symbols": ["BTC/USDT:USDT"],
    "max_price_drift_percent": "1.5",
    "second_approval_above": "1500",
    "second_approver": "anna",
}
NOTHING_WAITS = {"pending": None, "pending_from": None, "updated_at": None}
# The desk's clock begins at noon, and its trader's day is UTC's.
MIDNIGHT = "2026-03-03T00:00:00.000000Z"


async def tomorrow(front: Front) -> None:
    front.desk.clock.advance(12 * 3_600)
    await front.desk.price("60000")


async def test_a_trader_without_limits_has_the_least_notional_only(front: Front) -> None:
    limits = await front.get("/risk")

    assert limits == {**NOTHING_WAITS, **dict.fromkeys(ALL), "min_notional": "10"}


async def test_put_replaces_every_limit(front: Front) -> None:
    await front.desk.keep(a_user(front.desk.clock.now(), username="anna"))
    first = await front.call("PUT", "/risk", ALL)
    assert {**first.json(), "updated_at": None} == {**ALL, **NOTHING_WAITS}
    assert first.json() == await front.get("/risk")

    await front.call("PUT", "/risk", {"max_leverage": 2})
    await tomorrow(front)

    left = {**dict.fromkeys(ALL), "min_notional": "10", "max_leverage": 2}
    assert {**(await front.get("/risk")), "updated_at": None} == {**left, **NOTHING_WAITS}


async def test_a_null_least_notional_is_no_limit_of_ours(front: Front) -> None:
    answer = await front.call("PUT", "/risk", {"min_notional": None})

    assert answer.json()["min_notional"] is None


async def test_a_ticker_is_stored_as_the_symbol_it_means(front: Front) -> None:
    answer = await front.call("PUT", "/risk", {"allowed_symbols": ["btcusdt.p", "ETHUSDT.P"]})

    assert answer.json()["allowed_symbols"] == ["BTC/USDT:USDT", "ETH/USDT:USDT"]


@pytest.mark.parametrize(
    "body",
    [
        {"max_daily_loss": "0"},
        {"max_daily_loss": "-1"},
        {"max_leverage": 0},
        {"max_open_positions": 0},
        {"max_leverage": 1.5},
        {"max_price_drift_percent": "0"},
        {"min_notional": "NaN"},
        {"max_dayly_loss": "5"},
        # More than a column holds.
        {"max_daily_loss": "0.1234567890123456789"},
        {"max_notional_total": "100000000000000000000"},
        {"max_orders_per_minute": 2**31},
        {"allowed_symbols": ["NOPEUSDT"]},
        {"second_approval_above": "5000"},
        {"second_approver": "anna"},
        {"second_approver": "nobody", "second_approval_above": "5000"},
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused(front: Front, body: object) -> None:
    answer = await front.call("PUT", "/risk", body)

    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["detail"]  # type: ignore[call-overload]  # a dict
    assert (await front.get("/risk"))["updated_at"] is None


async def test_a_switch_denies_entries_until_it_is_released(front: Front) -> None:
    switch = await front.post("/risk/kill-switch", {"is_on": True, "reason": "news"})
    order = {
        "account_id": str(front.desk.account.id),
        "symbol": "BTCUSDT",
        "side": "buy",
        "quantity": "0.01",
    }

    refused = await front.post("/orders", order, expect=422)
    await front.post("/risk/kill-switch", {"is_on": False})
    taken = await front.post("/orders", order, expect=201)

    assert (switch["scope"], switch["scope_id"]) == ("user", str(front.desk.user.id))
    assert refused["code"] == "kill_switch"
    assert taken["quantity"] == "0.01"


async def test_a_switch_of_a_strategy_names_one_of_the_callers(front: Front) -> None:
    mine = {"is_on": True, "scope": "STRATEGY", "scope_id": str(front.desk.strategy.id)}
    now = front.desk.clock.now()
    stranger = a_user(now)
    theirs = an_account(stranger.id, now)
    await front.desk.keep(stranger, theirs)

    switch = await front.post("/risk/kill-switch", mine)
    for scope, scope_id in (("strategy", theirs.id), ("account", theirs.id), ("user", stranger.id)):
        body = {"is_on": True, "scope": scope, "scope_id": str(scope_id)}
        assert (await front.post("/risk/kill-switch", body, expect=404))["code"] == "not_found"
    without = await front.post("/risk/kill-switch", {"is_on": True, "scope": "account"}, expect=400)

    assert switch["scope"] == "strategy"
    assert "scope_id" in without["detail"]


async def test_state_shows_the_day_against_its_limit(front: Front) -> None:
    await front.call("PUT", "/risk", {"max_daily_loss": "500"})
    signal = (await front.desk.alert(quantity="0.1")).signal_id
    await front.post(f"/signals/{signal}/approve")
    await front.desk.price("59000")

    state = await front.get("/risk/state")

    [day] = state["days"]
    assert (day["is_paper"], day["currency"]) == (True, "USDT")
    # 0.1 · (59000 - 60000)
    assert day["unrealized_change"] == "-100"
    assert (day["loss"], day["left"]) == ("100", "400")
    assert (day["open_positions"], day["notional_total"]) == (1, "5900")
    assert day["frozen_until"] is None
    assert state["limits"]["max_daily_loss"] == "500"


async def test_state_says_until_when_a_day_is_frozen(front: Front) -> None:
    await front.call("PUT", "/risk", {"max_daily_loss": "50"})
    signal = (await front.desk.alert(quantity="0.1")).signal_id
    await front.post(f"/signals/{signal}/approve")
    await front.desk.price("59000")
    await front.desk.sweep()

    [day] = (await front.get("/risk/state"))["days"]

    assert day["left"] == "0"
    assert day["frozen_until"].endswith("T00:00:00.000000Z")


async def test_security_22_prove_shows_each_of_the_traders_own_limits_bite(front: Front) -> None:
    limits = {"max_notional_total": "5000", "max_open_positions": 3}
    await front.call("PUT", "/risk", limits)

    proven = await front.post("/risk/prove")

    by_rule = {one["rule"]: one for one in proven["rules"]}
    assert proven["all_bite"] is True
    assert proven["limits"]["max_notional_total"] == "5000"
    assert by_rule["max_notional_total"] == {
        "rule": "max_notional_total",
        "is_set": True,
        "bites": True,
        "tried": "An entry on top of 5000 in all.",
        "said": "5010 USDT in all, at most 5000",
    }
    assert by_rule["max_leverage"] == {
        "rule": "max_leverage",
        "is_set": False,
        "bites": False,
        "tried": "You have set no such limit.",
        "said": "",
    }
    assert await front.desk.orders() == []


async def test_security_22_what_is_in_force_and_what_waits_is_the_same_wherever_it_is_shown(
    front: Front,
) -> None:
    await front.desk.keep(a_user(front.desk.clock.now(), username="anna"))
    await front.call("PUT", "/risk", ALL)
    wanted = {**ALL, "max_daily_loss": "400", "max_leverage": None, "max_open_positions": 4}
    key = {"Idempotency-Key": "raise"}

    answer = (await front.call("PUT", "/risk", wanted, headers=key)).json()

    waits = {"max_daily_loss": "400", "max_leverage": None}
    assert (answer["pending"], answer["pending_from"]) == (waits, MIDNIGHT)
    held = {name: answer[name] for name in (*waits, "max_open_positions")}
    assert held == {"max_daily_loss": "200", "max_leverage": 3, "max_open_positions": 4}
    assert await front.get("/risk") == answer
    assert (await front.get("/risk/state"))["limits"] == answer
    assert (await front.post("/risk/prove"))["limits"] == answer
    assert (await front.call("PUT", "/risk", wanted, headers=key)).json() == answer

    await tomorrow(front)

    now = {**answer, **waits, "pending": None, "pending_from": None}
    assert await front.get("/risk") == now
    assert (await front.get("/risk/state"))["limits"] == now
    assert (await front.post("/risk/prove"))["limits"] == now


async def test_security_22_preview_day_and_proof_go_by_the_limit_in_force(
    sqlite_front: Front,
) -> None:
    front = sqlite_front
    await front.desk.change_strategy(approval=Approval.MANUAL)
    front.desk.clock.advance(12 * 3_600 - 300)
    await front.desk.price("60000")
    signal = (await front.desk.alert(quantity="0.1")).signal_id
    await front.call("PUT", "/risk", {"max_notional_total": "5000", "max_daily_loss": "50"})
    await front.call("PUT", "/risk", {"max_notional_total": "7000", "max_daily_loss": "90"})

    async def seen() -> tuple[str | None, str, str]:
        preview = await front.get(f"/signals/{signal}/preview")
        rules = (await front.post("/risk/prove"))["rules"]
        [said] = [one["said"] for one in rules if one["rule"] == "max_notional_total"]
        [day] = (await front.get("/risk/state"))["days"]
        return preview["reason"], said, day["left"]

    before = await seen()
    front.desk.clock.advance(300)
    await front.desk.price("60000")

    assert before == (
        "max_notional_total: 6000 USDT in all, at most 5000",
        "5010 USDT in all, at most 5000",
        "50",
    )
    assert await seen() == (None, "7010 USDT in all, at most 7000", "90")


async def test_security_22_the_trail_says_what_was_changed_and_from_when(
    sqlite_front: Front,
) -> None:
    front = sqlite_front
    for limits in ({"max_daily_loss": "200"}, {"max_daily_loss": "400", "max_leverage": 2}, {}):
        await front.call("PUT", "/risk", limits)

    trail = (await front.get("/audit", action="risk.limits_set"))["items"]

    assert [one["detail"] for one in reversed(trail)] == [
        {"max_daily_loss": "200; was no limit"},
        {
            "max_daily_loss": f"200 until {MIDNIGHT}, then 400; was 200",
            "max_leverage": "2; was no limit",
        },
        {
            "max_daily_loss": f"200 until {MIDNIGHT}, then no limit; "
            f"was 200 until {MIDNIGHT}, then 400",
            "max_leverage": f"2 until {MIDNIGHT}, then no limit; was 2",
        },
    ]
    assert {one["actor"] for one in trail} == {front.desk.user.username}
