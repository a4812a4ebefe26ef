"""A stream tells what changes, to whom it belongs, and goes on where it was cut off."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.db import outbox
from app.db.session import Database
from app.http.caller import Role
from tests.integration.events.radio import (
    come_to,
    listening,
    new_job,
    nobody_listens,
    refused,
)
from tests.integration.market.stall import MOST_WAITING, Stall, open_stall


async def test_a_change_is_told_as_its_get_answers(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    database = stall.house.database
    async with listening(stall, ada) as ear:
        job = await new_job(database, user)
        first = await ear.hear()
        await come_to(database, job, 5)
        second = await ear.hear()
    shown = (await stall.house.client.get(f"/jobs/{job.id}", headers=ada)).json()

    assert (first.kind, second.kind) == ("job", "job")
    assert (first.data["done"], second.data) == (0, shown)
    assert first.number is not None
    assert second.number is not None
    assert first.number < second.number


async def test_several_changes_of_a_row_may_come_as_the_newest(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    job = await new_job(stall.house.database, user)
    async with listening(stall, ada) as ear:
        for done in range(1, 21):
            await come_to(stall.house.database, job, done)
        heard = [(await ear.hear()).data["done"]]
        while heard[-1] < 20:
            heard.append((await ear.hear()).data["done"])

    assert heard == sorted(heard)


async def test_a_row_that_is_deleted_is_told_as_gone(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    job = await new_job(stall.house.database, user)
    async with listening(stall, ada) as ear:
        async with stall.house.database.transaction() as session:
            await session.delete(await session.merge(job))
        gone = await ear.hear()

    assert (gone.kind, gone.data) == ("gone", {"kind": "job", "id": str(job.id)})


async def test_what_changed_during_a_drop_is_told_once_and_in_order(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    database = stall.house.database
    jobs = [await new_job(database, user) for _ in range(3)]
    async with listening(stall, ada) as ear:
        await come_to(database, jobs[0], 1)
        last = (await ear.hear()).number
    for job, done in ((jobs[1], 1), (jobs[2], 1), (jobs[1], 2)):
        await come_to(database, job, done)
    async with listening(stall, ada, last_event_id=last) as ear:
        missed = [await ear.hear() for _ in range(2)]
        await come_to(database, jobs[0], 3)
        fresh = await ear.hear()
    header = {**ada, "Last-Event-ID": str(missed[0].number)}
    async with listening(stall, header, last_event_id=last) as ear:
        rest = await ear.hear()

    numbers = [one.number or 0 for one in (*missed, fresh)]
    assert [one.data["id"] for one in missed] == [str(jobs[2].id), str(jobs[1].id)]
    assert numbers == sorted(set(numbers))
    assert (fresh.data["id"], fresh.data["done"]) == (str(jobs[0].id), 3)
    # The browser's own word goes before the address.
    assert rest.data["id"] == str(jobs[1].id)


async def test_a_restart_of_the_server_loses_nothing_and_repeats_nothing(
    tmp_path: Path, database: Database
) -> None:
    async with open_stall(tmp_path, database) as before:
        user, ada = await before.user("ada")
        job, other = [await new_job(database, user) for _ in range(2)]
        async with listening(before, ada) as ear:
            await come_to(database, job, 1)
            last = (await ear.hear()).number
            before.server.should_exit = True
            assert await ear.ended() == "restarting"
    await come_to(database, job, 2)
    async with (
        open_stall(tmp_path, database) as after,
        listening(after, ada, last_event_id=last) as ear,
    ):
        missed = await ear.hear()
        await come_to(database, other, 1)
        fresh = await ear.hear()

    assert (missed.data["id"], missed.data["done"]) == (str(job.id), 2)
    assert fresh.data["id"] == str(other.id)


async def test_security_05_a_stream_tells_nobody_of_what_is_somebody_elses(stall: Stall) -> None:
    (user, ada), (other, bob) = await stall.user("ada"), await stall.user("bob")
    chief, boss = await stall.user("boss", Role.ADMIN)
    database = stall.house.database
    async with (
        listening(stall, ada) as hers,
        listening(stall, bob) as his,
        listening(stall, boss) as admins,
    ):
        job = await new_job(database, user)
        heard = await hers.hear()
        own = {who.id: await new_job(database, who) for who in (other, chief)}
        # Each hears of their own first: of hers there was nothing to hear.
        first = [await ear.hear() for ear in (his, admins)]
    # Nor by claiming to have heard what came before it.
    async with listening(stall, bob, last_event_id=(heard.number or 0) - 1) as his:
        again = await his.hear()

    assert heard.data["id"] == str(job.id)
    assert [one.data["id"] for one in first] == [str(own[one.id].id) for one in (other, chief)]
    assert again.data["id"] == str(own[other.id].id)


async def test_who_is_too_slow_loads_everything_anew_and_goes_on(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    database = stall.house.database
    jobs = [await new_job(database, user) for _ in range(MOST_WAITING + 1)]
    async with listening(stall, ada) as ear:
        async with database.transaction() as session:
            for job in jobs:
                (await session.merge(job)).done = 1
        reset = await ear.hear()
        await come_to(database, jobs[0], 2)
        fresh = await ear.hear()

    assert (reset.kind, reset.data) == ("reset", {"reason": "too_slow"})
    assert (reset.number or 0) < (fresh.number or 0)
    assert fresh.data["done"] == 2


async def test_who_was_away_for_too_long_loads_everything_anew(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    database = stall.house.database
    job = await new_job(database, user)
    async with listening(stall, ada) as ear:
        await come_to(database, job, 1)
        last = (await ear.hear()).number
    for done in (2, 3):
        await come_to(database, job, done)
    async with database.transaction() as session:
        await outbox.forget_before(session, SystemClock().now() + timedelta(hours=1))

    found: list[tuple[str, str, int]] = []
    for number in (last, 10**15):
        async with listening(stall, ada, last_event_id=number) as ear:
            reset = await ear.hear()
            await come_to(database, job, 4 + len(found))
            found.append((reset.kind, reset.data["reason"], (await ear.hear()).data["done"]))

    assert found == [("reset", "too_old", 4), ("reset", "unknown_id", 5)]


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²", "9" * 20, "1 2"])
async def test_an_id_that_is_none_is_refused(stall: Stall, text: str) -> None:
    _, ada = await stall.user("ada")

    assert await refused(stall, ada, last_event_id=text) == (400, "invalid")


async def test_the_parts_of_the_house_are_told_at_the_beginning(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with listening(stall, ada) as ear:
        told = await ear.hear("status")

    assert told.data["status"] == "ok"
    assert told.data["prices"]["status"] == "ok"
    assert told.number is None


async def test_a_beat_says_that_all_is_well(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with listening(stall, ada) as ear:
        beat = await ear.hear("beat")

    assert beat.data == {"at": "2026-01-31T12:00:00.000000Z"}


async def test_prices_are_told_when_they_were_asked_for(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    for coin in ("BTC", "ETH"):
        stall.price(coin, "100")
    async with listening(stall, ada, prices="BTCUSDT, BTC/USDT") as ear:
        stall.price("BTC", "101")
        stall.price("ETH", "102")
        heard = await ear.hear("price")
        while heard.data["last"] != "101":
            heard = await ear.hear("price")
        assert stall.market.streams == {"BTC/USDT": 1}
    await nobody_listens(stall)

    assert heard.data.keys() == {"symbol", "last", "mark", "bid", "ask", "at"}
    assert heard.number is None
    async with asyncio.timeout(5):
        while stall.market.streams:  # noqa: ASYNC110 its end takes a turn of the loop
            await asyncio.sleep(0.01)


async def test_prices_that_cannot_be_told_are_refused_at_the_door(stall: Stall) -> None:
    _, ada = await stall.user("ada")

    assert await refused(stall, ada, prices="NOPEUSDT") == (404, "unknown_symbol")
    assert await refused(stall, ada, prices="a,b,c") == (429, "too_many_symbols")
    assert await refused(stall, ada, market_type="dreams") == (400, "unknown_filter")
    assert len(stall.sockets) == 0


async def test_nothing_is_read_for_nobody(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with listening(stall, ada):
        was_read = stall.events.is_read
    await nobody_listens(stall)

    assert was_read
    assert not stall.events.is_read
