"""Who may come in, and what they may do: an admin decides, and it counts at once."""

from typing import Any

import pytest

from app.core.clock import iso
from app.http.caller import Role
from tests.integration.accounts.house import PASSWORD, House, bearer


async def invite(house: House, headers: dict[str, str], **fields: Any) -> Any:
    return await house.client.post("/auth/invites", json=fields, headers=headers)


async def register(house: House, text: str, username: str) -> int:
    body = {"username": username, "password": PASSWORD, "invite": text}
    return (await house.client.post("/auth/register", json=body)).status_code


async def test_an_invite_lets_one_person_in_with_its_role(house: House) -> None:
    admin = await house.as_("ada", Role.ADMIN)

    made = await invite(house, admin, role="viewer")

    assert made.status_code == 201
    assert made.json()["expires_at"] == "2026-02-07T12:00:00.000000Z"
    listed = await house.client.get("/auth/invites", headers=admin)
    assert [one["id"] for one in listed.json()["items"]] == [made.json()["id"]]
    assert made.json()["invite"] not in listed.text
    assert await register(house, made.json()["invite"], "eve") == 201
    assert await register(house, made.json()["invite"], "mallory") == 403
    me = await house.client.get("/auth/me", headers=bearer(await house.log_in("eve")))
    assert me.json()["role"] == "viewer"
    assert (await house.client.get("/auth/invites", headers=admin)).json()["items"] == []


async def test_an_invite_that_was_withdrawn_lets_nobody_in(house: House) -> None:
    admin = await house.as_("ada", Role.ADMIN)
    made = (await invite(house, admin)).json()

    withdrawn = await house.client.delete(f"/auth/invites/{made['id']}", headers=admin)
    again = await house.client.delete(f"/auth/invites/{made['id']}", headers=admin)

    assert (withdrawn.status_code, again.status_code) == (204, 404)
    assert await register(house, made["invite"], "eve") == 403


@pytest.mark.parametrize("days", [0, -1, 91])
async def test_an_invite_past_its_time_or_too_far_ahead_is_refused(house: House, days: int) -> None:
    admin = await house.as_("ada", Role.ADMIN)
    now = house.clock.now()
    house.clock.pass_by(days * 24 * 3600)
    at = iso(house.clock.now())
    house.clock.moment = now

    answer = await invite(house, admin, expires_at=at)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("role", [Role.TRADER, Role.VIEWER])
async def test_security_01_people_are_for_admins(house: House, role: Role) -> None:
    user = await house.user("ada", Role.ADMIN)
    headers = await house.as_("eve", role)

    answers = [
        await house.client.get("/users", headers=headers),
        await house.client.patch(f"/users/{user.id}", json={"role": "viewer"}, headers=headers),
        await invite(house, headers, role="admin"),
        await house.client.get("/auth/invites", headers=headers),
        await house.client.delete(f"/auth/invites/{user.id}", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5


async def test_security_04_a_role_taken_away_is_gone_with_the_next_request(house: House) -> None:
    admin = await house.as_("ada", Role.ADMIN)
    user = await house.user("eve")
    trader = bearer(await house.log_in("eve"))
    body = {"name": "x", "exchange": "binance", "market_type": "spot"}

    before = await house.client.post("/accounts", json=body, headers=trader)
    changed = await house.client.patch(f"/users/{user.id}", json={"role": "viewer"}, headers=admin)
    after = await house.client.post("/accounts", json={**body, "name": "y"}, headers=trader)

    assert changed.json()["role"] == "viewer"
    assert (before.status_code, after.status_code) == (201, 403)


async def test_security_10_a_user_who_is_switched_off_is_out_at_once(house: House) -> None:
    admin = await house.as_("ada", Role.ADMIN)
    user = await house.user("eve")
    pair = await house.log_in("eve")

    changed = await house.client.patch(
        f"/users/{user.id}", json={"is_active": False}, headers=admin
    )

    assert changed.json()["is_active"] is False
    assert (await house.client.get("/auth/me", headers=bearer(pair))).status_code == 401
    body = {"refresh_token": pair["refresh_token"]}
    assert (await house.client.post("/auth/refresh", json=body)).status_code == 401
    login = {"username": "eve", "password": PASSWORD}
    assert (await house.client.post("/auth/token", json=login)).status_code == 401


@pytest.mark.parametrize("change", [{"role": "trader"}, {"is_active": False}])
async def test_the_last_admin_stays(house: House, change: dict[str, Any]) -> None:
    user = await house.user("ada", Role.ADMIN)
    admin = bearer(await house.log_in("ada"))

    answer = await house.client.patch(f"/users/{user.id}", json=change, headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await house.client.get("/users", headers=admin)).status_code == 200


async def test_a_user_who_is_not_there_is_404(house: House) -> None:
    admin = await house.as_("ada", Role.ADMIN)

    url = "/users/00000000-0000-0000-0000-000000000000"
    answer = await house.client.patch(url, json={"role": "viewer"}, headers=admin)

    assert answer.status_code == 404
