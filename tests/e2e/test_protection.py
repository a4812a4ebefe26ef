"""Stops at a real venue's door: they rest, they fire while nobody watches, or somebody is told."""

from pathlib import Path
from typing import Any

from app.house import PAPER_PATH
from tests.e2e.site import Site, running, until
from tests.e2e.test_main_story import closed, open_long


async def guarded_by(site: Site, position_id: str, protection: str) -> dict[str, Any]:
    """The position as soon as that is what guards it."""

    async def ask() -> dict[str, Any] | None:
        row: dict[str, Any] = await site.get(f"/positions/{position_id}")
        return row if row["protection"] == protection else None

    return await until(ask)


async def arm(site: Site, **fault: Any) -> None:
    await site.post(f"{PAPER_PATH}/control/faults", fault)


async def test_a_venue_that_takes_no_stops_then_the_monitor_guards_and_the_owner_is_told(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url) as site:
        await site.price("BTCUSDT", "60000")
        await arm(site, verb="conditional_4120")
        position = await open_long(site)

        row = await guarded_by(site, position["id"], "monitor")

        assert row["protection_note"].startswith("conditional_not_taken: ")
        [notice] = await site.items("/notices")
        assert (notice["code"], notice["subject_id"]) == ("stop_refused", position["id"])
        await site.price("BTCUSDT", "57900")
        assert (await closed(site, position["id"]))["close_reason"] == "stop_loss"


async def test_the_stop_that_rests_then_closes_the_position_and_its_target_is_gone(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site)
        row = await guarded_by(site, position["id"], "venue")
        assert float(row["naked_seconds"]) < 2

        await site.price("BTCUSDT", "57900")

        assert (await closed(site, position["id"]))["close_reason"] == "stop_loss"
        exits = [one for one in await site.items("/orders") if one["purpose"] != "entry"]

        async def ended() -> dict[str, str] | None:
            rows = [await site.get(f"/orders/{one['id']}") for one in exits]
            found = {one["purpose"]: one["status"] for one in rows}
            return found if found["take_profit"] in {"canceled", "expired"} else None

        assert (await until(ended))["stop_loss"] == "filled"


async def test_a_stop_that_the_owner_cancels_at_the_venue_then_rests_again(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as site:
        await site.price("BTCUSDT", "60000")
        position = await open_long(site)
        await guarded_by(site, position["id"], "venue")
        before = len(await site.items("/orders"))

        await arm(site, verb="user_cancel_stop", symbol="BTCUSDT")

        async def again() -> bool | None:
            return len(await site.items("/orders")) > before or None

        await until(again)
        await guarded_by(site, position["id"], "venue")
