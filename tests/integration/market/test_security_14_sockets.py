"""A WebSocket is let in like a request, by page and by login, and ends with its login."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from litestar.enums import ScopeType
from loguru import logger

from app.accounts import repository, service
from app.accounts.cookies import ACCESS
from app.accounts.live.standing import CHECK_SECONDS, MOST_BLIND_CHECKS, OpenSockets
from app.accounts.models import User
from app.accounts.tokens import Access
from app.core.ids import new_id
from app.db.session import Database, open_database
from app.http.caller import Role
from tests.integration.accounts.house import HandClock
from tests.integration.market.stall import PATIENCE_SECONDS, Stall, bearer, open_stall

FOREIGN = "https://evil.example"


@pytest.fixture
async def roomy(tmp_path: Path, sqlite_database: Database) -> AsyncIterator[Stall]:
    async with open_stall(tmp_path, sqlite_database) as opened:
        yield opened


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Whatever is logged, by us and by the server underneath, in full."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    below, ear = logging.getLogger("uvicorn.error"), Ear()
    level = below.level
    below.addHandler(ear)
    # Below that a library shows whole handshakes; configure_logging never lets it.
    below.setLevel(logging.INFO)
    sink = logger.add(lambda line: heard.append(f"{line}{line.record['extra']}"), level="TRACE")
    yield heard
    logger.remove(sink)
    below.removeHandler(ear)
    below.setLevel(level)


def as_cookie(headers: dict[str, str]) -> dict[str, str]:
    """The same token as a browser would send it along."""
    return {"Cookie": f"{ACCESS}={headers['Authorization'].split()[1]}"}


async def is_let_in(stall: Stall, **handshake: Any) -> bool:
    async with stall.talk(**handshake) as talk:
        return await talk.refusal("?") == "invalid"


async def test_security_14_a_socket_is_opened_by_token_ticket_or_cookie(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    cookie = as_cookie(ada)
    host = stall.base.removeprefix("http://")

    assert await is_let_in(stall, headers=ada)
    assert await is_let_in(stall, query=f"?ticket={await stall.ticket(ada)}")
    assert await is_let_in(stall, headers=cookie, origin=stall.base)
    # A proxy that speaks TLS stands in front.
    assert await is_let_in(stall, headers=cookie, origin=f"https://{host}")


async def test_security_14_nobody_opens_a_socket_without_a_login(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    used = await stall.ticket(ada)
    assert await is_let_in(stall, query=f"?ticket={used}")
    two = f"?ticket={await stall.ticket(ada)}&ticket={await stall.ticket(ada)}"

    refused = [
        await stall.refused(),
        await stall.refused({"Authorization": "Bearer x.y.z"}),
        await stall.refused({"Cookie": "__Host-signalbox-access=x.y.z"}, origin=stall.base),
        await stall.refused(query=f"?ticket={used}"),
        await stall.refused(query="?ticket="),
        await stall.refused(query=two),
        # A ticket that is wrong is not made good by a token beside it.
        await stall.refused(ada, query="?ticket=x"),
    ]

    assert [status for status, _ in refused] == [401] * 7
    assert [code for _, code in refused[3:]] == ["ticket_invalid"] * 4
    assert len(stall.sockets) == 0


async def test_security_14_a_foreign_page_opens_no_socket_whatever_it_brings(
    stall: Stall,
) -> None:
    _, ada = await stall.user("ada")
    query, cookie = f"?ticket={await stall.ticket(ada)}", as_cookie(ada)

    refused = {
        origin: {
            await stall.refused(cookie, origin=origin),
            await stall.refused(ada, origin=origin),
            await stall.refused(query=query, origin=origin),
        }
        for origin in (FOREIGN, "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://[")
    }
    framed = await stall.refused({**cookie, "Sec-Fetch-Site": "cross-site"}, origin=stall.base)

    assert {one for found in refused.values() for one in found} == {(403, "csrf")}
    assert framed == (403, "csrf")
    # It was not even looked at, so it is still good for its owner.
    assert await is_let_in(stall, query=query)


async def test_security_14_a_cookie_counts_only_from_a_page_that_says_where_it_is(
    stall: Stall,
) -> None:
    _, ada = await stall.user("ada")

    assert await stall.refused(as_cookie(ada)) == (403, "csrf")


async def test_security_14_a_key_that_is_bound_to_an_address_opens_sockets_from_there(
    stall: Stall,
) -> None:
    _, ada = await stall.user("ada")
    body = {"name": "screen", "scopes": ["read"], "allowed_ips": ["127.0.0.1"]}
    key = (await stall.house.client.post("/auth/api-keys", json=body, headers=ada)).json()
    login = {name: key[name] for name in ("api_key", "api_secret")}
    pair = (await stall.house.client.post("/auth/login", json=login)).json()

    assert await is_let_in(stall, headers=bearer(pair))


async def test_security_14_a_key_that_may_not_read_opens_no_socket(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    body = {"name": "script", "scopes": ["signals:write"]}
    key = (await stall.house.client.post("/auth/api-keys", json=body, headers=ada)).json()
    login = {name: key[name] for name in ("api_key", "api_secret")}
    pair = (await stall.house.client.post("/auth/login", json=login)).json()

    assert await stall.refused(bearer(pair)) == (403, "scope_missing")


async def test_security_14_a_socket_is_closed_within_seconds_of_its_login(roomy: Stall) -> None:
    _, boss = await roomy.user("boss", Role.ADMIN)
    ada, of_ada = await roomy.user("ada")
    bob, of_bob = await roomy.user("bob")
    eve, of_eve = await roomy.user("eve")
    ticket = await roomy.ticket(of_eve)
    async with (
        roomy.talk(of_ada) as logged_out,
        roomy.talk(of_bob) as with_old_password,
        roomy.talk(query=f"?ticket={ticket}") as switched_off,
        roomy.talk(boss) as staying,
    ):
        for talk in (logged_out, with_old_password, switched_off, staying):
            await talk.refusal("?")
        now = roomy.house.clock.now()
        async with roomy.house.database.transaction() as session:
            await repository.end_logins_of_user(session, ada.id, now)
            changing = await session.get_one(User, bob.id)
            await service.change_password(session, changing, password_hash="-", now=now)
        off = await roomy.house.client.patch(
            f"/users/{eve.id}", json={"is_active": False}, headers=boss
        )
        assert off.status_code == 200
        ended = [await talk.ended() for talk in (logged_out, with_old_password, switched_off)]

        assert ended == [(4401, "login_ended")] * 3
        assert await staying.refusal("?") == "invalid"


async def test_security_14_sockets_are_looked_at_often_enough() -> None:
    # One look, and the time that the database may take for it.
    assert 2 * CHECK_SECONDS * MOST_BLIND_CHECKS <= 10


async def test_security_37_sockets_whose_logins_nobody_can_look_up_are_closed(
    tmp_path: Path,
) -> None:
    nowhere = open_database(f"sqlite+aiosqlite:///{tmp_path}/nothing/here.db")
    (tmp_path / "nothing").rmdir()
    clock = HandClock()
    sockets = OpenSockets(nowhere, clock, per_user=1)
    until = clock.now() + timedelta(minutes=10)
    access = Access(new_id(), 0, new_id(), None, until)
    sent: list[Any] = []

    async def never_ending(*_: Any) -> None:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope, nothing = cast("Any", {"type": ScopeType.WEBSOCKET}), cast("Any", None)
    serving = asyncio.create_task(sockets.serve(access, never_ending, scope, nothing, send))
    await asyncio.sleep(0)
    await sockets.check()
    await asyncio.sleep(0)
    still_open = not serving.done()
    await sockets.check()
    await serving
    await nowhere.close()

    assert still_open
    assert sent == [{"type": "websocket.close", "code": 1013, "reason": "database_down"}]
    assert len(sockets) == 0


async def test_security_14_no_socket_outlives_the_token_that_opened_it(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.house.clock.pass_by(10)
    _, bob = await stall.user("bob")
    stall.house.clock.pass_by(60)
    # A ticket bought late is good for what is left of the token, and no longer.
    ticket = await stall.ticket(ada)
    async with stall.talk(query=f"?ticket={ticket}") as first, stall.talk(bob) as second:
        await first.refusal("?")
        stall.house.clock.pass_by(529)
        await stall.sockets.check()
        assert await first.refusal("?") == "invalid"
        stall.house.clock.pass_by(1)
        await stall.sockets.check()

        assert await first.ended() == (4401, "token_expired")
        assert await second.refusal("?") == "invalid"


async def test_security_14_a_ticket_is_in_no_log(stall: Stall, lines: list[str]) -> None:
    _, ada = await stall.user("ada")
    opening, foreign, wrong = [await stall.ticket(ada) for _ in range(3)]
    async with stall.talk(query=f"?exchange=paper&ticket={opening}") as talk:
        await talk.refusal(f'{{"op":"subscribe","symbols":["{opening}"]}}')
    await stall.refused(query=f"?ticket={foreign}", origin=FOREIGN)
    await stall.refused(query=f"?ticket={wrong}x")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sum("socket.closed" in line for line in lines) < 3:  # noqa: ASYNC110 it is the server's
            await asyncio.sleep(0.01)

    text = "\n".join(lines)
    # The server does log addresses, so it means something that they are not in there.
    assert "/prices/ws?exchange=paper" in text
    assert [one for one in (opening, foreign, wrong) if one in text] == []


async def test_security_32_what_broke_a_socket_is_in_the_log_and_not_in_its_end(
    stall: Stall, lines: list[str]
) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada, "?exchange=broken") as talk:
        await talk.subscribe("BTCUSDT")
        ended = await talk.ended()

    assert ended == (1011, "")
    assert any("socket.crashed" in line for line in lines)


async def test_security_25_a_user_has_so_many_sockets_and_others_have_theirs(stall: Stall) -> None:
    (_, ada), (_, bob) = await stall.user("ada"), await stall.user("bob")
    async with stall.talk(ada), stall.talk(ada):
        async with stall.talk(ada):
            assert await stall.refused(ada) == (429, "too_many_sockets")
            assert await is_let_in(stall, headers=bob)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(stall.sockets) > 2:  # noqa: ASYNC110 the server notices in its own time
                await asyncio.sleep(0.01)

        assert await is_let_in(stall, headers=ada)


async def test_security_05_a_reader_hears_nothing_of_what_others_read(stall: Stall) -> None:
    (_, ada), (_, bob) = await stall.user("ada"), await stall.user("bob")
    _, boss = await stall.user("boss", Role.ADMIN)
    for coin in ("BTC", "SOL"):
        stall.price(coin, "100")
    async with stall.talk(ada) as hers, stall.talk(bob) as his:
        await hers.subscribe("SOLUSDT")
        await hers.hear()
        await his.subscribe("BTCUSDT")
        await his.hear()
        for price in range(101, 111):
            stall.price("SOL", str(price))
        stall.price("BTC", "200")
        heard = await his.hear()
        shown = [
            (await stall.house.client.get("/status-server", headers=who)).json()["prices"]
            for who in (bob, boss)
        ]

    assert (heard["symbol"], heard["last"]) == ("BTC/USDT", "200")
    assert shown[0] == {"status": "ok", "starting": 0, "live": 2, "polling": 0, "stale": 0}
    assert {item["symbol"] for item in shown[1]["items"]} == {"BTC/USDT", "SOL/USDT"}


async def test_a_server_that_stops_says_that_it_comes_back(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada) as talk:
        await talk.refusal("?")
        stall.server.should_exit = True

        assert (await talk.ended())[0] == 1012


async def test_a_market_type_that_is_none_is_refused_at_the_door(stall: Stall) -> None:
    _, ada = await stall.user("ada")

    assert await stall.refused(ada, "?market_type=dreams") == (400, "unknown_filter")
