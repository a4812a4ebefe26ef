"""A site with a story in it, and who asks it: nobody, a trader, an admin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.e2e.site import PASSWORD, USERNAME, Site, running, until
from tests.fuzz.requests_made_up import Asker

NOBODY, TRADER, ADMIN = "nobody", "trader", "admin"
ASKERS: Final = (NOBODY, TRADER, ADMIN)
A_DAY: Final = 86_400
# Far longer than it takes: nothing is measured here.
STORY_SECONDS: Final = 60.0
# The sender's own word is believed, so that each request has an address of its own.
SETTINGS: Final[dict[str, Any]] = {
    "trusted_proxies": ("127.0.0.1",),
    "access_token_seconds": A_DAY,
    "step_up_seconds": A_DAY,
}


@asynccontextmanager
async def asked_site(folder: Path, database_url: str) -> AsyncIterator[tuple[Site, list[Asker]]]:
    """Serve a site on which a trader and an admin hold a position each."""
    async with running(folder, database_url, **SETTINGS) as site:
        yield site, await _askers(site)


async def _askers(site: Site) -> list[Asker]:
    await site.price("BTCUSDT", "60000")
    invite = (await site.post("/auth/invites", {"role": TRADER}, status=201))["invite"]
    body = {"username": "ada", "password": PASSWORD, "invite": invite}
    await site.post("/auth/register", body, status=201)
    trader = await _login(site, "ada")
    admin = await _login(site, USERNAME)
    known = await _story(site, trader)
    return [
        Asker(NOBODY, {}, known),
        Asker(TRADER, trader, known),
        Asker(ADMIN, admin, await _story(site, admin)),
    ]


async def _login(site: Site, username: str) -> dict[str, str]:
    answer = await site.post("/auth/token", {"username": username, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def _story(site: Site, headers: dict[str, str]) -> dict[str, list[str]]:
    """From an alert to a position; the ids of everything that there is then."""
    accounts = await _items(site, headers, "/accounts")
    linear = next(one["id"] for one in accounts if one["market_type"] == "linear")
    body = {"name": "asked", "account_id": linear, "approval": "auto"}
    strategy = (await site.client.post("/strategies", json=body, headers=headers)).json()
    alert = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.01","stop_loss":"50000"}'
    await site.alert(alert, url=strategy["webhook_url"])

    async def opened() -> bool:
        rows = await _items(site, headers, "/positions?status=open")
        return bool(rows) and rows[0]["stop_loss"] is not None

    await until(opened, seconds=STORY_SECONDS)
    return {
        "strategy_id": [strategy["id"]],
        "account_id": [one["id"] for one in accounts],
        **{
            f"{kind}_id": [one["id"] for one in await _items(site, headers, f"/{kind}s")]
            for kind in ("alarm", "signal", "order", "position")
        },
    }


async def _items(site: Site, headers: dict[str, str], path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await site.client.get(path, headers=headers)).json()["items"]
    return found
