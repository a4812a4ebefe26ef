"""What a stolen login must not do takes the password once more."""

from typing import Any

import pytest

from app.http.caller import Role
from tests.integration.accounts.house import PASSWORD, House, bearer
from tests.integration.accounts.test_api_keys import a_key, log_in

ACCOUNT = {"name": "main", "exchange": "binance", "market_type": "spot"}
VENUE_KEYS = {"api_key": "venue-key", "api_secret": "venue-secret"}
# Each takes a proof; `{…}` is the id of a row made beforehand.
SENSITIVE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/accounts", {**ACCOUNT, "name": "second", **VENUE_KEYS}),
    ("PATCH", "/accounts/{account}", VENUE_KEYS),
    ("POST", "/auth/api-keys", {"name": "script"}),
    ("POST", "/auth/invites", {"role": "admin"}),
    ("PATCH", "/users/{user}", {"role": "admin"}),
)


async def prove(house: House, headers: dict[str, str], password: str = PASSWORD) -> Any:
    return await house.client.post("/auth/step-up", json={"password": password}, headers=headers)


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE)
async def test_security_29_what_is_sensitive_takes_a_fresh_proof(
    house: House, method: str, path: str, body: dict[str, Any]
) -> None:
    user = await house.user("eve")
    headers = await house.as_("ada", Role.ADMIN)
    made = await house.client.post("/accounts", json=ACCOUNT, headers=headers)
    url = path.format(account=made.json()["id"], user=user.id)
    house.clock.pass_by(300)

    stale = await house.client.request(method, url, json=body, headers=headers)
    proven = await prove(house, headers)
    fresh = await house.client.request(method, url, json=body, headers=headers)

    assert (stale.status_code, stale.json()["code"]) == (401, "step_up_required")
    assert proven.json() == {"proven_until": "2026-01-31T12:10:00.000000Z"}
    assert fresh.status_code in {200, 201}


async def test_security_29_a_proof_is_of_one_login_and_ends_with_its_minutes(house: House) -> None:
    headers = await house.as_("ada")
    other = bearer(await house.log_in("ada"))
    house.clock.pass_by(299)
    await prove(house, headers)
    house.clock.pass_by(1)

    async def status(who: dict[str, str]) -> int:
        body = {"name": "script"}
        return (await house.client.post("/auth/api-keys", json=body, headers=who)).status_code

    assert (await status(headers), await status(other)) == (201, 401)
    house.clock.pass_by(299)
    assert await status(headers) == 401


async def test_security_29_a_wrong_password_proves_nothing(house: House) -> None:
    headers = await house.as_("ada")
    house.clock.pass_by(300)

    answer = await prove(house, headers, "wrong")

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
    again = await house.client.post("/auth/api-keys", json={"name": "x"}, headers=headers)
    assert again.status_code == 401


async def test_security_29_a_login_by_key_never_proves_that_a_person_is_there(house: House) -> None:
    key = await a_key(house, await house.as_("ada"))
    headers = bearer((await log_in(house, key)).json())

    answer = await prove(house, headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")


async def test_security_10_a_password_change_ends_every_login_and_begins_one(house: House) -> None:
    headers = await house.as_("ada")
    other = await house.log_in("ada")

    answer = await house.client.post(
        "/auth/password",
        json={"current_password": PASSWORD, "new_password": "another long password"},
        headers=headers,
    )

    assert answer.status_code == 200
    for old in (headers, bearer(other)):
        assert (await house.client.get("/auth/me", headers=old)).status_code == 401
    refresh = {"refresh_token": other["refresh_token"]}
    assert (await house.client.post("/auth/refresh", json=refresh)).status_code == 401
    assert (await house.client.get("/auth/me", headers=bearer(answer.json()))).status_code == 200
    sent = {"username": "ada", "password": "another long password"}
    assert (await house.client.post("/auth/token", json=sent)).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current_password": "wrong", "new_password": "another long one"}, 401, "bad_credentials"),
        ({"current_password": PASSWORD, "new_password": "short"}, 400, "password_too_short"),
        ({"current_password": PASSWORD, "new_password": "x" * 1025}, 400, "password_too_long"),
        ({"new_password": "another long one"}, 400, "invalid"),
    ],
)
async def test_a_password_change_that_is_refused_changes_nothing(
    house: House, body: dict[str, str], status: int, code: str
) -> None:
    headers = await house.as_("ada")

    answer = await house.client.post("/auth/password", json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await house.client.get("/auth/me", headers=headers)).status_code == 200


async def test_security_10_a_login_ends_at_its_longest_however_much_it_is_used(
    house: House,
) -> None:
    await house.user("ada")
    pair = await house.log_in("ada")
    days = 0
    while True:
        house.clock.pass_by(29 * 24 * 3600)
        days += 29
        body = {"refresh_token": pair["refresh_token"]}
        answer = await house.client.post("/auth/refresh", json=body)
        if answer.status_code != 200:
            break
        pair = answer.json()

    assert (days, answer.json()["code"]) == (116, "refresh_invalid")
