"""The desk through a running server: preview, manual orders, stories, documents."""

from pathlib import Path
from typing import Any

import httpx

from tests.e2e.site import Site, running, until
from tests.e2e.test_main_story import ENTRY, closed

NEW = {"name": "late", "exchange": "paper", "market_type": "linear"}


async def account_of(site: Site, market_type: str) -> dict[str, Any]:
    rows = await site.items("/accounts")
    return next(row for row in rows if row["market_type"] == market_type)


async def open_position(site: Site) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        rows = await site.items("/positions", status="open")
        return rows[0] if rows else None

    return await until(ask)


async def test_what_the_preview_shows_is_what_is_sent_and_told(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        receipt = await site.alert(ENTRY)

        seen = await site.get(f"/signals/{receipt['signal_id']}/preview")
        await site.post(f"/signals/{receipt['signal_id']}/approve")
        position = await open_position(site)
        await site.price("BTCUSDT", "57900")
        await closed(site, position["id"])

        story = await site.get(f"/alarms/{receipt['alarm_id']}")
        steps = [step["step"] for step in story["timeline"]]
        assert (seen["would_be"], seen["quantity"]) == ("sent", position["quantity"])
        # 0.05 % of 600; 0.01 · 2000 and 0.05 % of 600 and of 580
        assert (seen["fee"], seen["loss_at_stop"]) == ("0.3", "20.59")
        assert steps[0] == "alarm.received"
        assert steps.index("signal.approved") < steps.index("order.submitted")
        assert {"fill.executed", "position.opened", "position.closed", "trade.booked"} <= set(steps)
        assert "stop_loss" in story["timeline"][-1]["detail"] + story["timeline"][-2]["detail"]


async def test_a_trader_buys_and_sells_by_hand(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        account = await account_of(site, "spot")
        order = {"account_id": account["id"], "symbol": "BTCUSDT", "quantity": "0.01"}

        bought = await site.post("/orders", {**order, "side": "buy"}, status=201)
        position = await open_position(site)
        short = await site.client.post("/orders", json={**order, "side": "sell"})
        # The fee was taken in coins: what is left is 0.00999.
        sell = {**order, "side": "sell", "quantity": position["quantity"]}
        await site.post("/orders", sell, status=201)
        row = await closed(site, position["id"])

        assert bought["symbol"] == "BTC/USDT"
        assert (short.status_code, short.json()["code"]) == (409, "more_than_held")
        assert row["close_reason"] == "user_stopped"
        [trade] = await site.items("/reports/trades", symbol="BTCUSDT")
        [capital, _] = (await site.get("/capital/balance"))["items"]
        assert trade["realized_pnl"] == row["realized_pnl"]
        assert capital["error"] is None


async def test_new_keys_of_an_account_are_used_at_once(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as site:
        account = await site.post("/accounts", NEW, status=201)
        path = f"/accounts/{account['id']}"

        async def has_keys() -> bool:
            return (await site.client.get(f"{path}/balance")).status_code == 200

        await until(has_keys)
        purse = {"balances": {"linear": {"USDT": "777"}}}
        keys = await site.post("/paper-exchange/control/accounts", purse, status=200)
        body = {name: keys[name] for name in ("api_key", "api_secret")}
        changed = await site.client.patch(path, json=body)
        assert changed.status_code == 200, changed.text

        async def has_new() -> bool:
            items = await site.items(f"{path}/balance")
            return [row["total"] for row in items if row["asset"] == "USDT"] == ["777"]

        await until(has_new, seconds=3)
        check = await site.post(f"{path}/check")
        assert check["ok"] is True


async def test_wrong_keys_are_a_finding(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as site:
        keys = {"api_key": "x" * 64, "api_secret": "y" * 64}
        account = await site.post("/accounts", {**NEW, **keys}, status=201)

        check = await site.post(f"/accounts/{account['id']}/check")

        assert check["ok"] is False
        assert "y" * 64 not in str(check)


async def test_a_script_with_a_narrow_key_tells_what_it_wants(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        strategy = (await site.items("/strategies"))[0]["id"]
        key = await site.post(
            "/auth/api-keys", {"name": "script", "scopes": ["signals:write"]}, status=201
        )
        async with httpx.AsyncClient(base_url=site.base) as script:
            login = {name: key[name] for name in ("api_key", "api_secret")}
            token = (await script.post("/auth/login", json=login)).json()["access_token"]
            script.headers["Authorization"] = f"Bearer {token}"
            wish = {"strategy_id": strategy, "symbol": "BTCUSDT", "position_side": "long"}

            told = await script.post("/signals/update_active", json=wish)
            ordered = await script.post("/orders", json={})

        assert (told.status_code, told.json()["items"][0]["result"]) == (200, "created")
        assert ordered.status_code == 403


async def test_the_documents_name_every_desk_route_and_show_what_it_takes_and_gives(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        document = await site.get("/schema/openapi.json")

    paths, shapes = document["paths"], document["components"]["schemas"]
    assert shapes["LimitsIn"]["examples"][0]["max_daily_loss"] == "200"
    assert shapes["LimitsOut"]["examples"][0]["pending"] == {"max_daily_loss": "400"}
    for path, method in (
        ("/risk", "put"),
        ("/risk/kill-switch", "post"),
        ("/risk/state", "get"),
        ("/orders", "post"),
        ("/orders", "get"),
        ("/alarms", "get"),
        ("/alarms", "post"),
        ("/alarms/preview", "post"),
        ("/signals/update_active", "post"),
        ("/signals/{signal_id}/preview", "get"),
        ("/capital/balance", "get"),
        ("/reports/kpis", "get"),
        ("/pnl/equity", "get"),
        ("/prices/{symbol}/current", "get"),
        ("/candles", "get"),
        ("/candles", "post"),
        ("/trades", "get"),
        ("/trades", "post"),
    ):
        assert method in paths[path], path
        assert paths[path][method]["summary"]
