"""A test alarm on a server where only TradingView's own addresses may send."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from app.core.clock import SystemClock
from app.core.ids import new_id
from app.core.log import configure_logging
from app.settings import TRADINGVIEW_ADDRESSES, Environment
from tests.e2e.site import Site, running, until

IN_PRODUCTION: dict[str, Any] = {
    "environment": Environment.PRODUCTION,
    "secret_key": SecretStr("a key for tests, long enough for it"),
    "trusted_proxies": ("127.0.0.1",),
}
FROM_TRADINGVIEW = {"X-Forwarded-For": TRADINGVIEW_ADDRESSES[0]}
ENTRY = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01","stop_loss":"58000"}'
RESTING = (
    '{"symbol":"BTCUSDT","action":"add","quantity":"0.01","order_type":"limit","price":"59000"}'
)
CLOSE = '{"symbol":"BTCUSDT","action":"close"}'
A_TOKEN = re.compile(r"webhooks/tradingview/[A-Za-z0-9_-]{16,}")


async def strategy_of(site: Site, **settings: Any) -> str:
    [row] = await site.items("/strategies")
    path = f"/strategies/{row['id']}"
    answer = await site.client.patch(path, json=settings)
    assert answer.status_code == 200, answer.text
    return path


async def send(site: Site, body: str, url: str | None = None) -> None:
    answer = await site.client.post(url or site.webhook_url, content=body, headers=FROM_TRADINGVIEW)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted"), answer.text


async def moving(site: Site) -> dict[str, Any]:
    """All that a test must leave alone, at our side and at the exchange's."""
    orders = await site.items("/orders")
    positions = await site.items("/positions")
    return {
        "orders": [(one["id"], one["status"], one["quantity"]) for one in orders],
        "positions": [(one["id"], one["status"], one["quantity"]) for one in positions],
        "at the exchange": len(await site.ledger("order")),
    }


@pytest.mark.usefixtures("as_before")
async def test_a_test_in_production_when_there_is_a_position_then_moves_and_leaks_nothing(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url, **IN_PRODUCTION) as site:
        configure_logging(site.house.settings)
        path = await strategy_of(site, approval="auto", max_entries=0)
        await site.price("BTCUSDT", "60000")
        await send(site, ENTRY)
        await until(lambda: site.items("/positions", status="open"))
        await send(site, RESTING)

        async def guarded_and_resting() -> bool:
            rows = await site.items("/orders", status="open")
            return {row["purpose"] for row in rows} == {"entry", "stop_loss"}

        await until(guarded_and_resting)
        before = await moving(site)

        reports = [
            await site.post(f"{path}/test-alarm"),
            await site.post(f"{path}/test-alarm", {"body": ENTRY}),
            await site.post(f"{path}/test-alarm", {"body": CLOSE}),
        ]

        assert await moving(site) == before
        assert await site.items("/signals", status="pending") == []
        assert [one["status"] for one in reports] == ["accepted"] * 3
        verdicts = [one["steps"][-1]["detail"] for one in reports]
        assert all(said.startswith("It would be sent as: ") for said in verdicts), verdicts
        assert (
            reports[0]["steps"][0]["detail"] == f"Alerts from {TRADINGVIEW_ADDRESSES[0]} are taken."
        )
        door_pass = await _knock_with_a_pass(site, UUID(path.rpartition("/")[2]))
        said = "".join(one.read_text() for one in site.house.settings.log_dir.iterdir())
        assert "alarm.received" in said
        assert door_pass not in said
        assert A_TOKEN.findall(said) == []


async def test_a_test_when_nobody_may_send_then_is_turned_away_like_the_alert(
    tmp_path: Path, sqlite_url: str
) -> None:
    settings = {**IN_PRODUCTION, "webhook_allowed_ips": ()}
    async with running(tmp_path, sqlite_url, **settings) as site:
        path = await strategy_of(site)

        report = await site.post(f"{path}/test-alarm", {"body": ENTRY})

        assert (report["status"], report["alarm_id"]) == ("turned_away", None)
        assert [one["step"] for one in report["steps"]] == ["door.address", "verdict"]
        assert "WEBHOOK_ALLOWED_IPS" in report["steps"][0]["detail"]
        assert await site.items("/alarms") == []


async def _knock_with_a_pass(site: Site, strategy_id: UUID) -> str:
    """A pass of a test that is under way, shown at the door from outside; the pass."""
    passes, now = site.house.tools.passes, SystemClock().now()
    with passes.issued(strategy_id, user_id=new_id(), username="anna", now=now) as text:
        url = f"{site.base}/webhooks/tradingview/{text}"
        await send(site, f'{ENTRY[:-1]},"id":"from outside"}}', url)
    return text
