"""A ticket opens one stream of one login, once and soon, in whichever process."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.accounts.live import tickets
from app.accounts.models import Login, Ticket
from app.accounts.tokens import Access, digest_of
from app.core.errors import Unauthenticated
from app.core.ids import new_id
from app.db.session import Database, open_database
from app.http.caller import Role
from tests.builders import a_user
from tests.integration.accounts.house import House, bearer

NOW = datetime.fromisoformat("2026-01-31T12:00:00Z")


async def buy(house: House, headers: dict[str, str]) -> str:
    answer = await house.client.post("/auth/ticket", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["expires_in"] == 30
    ticket: str = answer.json()["ticket"]
    return ticket


async def use(house: House, ticket: str) -> Access:
    return await tickets.use(house.database, ticket, now=house.clock.now())


async def refused(house: House, ticket: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await use(house, ticket)
    assert ticket not in refusal.value.detail or not ticket
    return refusal.value.code


async def test_a_ticket_stands_for_the_login_that_asked_for_it_and_ends_with_its_token(
    house: House,
) -> None:
    headers = await house.as_("ada", Role.VIEWER)

    access = await use(house, await buy(house, headers))

    me = await house.client.get("/auth/me", headers=headers)
    assert str(access.user_id) == me.json()["id"]
    assert access.scopes is None
    assert access.expires_at == house.clock.now() + timedelta(minutes=10)


async def test_a_ticket_of_a_programs_login_has_the_scopes_of_its_key(house: House) -> None:
    owner = await house.as_("ada")
    body = {"name": "screen", "scopes": ["read"]}
    key = (await house.client.post("/auth/api-keys", json=body, headers=owner)).json()
    login = await house.client.post(
        "/auth/login", json={name: key[name] for name in ("api_key", "api_secret")}
    )

    access = await use(house, await buy(house, bearer(login.json())))

    assert access.scopes == ("read",)


async def test_security_14_a_ticket_opens_once_and_within_thirty_seconds(house: House) -> None:
    headers = await house.as_("ada")
    used, late, in_time = [await buy(house, headers) for _ in range(3)]

    await use(house, used)
    house.clock.pass_by(29.999)
    await use(house, in_time)
    house.clock.pass_by(0.001)

    assert await refused(house, used) == "ticket_invalid"
    assert await refused(house, late) == "ticket_invalid"


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "é" * 40, "A" * 100_000])
async def test_security_14_what_is_no_ticket_opens_nothing(house: House, text: str) -> None:
    await buy(house, await house.as_("ada"))

    assert await refused(house, text) == "ticket_invalid"


async def test_security_14_a_ticket_is_stored_as_a_digest_alone(house: House) -> None:
    ticket = await buy(house, await house.as_("ada"))

    async with house.database.read() as session:
        (row,) = (await session.scalars(select(Ticket))).all()
    assert row.digest == digest_of(ticket)
    assert ticket not in str(vars(row))


async def test_security_14_a_stranger_gets_no_ticket(house: House) -> None:
    assert (await house.client.post("/auth/ticket")).status_code == 401


async def test_security_25_a_login_has_so_many_tickets_at_a_time_and_room_for_more_later(
    house: House,
) -> None:
    headers = await house.as_("ada")
    for _ in range(tickets.MOST):
        await buy(house, headers)

    answer = await house.client.post("/auth/ticket", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tickets")
    assert answer.headers["Retry-After"] == "30"

    house.clock.pass_by(30)
    await buy(house, headers)
    async with house.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Ticket)) == 1


async def test_security_14_of_processes_that_are_shown_one_ticket_one_lets_in(
    database: Database,
) -> None:
    ticket = await _issued(database)
    url = database.engine.url.render_as_string(hide_password=False)
    others = [open_database(url) for _ in range(3)]

    async def is_let_in(number: int) -> bool:
        try:
            await tickets.use(others[number % 3], ticket, now=NOW)
        except Unauthenticated:
            return False
        return True

    let_in = await asyncio.gather(*(is_let_in(number) for number in range(12)))
    for one in others:
        await one.close()

    assert sum(let_in) == 1


async def test_old_tickets_are_dropped_whether_used_or_not(database: Database) -> None:
    await _issued(database)

    async with database.transaction() as session:
        await tickets.forget_old(session, now=NOW + timedelta(seconds=29))
    assert await _count(database) == 1
    async with database.transaction() as session:
        await tickets.forget_old(session, now=NOW + timedelta(seconds=30))

    assert await _count(database) == 0


async def _issued(database: Database) -> str:
    user = a_user(NOW)
    login = Login(id=new_id(), user_id=user.id, opened_at=NOW)
    access = Access(user.id, 0, login.id, None, NOW + timedelta(minutes=10))
    async with database.transaction() as session:
        session.add(user)
        await session.flush()
        session.add(login)
        await session.flush()
        return await tickets.issue(session, access, now=NOW)


async def _count(database: Database) -> int | None:
    async with database.read() as session:
        found: int | None = await session.scalar(select(func.count()).select_from(Ticket))
    return found
