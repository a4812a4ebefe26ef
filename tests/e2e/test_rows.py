"""Rows of the fault matrix that only real streams and real processes show."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.core.log import JSON_FILE
from app.house import PAPER_PATH
from app.market.prices import FeedState
from app.notifications.models import Notice
from tests.e2e.processes import Server
from tests.e2e.site import Site, running, until
from tests.e2e.test_two_processes import Exchange
from tests.programs.starting import Launcher

# Two seconds without a price, the REST answer, the monitor's order and its fill: 5 s are promised.
PROMISED_SECONDS = 5.0
QUIET_SECONDS = 7.0
STOPPED_SECONDS = 3.0


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    """A server with its paper exchange that takes no stops: the monitor guards, BTC at 60,000."""
    async with running(tmp_path, sqlite_url) as opened:
        await opened.price("BTCUSDT", "60000")
        await fault(opened, "conditional_4120")
        yield opened


async def fault(site: Site, verb: str, **options: Any) -> None:
    await site.post(f"{PAPER_PATH}/control/faults", {"verb": verb, **options})


async def open_long(site: Site) -> dict[str, Any]:
    """0.01 BTC with a stop at 58,000, guarded by the monitor alone."""
    [account] = [one for one in await site.items("/accounts") if one["market_type"] == "linear"]
    body = {"name": "rows", "account_id": account["id"], "approval": "auto"}
    made = await site.post("/strategies", body, status=201)
    alert = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.01","stop_loss":"58000"}'
    await site.alert(alert, url=made["webhook_url"])

    async def is_guarded() -> dict[str, Any] | None:
        rows = await site.items("/positions", status="open")
        return next((one for one in rows if one["protection"] == "monitor"), None)

    async def is_told() -> bool:
        return "stop_refused" in await codes(site)

    position = await until(is_guarded)
    # Its owner is told a moment after the monitor has taken over.
    await until(is_told)
    await until(lambda: is_fed(site, FeedState.LIVE))
    return position


async def is_fed(site: Site, state: FeedState) -> bool:
    """Whether every watched price comes in that way."""
    feeds = site.house.tools.prices.feeds(site.house.clock.now())
    return bool(feeds) and all(one.state is state for one in feeds)


async def closed(site: Site, position: dict[str, Any], seconds: float) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        row: dict[str, Any] = await site.get(f"/positions/{position['id']}")
        return row if row["status"] == "closed" else None

    return await until(ask, seconds=seconds)


@pytest.mark.parametrize("verb", ["silent_stream", "half_open_stream"])
async def test_row_60_a_stream_that_falls_silent_then_the_stop_still_fires(
    site: Site, verb: str
) -> None:
    await stop_fires_in_time(site, verb)


async def test_row_61_a_stream_that_repeats_itself_then_the_stop_still_fires(site: Site) -> None:
    await stop_fires_in_time(site, "stale_stream")


async def stop_fires_in_time(site: Site, verb: str) -> None:
    """The price falls through the stop when the stream has become useless."""
    position = await open_long(site)

    await fault(site, verb, route="stream.market")
    # What is repeated is what was true when it was armed.
    await asyncio.sleep(0.6)
    await site.price("BTCUSDT", "57900")
    row = await closed(site, position, PROMISED_SECONDS)

    # 0.01 · (57,900 - 60,000) - 0.3 - 0.2895
    assert (row["close_reason"], row["realized_pnl"]) == ("stop_loss", "-21.5895")
    assert len(await site.ledger("fill")) == 2


async def test_row_62_a_quiet_market_then_it_is_asked_now_and_then_and_nobody_is_alarmed(
    site: Site,
) -> None:
    position = await open_long(site)
    notices = await codes(site)
    before = len(await questions(site))

    await fault(site, "silent_stream", route="stream.market")
    await asyncio.sleep(QUIET_SECONDS)

    asked = len(await questions(site)) - before
    # Price, mark and book once in two seconds for the one symbol that is held.
    assert 3 <= asked <= 3 * (QUIET_SECONDS / 2 + 1)
    assert (await site.get(f"/positions/{position['id']}"))["status"] == "open"
    assert await codes(site) == notices
    status = await site.get("/status-server")
    assert (status["monitor"]["status"], status["monitor"]["stale_symbols"]) == ("ok", [])


async def codes(site: Site) -> list[str]:
    """What the traders were told."""
    async with site.house.database.read() as session:
        return sorted((await session.scalars(select(Notice.code))).all())


async def questions(site: Site) -> list[dict[str, Any]]:
    """Requests for prices."""
    words = ("ticker", "premiumIndex", "depth")
    asked = await site.ledger("request")
    return [one for one in asked if any(word in one["path"] for word in words)]


@pytest.mark.slow
async def test_row_65_a_server_that_stands_still_then_the_stop_at_the_venue_covers_for_it(
    tmp_path: Path, warm: Launcher
) -> None:
    exchange = Exchange(tmp_path, warm)
    server = await Server.at(tmp_path, exchange.base, warm)
    await exchange.start()
    await exchange.price("60000")
    try:
        await server.start()
        webhook = (await server.program.line_with("/webhooks/tradingview/")).strip()
        await open_with_a_stop(server, webhook)

        server.program.send(signal.SIGSTOP)
        await exchange.price("57900")
        await asyncio.sleep(STOPPED_SECONDS)
        assert len(await exchange.ledger("fill")) == 2, "the venue's own stop has fired"
        server.program.send(signal.SIGCONT)
        row = await server.position("closed")

        # 0.01 · (57,900 - 60,000) - 0.3 - 0.2895
        assert (row["close_reason"], row["realized_pnl"]) == ("stop_loss", "-21.5895")
        assert len(await exchange.ledger("fill")) == 2
        live = {"created", "submitted", "unknown", "open", "partially_filled"}
        assert not [one for one in await server.items("/orders") if one["status"] in live]
        assert (await server.client.get("/health/ready")).status_code == 200
        log = (tmp_path / "logs" / JSON_FILE).read_text()
        assert log.count('"worker.stood_still"') == 1, "it has noticed"
    finally:
        server.program.send(signal.SIGCONT)
        await server.program.stop()
        await exchange.program.stop()
        await server.client.aclose()
        await exchange.client.aclose()


async def open_with_a_stop(server: Server, webhook: str) -> None:
    """A position whose stop rests at the venue."""
    entry = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01","stop_loss":"58000","id":"one"}'
    receipt = (await server.client.post(webhook, content=entry)).json()
    answer = await server.client.post(f"/signals/{receipt['signal_id']}/approve")
    assert answer.status_code == 200, answer.text

    async def is_protected() -> bool:
        rows = await server.items("/positions")
        return bool(rows) and rows[0]["protection"] == "venue"

    await until(is_protected, seconds=20)
