"""A scheduled sell at a real venue's door: it waits here, beside a stop that rests there."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.site import Site, running, until
from tests.e2e.test_main_story import closed, open_long
from tests.e2e.test_protection import guarded_by

WITH_STOP = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01","stop_loss":"58000"}'


async def schedule(site: Site, position: dict[str, Any], profit: str) -> dict[str, Any]:
    """What waits from now on."""
    answer = await site.post(
        f"/positions/{position['id']}/schedule-sell", {"min_profit_percent": profit}
    )
    waiting: dict[str, Any] = answer["scheduled"]
    return waiting


async def sold_orders(site: Site) -> list[dict[str, Any]]:
    rows = await site.items("/orders")
    return [one for one in rows if one["close_reason"] == "scheduled"]


async def test_a_scheduled_sell_waits_beside_the_stop_and_earns_its_profit(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site, WITH_STOP)
        await guarded_by(site, position["id"], "venue")

        waiting = await schedule(site, position, "1")

        # (600 + 0.3) / 0.01 / 0.9995 · 1.01 = 60,660.6303…
        assert waiting["price"] == "60660.7"
        assert (await site.items("/orders", status="scheduled"))[0]["id"] == waiting["id"]
        await site.price("BTCUSDT", "60660")
        assert (await guarded_by(site, position["id"], "venue"))["status"] == "open"
        await site.price("BTCUSDT", "60661")
        row = await closed(site, position["id"])
        assert row["close_reason"] == "scheduled"
        # 606.61 less 0.303305, less 600.3
        assert row["realized_pnl"] == "6.006695"
        [order] = await sold_orders(site)
        assert (order["order_type"], order["status"]) == ("limit", "filled")


async def test_a_scheduled_sell_on_spot_frees_its_coins_and_survives_a_restart(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await spot_long(site)
        await guarded_by(site, position["id"], "venue")
        waiting = await schedule(site, position, "1")

    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        await guarded_by(site, position["id"], "venue")
        [same] = await site.items("/orders", status="scheduled")
        assert (same["id"], same["limit_price"]) == (waiting["id"], waiting["price"])

        await site.price("BTCUSDT", str(Decimal(waiting["price"]) + 1))

        row = await closed(site, position["id"])
        assert row["close_reason"] == "scheduled"
        assert Decimal(row["realized_pnl"]) > 0
        assert [one["status"] for one in await sold_orders(site)] == ["filled"]
        assert await nothing_rests(site)


async def spot_long(site: Site) -> dict[str, Any]:
    """Bought by hand on the paper spot account, with a stop."""
    accounts = await site.items("/accounts")
    spot = next(one for one in accounts if one["market_type"] == "spot")
    order = {
        "account_id": spot["id"],
        "symbol": "BTCUSDT",
        "side": "buy",
        "order_type": "market",
        "quantity": "0.01",
        "stop_loss": "58000",
    }
    await site.post("/orders", order, status=201)

    async def held() -> dict[str, Any] | None:
        rows = await site.items("/positions", status="open")
        return rows[0] if rows else None

    return await until(held)


async def nothing_rests(site: Site) -> bool:
    """No order of it is left at the venue."""

    async def ask() -> bool | None:
        rows = await site.items("/orders")
        return all(one["status"] not in {"open", "submitted", "created"} for one in rows) or None

    return bool(await until(ask))
