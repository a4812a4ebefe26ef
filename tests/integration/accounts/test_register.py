import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.accounts import repository, service
from app.accounts.models import User
from app.db.session import Database
from app.http.caller import Role
from tests.integration.accounts.house import PASSWORD, House, bearer, open_house


async def an_invite(house: House, role: Role = Role.TRADER, *, is_setup: bool = False) -> str:
    async with house.database.transaction() as session:
        _, text = service.new_invite(session, role=role, now=house.clock.now(), is_setup=is_setup)
        return text


def a_form(username: str = "ada", **fields: str) -> dict[str, str]:
    return {"username": username, "password": PASSWORD, **fields}


async def users(house: House) -> int:
    async with house.database.read() as session:
        return await session.scalar(select(func.count()).select_from(User)) or 0


async def test_register_by_invite_answers_the_user_and_what_was_made_for_them(
    house: House,
) -> None:
    invite = await an_invite(house)

    answer = await house.client.post(
        "/auth/register", json=a_form("Ada", invite=invite, timezone="Europe/Berlin")
    )

    assert answer.status_code == 201
    created = answer.json()
    assert created.pop("id")
    assert created == {
        "username": "ada",
        "role": "trader",
        "timezone": "Europe/Berlin",
        "webhook_url": "http://test/ada/2026",
    }
    headers = bearer(await house.log_in("ada"))
    assert (await house.client.get("/auth/me", headers=headers)).status_code == 200


async def test_register_without_an_invite_is_refused(house: House) -> None:
    answer = await house.client.post("/auth/register", json=a_form())

    assert (answer.status_code, answer.json()["code"]) == (403, "invite_required")
    assert await users(house) == 0


async def test_register_with_an_unknown_invite_is_refused(house: House) -> None:
    answer = await house.client.post("/auth/register", json=a_form(invite="x" * 43))

    assert (answer.status_code, answer.json()["code"]) == (403, "invite_invalid")


async def test_register_with_a_used_invite_is_refused(house: House) -> None:
    invite = await an_invite(house)
    await house.client.post("/auth/register", json=a_form(invite=invite))

    answer = await house.client.post("/auth/register", json=a_form("eve", invite=invite))

    assert (answer.status_code, answer.json()["code"]) == (403, "invite_invalid")


async def test_register_with_an_invite_past_its_time_is_refused(house: House) -> None:
    invite = await an_invite(house)
    house.clock.pass_by(timedelta(days=30).total_seconds())

    answer = await house.client.post("/auth/register", json=a_form(invite=invite))

    assert answer.json()["code"] == "invite_invalid"


async def test_register_five_at_once_with_one_invite_makes_one_user(house: House) -> None:
    invite = await an_invite(house)

    answers = await asyncio.gather(
        *(
            house.client.post("/auth/register", json=a_form(f"user{n}", invite=invite))
            for n in range(5)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403]
    assert await users(house) == 1


async def test_register_when_refused_leaves_the_invite_usable(house: House) -> None:
    invite = await an_invite(house)
    await house.user("ada")

    taken = await house.client.post("/auth/register", json=a_form(invite=invite))
    other = await house.client.post("/auth/register", json=a_form("eve", invite=invite))

    assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": "short"}, "password_too_short"),
        ({"password": "x" * 1025}, "password_too_long"),
        ({"username": "a b c"}, "username_invalid"),
        ({"username": "a\u0000bc"}, "invalid"),
        ({"timezone": "Mars/Olympus"}, "timezone_unknown"),
        ({"role": "admin"}, "invalid"),
    ],
)
async def test_register_with_what_makes_no_sense_is_400_and_echoes_no_password(
    house: House, fields: dict[str, str], code: str
) -> None:
    invite = await an_invite(house)

    answer = await house.client.post("/auth/register", json=a_form(invite=invite) | fields)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert PASSWORD not in answer.text
    assert "x" * 20 not in answer.text


async def test_register_when_open_needs_no_invite_and_makes_a_trader(
    tmp_path: Path, sqlite_database: Database
) -> None:
    async with open_house(tmp_path, sqlite_database, open_registration=True) as house:
        answer = await house.client.post("/auth/register", json=a_form())

    assert answer.status_code == 201
    assert answer.json()["role"] == "trader"


async def test_first_start_with_admin_settings_makes_the_admin_once(
    tmp_path: Path, sqlite_database: Database
) -> None:
    async with open_house(
        tmp_path, sqlite_database, admin_username="Root", admin_password=PASSWORD
    ) as house:
        now, hook = house.clock.now(), house.app.state.on_registered
        first = await service.ensure_first_admin(house.database, house.settings, now, hook)
        second = await service.ensure_first_admin(house.database, house.settings, now, hook)
        me = await house.client.get("/auth/me", headers=bearer(await house.log_in("root")))

    assert first.user is not None
    assert first.extra == {"webhook_url": "http://test/root/2026"}
    assert (second.user, second.invite) == (None, None)
    assert me.json()["role"] == "admin"


async def test_first_start_without_them_gives_an_invite_for_an_admin(house: House) -> None:
    start = await service.ensure_first_admin(house.database, house.settings, house.clock.now())

    assert start.invite is not None
    assert start.invite not in repr(start)
    answer = await house.client.post("/auth/register", json=a_form(invite=start.invite))
    assert answer.json()["role"] == "admin"


async def test_set_up_invites_of_earlier_starts_are_void_once_there_is_an_admin(
    house: House,
) -> None:
    older, newer = (
        await an_invite(house, Role.ADMIN, is_setup=True),
        await an_invite(house, Role.ADMIN, is_setup=True),
    )
    await house.client.post("/auth/register", json=a_form(invite=newer))

    answer = await house.client.post("/auth/register", json=a_form("eve", invite=older))

    assert answer.json()["code"] == "invite_invalid"
    again = await service.ensure_first_admin(house.database, house.settings, house.clock.now())
    assert again.invite is None


async def test_invites_and_tokens_are_stored_as_digests_only(house: House) -> None:
    invite = await an_invite(house)
    await house.client.post("/auth/register", json=a_form(invite=invite))
    pair = await house.log_in("ada")
    async with house.database.read() as session:
        assert await repository.user_named(session, "ADA ") is not None

    stored = b"".join(path.read_bytes() for path in house.settings.data_dir.glob("test.db*"))

    for secret in (invite, pair["refresh_token"], pair["access_token"], PASSWORD):
        assert secret.encode() not in stored
