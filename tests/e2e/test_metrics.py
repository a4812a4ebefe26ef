"""Figures for Prometheus: what they say, and to whom."""

from pathlib import Path

import httpx

from tests.e2e.site import PASSWORD, Site, running, until
from tests.e2e.test_main_story import open_long

FORWARDED = {"X-Forwarded-For": "203.0.113.7"}


async def figures(site: Site) -> dict[str, float]:
    """Each line's value by its name and labels."""
    async with httpx.AsyncClient(base_url=site.base) as stranger:
        answer = await stranger.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_the_figures_say_who_guards_and_for_how_long_nobody_did(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        before = (await figures(site))["signalbox_naked_seconds_count"]
        await open_long(site)

        async def guarded() -> dict[str, float] | None:
            now = await figures(site)
            return now if now['signalbox_positions{protection="venue"}'] == 1 else None

        found = await until(guarded)

        assert found["signalbox_naked_seconds_count"] == before + 1
        assert found["signalbox_positions_naked"] == 0
        assert found["signalbox_orders_unknown"] == 0
        assert found["signalbox_accounts_not_reconciled"] == 0
        assert found['signalbox_bots{status="failed"}'] == 0
        assert any(name.startswith("signalbox_venue_limit_used_ratio") for name in found)


async def test_the_figures_are_for_this_machine_and_for_admins(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url, open_registration=True) as site:
        body = {"username": "visitor", "password": PASSWORD}
        await site.post("/auth/register", body, status=201)
        async with httpx.AsyncClient(base_url=site.base, headers=FORWARDED) as outside:
            login = await outside.post("/auth/token", json=body)
            trader = {"Authorization": f"Bearer {login.json()['access_token']}"}
            assert (await outside.get("/metrics")).status_code == 401
            assert (await outside.get("/metrics", headers=trader)).status_code == 403
        admin = await site.client.get("/metrics", headers=FORWARDED)
        assert admin.status_code == 200
