import pytest
from argon2 import PasswordHasher

from app.accounts import passwords, repository, service
from tests.integration.accounts.house import PASSWORD, House, bearer


@pytest.mark.parametrize("kind", ["json", "form"])
async def test_token_with_the_right_password_opens_the_door(house: House, kind: str) -> None:
    user = await house.user("ada")

    sent = {"username": "Ada", "password": PASSWORD}
    answer = await (
        house.client.post("/auth/token", json=sent)
        if kind == "json"
        else house.client.post("/auth/token", data={**sent, "grant_type": "password"})
    )

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 600
    me = await house.client.get("/auth/me", headers=bearer(answer.json()))
    assert me.json() == {
        "id": str(user.id),
        "username": "ada",
        "role": "trader",
        "timezone": "Europe/Berlin",
    }


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("ada", "x" * 5000)]
)
async def test_security_27_wrong_credentials_are_refused_alike(
    house: House, username: str, password: str
) -> None:
    await house.user("ada")

    answer = await house.client.post(
        "/auth/token", json={"username": username, "password": password}
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "bad_credentials"
    assert answer.json()["detail"] == "Wrong name, key or password."


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"username":"a\\u0000b","password":"x"}'])
async def test_token_with_a_body_that_makes_no_sense_is_400(house: House, body: bytes) -> None:
    answer = await house.client.post(
        "/auth/token", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


async def test_token_of_a_user_who_was_switched_off_is_refused(house: House) -> None:
    headers = await house.as_("ada")
    async with house.database.transaction() as session:
        user = await repository.user_named(session, "ada")
        assert user is not None
        user.is_active = False

    assert (await house.client.get("/auth/me", headers=headers)).status_code == 401
    again = await house.client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
    assert again.json()["code"] == "bad_credentials"


async def test_security_30_login_with_an_outdated_hash_stores_a_newer_one(house: House) -> None:
    user = await house.user("ada")
    # The parameters of a weaker time: 8 MiB, one pass.
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with house.database.transaction() as session:
        row = await repository.user_by_id(session, user.id)
        assert row is not None
        row.password_hash = weak

    await house.log_in("ada")

    async with house.database.read() as session:
        row = await repository.user_by_id(session, user.id)
        assert row is not None
        assert row.password_hash != weak
        assert not passwords.is_outdated(row.password_hash)


async def test_access_token_past_its_time_says_so(house: House) -> None:
    headers = await house.as_("ada")
    house.clock.pass_by(600)

    answer = await house.client.get("/auth/me", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "token_expired"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z"])
async def test_route_without_a_token_of_ours_is_refused(house: House, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    for path in ("/auth/me", "/accounts", "/audit", "/auth/api-keys"):
        answer = await house.client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"


async def test_refresh_gives_a_new_pair_that_works(house: House) -> None:
    await house.user("ada")
    first = await house.log_in("ada")

    answer = await house.client.post(
        "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != first["refresh_token"]
    assert (await house.client.get("/auth/me", headers=bearer(answer.json()))).status_code == 200


async def test_security_11_refresh_twice_within_the_grace_serves_both_tabs(house: House) -> None:
    await house.user("ada")
    first = await house.log_in("ada")
    body = {"refresh_token": first["refresh_token"]}

    one = await house.client.post("/auth/refresh", json=body)
    house.clock.pass_by(10)
    two = await house.client.post("/auth/refresh", json=body)

    assert (one.status_code, two.status_code) == (200, 200)
    for pair in (one.json(), two.json()):
        assert (await house.client.get("/auth/me", headers=bearer(pair))).status_code == 200


async def test_security_11_refresh_with_a_used_token_after_the_grace_ends_the_whole_login(
    house: House,
) -> None:
    await house.user("ada")
    first = await house.log_in("ada")
    second = await house.client.post(
        "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )
    house.clock.pass_by(11)

    stolen = await house.client.post(
        "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )

    assert stolen.status_code == 401
    assert stolen.json()["code"] == "refresh_invalid"
    owner = await house.client.post(
        "/auth/refresh", json={"refresh_token": second.json()["refresh_token"]}
    )
    assert owner.status_code == 401
    still = await house.client.get("/auth/me", headers=bearer(second.json()))
    assert still.status_code == 401
    other = await house.client.get("/auth/me", headers=bearer(await house.log_in("ada")))
    assert other.status_code == 200


async def test_refresh_past_its_time_is_refused(house: House) -> None:
    await house.user("ada")
    first = await house.log_in("ada")
    house.clock.pass_by(30 * 24 * 3600)

    answer = await house.client.post(
        "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )

    assert answer.status_code == 401


async def test_security_09_a_refresh_token_is_no_access_token_and_the_other_way_round(
    house: House,
) -> None:
    await house.user("ada")
    pair = await house.log_in("ada")

    as_access = await house.client.get(
        "/auth/me", headers={"Authorization": f"Bearer {pair['refresh_token']}"}
    )
    as_refresh = await house.client.post(
        "/auth/refresh", json={"refresh_token": pair["access_token"]}
    )

    assert as_access.status_code == 401
    assert as_refresh.status_code == 401


async def test_security_10_logout_ends_access_and_refresh_at_once(house: House) -> None:
    await house.user("ada")
    pair, other = await house.log_in("ada"), await house.log_in("ada")
    body = {"refresh_token": pair["refresh_token"]}

    answer = await house.client.post("/auth/logout", json=body, headers=bearer(pair))

    assert answer.status_code == 200
    assert (await house.client.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert (await house.client.post("/auth/refresh", json=body)).status_code == 401
    assert (await house.client.get("/auth/me", headers=bearer(other))).status_code == 200


async def test_logout_with_somebody_elses_token_changes_nothing(house: House) -> None:
    await house.user("ada")
    victim = await house.log_in("ada")
    headers = await house.as_("eve")

    answer = await house.client.post(
        "/auth/logout", json={"refresh_token": victim["refresh_token"]}, headers=headers
    )

    assert answer.status_code == 200
    assert (await house.client.get("/auth/me", headers=bearer(victim))).status_code == 200


async def test_password_change_ends_every_login(house: House) -> None:
    await house.user("ada")
    pair = await house.log_in("ada")
    newer = await passwords.hash_password("another long password")
    async with house.database.transaction() as session:
        user = await repository.user_named(session, "ada")
        assert user is not None
        await service.change_password(session, user, password_hash=newer, now=house.clock.now())

    assert (await house.client.get("/auth/me", headers=bearer(pair))).status_code == 401
    refreshed = await house.client.post(
        "/auth/refresh", json={"refresh_token": pair["refresh_token"]}
    )
    assert refreshed.status_code == 401
