"""From an alert to a closed position and its result, by HTTP alone."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.site import Site, running, until

ENTRY = (
    '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01",'
    '"stop_loss":"58000","take_profit":"64000"}'
)


async def open_long(site: Site, alert: str = ENTRY) -> dict[str, Any]:
    """Send an entry, approve it, and wait for its position."""
    receipt = await site.alert(alert)
    assert receipt["status"] == "accepted", receipt
    await site.post(f"/signals/{receipt['signal_id']}/approve")

    async def held() -> dict[str, Any] | None:
        rows = await site.items("/positions", status="open")
        return rows[0] if rows else None

    return await until(held)


async def closed(site: Site, position_id: str) -> dict[str, Any]:
    """Wait until a position is closed."""

    async def ask() -> dict[str, Any] | None:
        row: dict[str, Any] = await site.get(f"/positions/{position_id}")
        return row if row["status"] == "closed" else None

    return await until(ask)


async def test_a_stop_is_hit_and_the_day_has_the_loss(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site)

        await site.price("BTCUSDT", "57900")
        row = await closed(site, position["id"])

        assert row["close_reason"] == "stop_loss"
        assert (row["entry_price"], row["exit_price"]) == ("60000", "57900")
        # 0.01 · (57900 - 60000) = -21; fees 0.05 % of 600 and of 579: 0.3 + 0.2895
        assert row["realized_pnl"] == "-21.5895"
        [day] = await site.items("/pnl/daily")
        assert (day["realized_pnl"], day["fees"]) == ("-21.5895", "0.5895")
        assert (day["trades"], day["wins"], day["losses"]) == (1, 0, 1)


async def test_a_target_is_hit_and_the_fills_add_up(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site)

        await site.price("BTCUSDT", "64010")
        row = await closed(site, position["id"])

        assert row["close_reason"] == "take_profit"
        bought, sold = row["fills"]
        gross = (Decimal(sold["price"]) - Decimal(bought["price"])) * Decimal(sold["quantity"])
        net = gross - Decimal(bought["fee"]) - Decimal(sold["fee"])
        [day] = await site.items("/pnl/daily")
        assert Decimal(day["realized_pnl"]) == net == Decimal(row["realized_pnl"])


async def test_the_trader_closes_by_hand(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site)

        answer = await site.post(f"/positions/{position['id']}/close")
        row = await closed(site, position["id"])

        assert answer["status"] in {"closing", "closed"}
        assert row["close_reason"] == "user_stopped"
