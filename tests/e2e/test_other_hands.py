"""Through ccxt and the paper exchange: what others do to an account is found and booked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.house import PAPER_PATH
from tests.e2e.site import Site, running, until

PATIENCE_SECONDS = 15.0


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    """A server with its paper exchange, a futures strategy, BTC at 60,000."""
    async with running(tmp_path, sqlite_url) as opened:
        await opened.price("BTCUSDT", "60000")
        yield opened


async def fault(site: Site, verb: str, **options: Any) -> None:
    await site.post(f"{PAPER_PATH}/control/faults", {"verb": verb, **options})


async def open_long(site: Site, quantity: str = "0.01") -> dict[str, Any]:
    """A long with its stop at the venue."""
    accounts = await site.items("/accounts")
    [account] = [one for one in accounts if one["market_type"] == "linear"]
    body = {"name": f"s{quantity}", "account_id": account["id"], "approval": "auto"}
    made = await site.post("/strategies", body, status=201)
    alert = f'{{"symbol":"BTCUSDT.P","action":"buy","quantity":"{quantity}","stop_loss":"58000"}}'
    await site.alert(alert, url=made["webhook_url"])

    async def is_protected() -> dict[str, Any] | None:
        rows = await site.items("/positions", status="open")
        return next((one for one in rows if one["protection"] == "venue"), None)

    return await until(is_protected)


async def closed(site: Site, position_id: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        row: dict[str, Any] = await site.get(f"/positions/{position_id}")
        return row if row["status"] == "closed" else None

    return await until(ask, seconds=PATIENCE_SECONDS)


async def no_order_is_live(site: Site) -> None:
    async def ask() -> bool:
        rows = await site.items("/orders")
        live = {"created", "submitted", "unknown", "open", "partially_filled"}
        return not any(one["status"] in live for one in rows)

    await until(ask)


@pytest.mark.parametrize(
    ("verb", "reason"), [("user_close", "external"), ("liquidate", "liquidated")]
)
async def test_a_position_that_others_close_then_has_their_fills_and_leaves_no_order(
    site: Site, verb: str, reason: str
) -> None:
    position = await open_long(site)

    await fault(site, verb, symbol="BTCUSDT")
    row = await closed(site, position["id"])

    assert row["close_reason"] == reason
    assert len(row["fills"]) == 2
    await no_order_is_live(site)


async def test_a_positions_list_that_is_empty_then_closes_nothing(site: Site) -> None:
    position = await open_long(site)
    await fault(site, "positions_empty", seconds="6")
    [account] = [one for one in await site.items("/accounts") if one["market_type"] == "linear"]

    for _ in range(4):
        assert site.house.worker is not None
        await site.house.worker.accounts.look(UUID(account["id"]))
        await asyncio.sleep(1.1)

    assert (await site.get(f"/positions/{position['id']}"))["status"] == "open"
