"""A stream is let in as a WebSocket is, and ends with its login."""

import asyncio
from pathlib import Path

from app.accounts import repository
from app.db.session import Database
from tests.integration.events.radio import come_to, listening, new_job, nobody_listens, refused
from tests.integration.market.stall import Stall, open_stall
from tests.integration.market.test_security_14_sockets import FOREIGN, as_cookie

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def test_security_14_a_stream_is_opened_by_token_ticket_or_cookie(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.house.client.cookies.clear()

    async with listening(stall, ada), listening(stall, ticket=await stall.ticket(ada)):
        pass
    async with listening(stall, {**as_cookie(ada), **OWN_PAGE}):
        pass


async def test_security_14_nobody_opens_a_stream_without_a_login(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    used = await stall.ticket(ada)
    async with listening(stall, ticket=used):
        pass

    assert await refused(stall) == (401, "unauthenticated")
    assert await refused(stall, ticket=used) == (401, "ticket_invalid")
    # A ticket that is wrong is not made good by a token beside it.
    assert await refused(stall, ada, ticket="x") == (401, "ticket_invalid")


async def test_security_14_a_ticket_opens_streams_and_no_other_route(stall: Stall) -> None:
    _, ada = await stall.user("ada")

    answer = await stall.house.client.get("/jobs", params={"ticket": await stall.ticket(ada)})

    assert answer.status_code == 401


async def test_security_14_a_foreign_page_opens_no_stream(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    for page in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": FOREIGN}):
        assert await refused(stall, {**as_cookie(ada), **page}) == (403, "csrf")


async def test_security_14_a_stream_ends_within_seconds_of_its_login(stall: Stall) -> None:
    (user, ada), (_, bob) = await stall.user("ada"), await stall.user("bob")
    async with listening(stall, ada) as ending, listening(stall, bob) as staying:
        async with stall.house.database.transaction() as session:
            await repository.end_logins_of_user(session, user.id, stall.house.clock.now())

        assert await ending.ended() == "login_ended"
        assert (await staying.hear("beat")).data


async def test_security_14_no_stream_outlives_the_token_that_opened_it(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with listening(stall, ada) as ear:
        stall.house.clock.pass_by(599)
        await stall.sockets.check()
        await ear.hear("beat")
        stall.house.clock.pass_by(1)
        await stall.sockets.check()

        assert await ear.ended() == "token_expired"


async def test_security_25_a_user_has_so_many_streams_and_others_have_theirs(
    stall: Stall,
) -> None:
    (_, ada), (_, bob) = await stall.user("ada"), await stall.user("bob")
    async with listening(stall, ada), listening(stall, ada), stall.talk(ada):
        assert await refused(stall, ada) == (429, "too_many_sockets")
        async with listening(stall, bob):
            pass
    await nobody_listens(stall)

    async with listening(stall, ada):
        pass


async def test_security_25_a_reader_who_takes_nothing_holds_up_nobody(
    tmp_path: Path, database: Database
) -> None:
    async with open_stall(tmp_path, database) as stall:
        user, ada = await stall.user("ada")
        jobs = [await new_job(database, user) for _ in range(5)]
        large = "x" * 60_000
        async with listening(stall, ada) as idle, listening(stall, ada) as quick:
            for number in range(1, 201):
                async with database.transaction() as session:
                    job = await session.merge(jobs[number % 5])
                    job.done, job.reason = number, large
            done = 0
            while done < 200:
                done = (await quick.hear("job")).data["done"]
            # It hears the newest of what it has left, and hears that soon.
            late: set[int] = set()
            while 200 not in late:
                late.add((await idle.hear("job")).data["done"])

        assert len(late) <= 200


async def test_a_client_that_has_left_is_noticed(stall: Stall) -> None:
    user, ada = await stall.user("ada")
    job = await new_job(stall.house.database, user)
    async with listening(stall, ada):
        assert len(stall.sockets) == 1
    async with asyncio.timeout(10):
        while len(stall.sockets):
            await come_to(stall.house.database, job, job.done)
            await asyncio.sleep(0.01)
