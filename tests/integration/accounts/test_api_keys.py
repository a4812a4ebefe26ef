from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import iso
from app.http.caller import Role
from tests.integration.accounts.house import House, bearer


async def a_key(house: House, headers: dict[str, str], **fields: Any) -> dict[str, str]:
    answer = await house.client.post(
        "/auth/api-keys", json={"name": "script", **fields}, headers=headers
    )
    assert answer.status_code == 201, answer.text
    key: dict[str, str] = answer.json()
    return key


async def log_in(house: House, key: dict[str, str]) -> Any:
    body = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
    return await house.client.post("/auth/login", json=body)


async def test_api_key_logs_in_and_shows_its_secret_once(house: House) -> None:
    headers = await house.as_("ada")
    key = await a_key(house, headers)

    answer = await log_in(house, key)

    assert set(key) == {"id", "api_key", "api_secret"}
    assert answer.status_code == 200
    assert (await house.client.get("/auth/me", headers=bearer(answer.json()))).status_code == 200
    listed = await house.client.get("/auth/api-keys", headers=headers)
    (item,) = listed.json()["items"]
    assert item["api_key"] == key["api_key"]
    assert item["last_used_at"] == iso(house.clock.now())
    assert key["api_secret"] not in listed.text


@pytest.mark.parametrize("field", ["api_key", "api_secret"])
async def test_login_with_one_half_wrong_is_refused(house: House, field: str) -> None:
    key = await a_key(house, await house.as_("ada"))

    answer = await log_in(house, {**key, field: "wrong"})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")


async def test_login_with_a_key_past_its_time_is_refused_and_cannot_be_refreshed(
    house: House,
) -> None:
    until = iso(house.clock.now() + timedelta(seconds=60))
    key = await a_key(house, await house.as_("ada"), expires_at=until)
    pair = (await log_in(house, key)).json()
    house.clock.pass_by(60)

    refreshed = await house.client.post(
        "/auth/refresh", json={"refresh_token": pair["refresh_token"]}
    )

    assert (await log_in(house, key)).status_code == 401
    assert refreshed.status_code == 401


async def test_deleted_key_ends_its_logins_at_once(house: House) -> None:
    headers = await house.as_("ada")
    key = await a_key(house, headers)
    pair = (await log_in(house, key)).json()

    answer = await house.client.delete(f"/auth/api-keys/{key['id']}", headers=headers)

    assert answer.status_code == 204
    assert (await log_in(house, key)).status_code == 401
    assert (await house.client.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert (await house.client.get("/auth/me", headers=headers)).status_code == 200
    again = await house.client.delete(f"/auth/api-keys/{key['id']}", headers=headers)
    assert again.status_code == 404


async def test_somebody_elses_key_is_not_there(house: House) -> None:
    key = await a_key(house, await house.as_("ada"))
    eve = await house.as_("eve")

    answer = await house.client.delete(f"/auth/api-keys/{key['id']}", headers=eve)

    assert answer.status_code == 404
    assert (await house.client.get("/auth/api-keys", headers=eve)).json()["items"] == []


async def test_scopes_narrow_what_a_login_may_do_also_after_a_refresh(house: House) -> None:
    headers = await house.as_("root", Role.ADMIN)
    key = await a_key(house, headers, scopes=["READ"])
    pair = (await log_in(house, key)).json()
    refreshed = await house.client.post(
        "/auth/refresh", json={"refresh_token": pair["refresh_token"]}
    )

    for narrowed in (pair, refreshed.json()):
        me = await house.client.get("/auth/me", headers=bearer(narrowed))
        assert me.json()["role"] == "viewer"
        acted = await house.client.post(
            "/accounts",
            json={"name": "x", "exchange": "binance", "market_type": "spot"},
            headers=bearer(narrowed),
        )
        assert (acted.status_code, acted.json()["code"]) == (403, "forbidden")


async def test_nobody_gives_away_more_than_they_have(house: House) -> None:
    headers = await house.as_("ada")

    wider = await house.client.post(
        "/auth/api-keys", json={"name": "x", "scopes": ["admin"]}, headers=headers
    )

    assert wider.status_code == 403


async def test_a_key_makes_no_keys(house: House) -> None:
    headers = await house.as_("ada", Role.ADMIN)
    by_key = bearer((await log_in(house, await a_key(house, headers))).json())

    child = await house.client.post("/auth/api-keys", json={"name": "x"}, headers=by_key)

    assert (child.status_code, child.json()["code"]) == (403, "person_required")


async def test_a_key_that_is_bound_works_from_its_addresses_alone(house: House) -> None:
    headers = await house.as_("ada")
    key = await a_key(house, headers, allowed_ips=["203.0.113.7", "2001:db8::/64"])
    sources = {"203.0.113.7": 200, "203.0.113.8": 401, "2001:db8::1": 200, "2001:db8:0:1::1": 401}

    answers = {}
    for source in sources:
        async with house.from_(source) as client:
            body = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
            answers[source] = (await client.post("/auth/login", json=body)).status_code

    assert answers == sources


async def test_a_login_of_a_bound_key_is_worth_nothing_elsewhere(house: House) -> None:
    key = await a_key(house, await house.as_("ada"), allowed_ips=["203.0.113.7"])
    async with house.from_("203.0.113.7") as client:
        body = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
        pair = (await client.post("/auth/login", json=body)).json()
        here = await client.get("/auth/me", headers=bearer(pair))

    elsewhere = await house.client.get("/auth/me", headers=bearer(pair))

    assert (here.status_code, elsewhere.status_code) == (200, 401)


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": []},
        {"scopes": ["fly"]},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"name": " "},
        {"allowed_ips": []},
        {"allowed_ips": ["everywhere"]},
        {"allowed_ips": ["203.0.113.7/8"]},
        {"expires_at": "2030-01-01T00:00:00"},
    ],
)
async def test_key_that_makes_no_sense_is_400(house: House, fields: dict[str, Any]) -> None:
    headers = await house.as_("ada")

    answer = await house.client.post("/auth/api-keys", json={"name": "x"} | fields, headers=headers)

    assert answer.status_code == 400
