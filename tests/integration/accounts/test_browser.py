"""A browser's login: cookies that no script reads, and no foreign page can use."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from httpx import AsyncClient, Response

from app.accounts.cookies import ACCESS, REFRESH
from tests.integration.accounts.house import PASSWORD, House

OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "https://test", "Host": "test"}


async def log_in(client: AsyncClient, headers: dict[str, str] = OWN) -> Response:
    body = {"username": "ada", "password": PASSWORD}
    return await client.post("/auth/session", json=body, headers=headers)


def cookies(answer: Response) -> dict[str, Any]:
    """By name, as a browser would keep them."""
    jar = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return dict(jar)


def sent(answer: Response) -> dict[str, str]:
    """What a browser would send along. The client here would not: there is no TLS."""
    return {"Cookie": "; ".join(f"{name}={one.value}" for name, one in cookies(answer).items())}


async def test_security_12_cookies_are_for_this_host_alone_and_for_no_script(house: House) -> None:
    await house.user("ada")

    opened = await log_in(house.client)
    refreshed = await house.client.post("/auth/session/refresh", headers={**OWN, **sent(opened)})
    closed = await house.client.delete("/auth/session", headers={**OWN, **sent(refreshed)})

    for answer, lives in ((opened, True), (refreshed, True), (closed, False)):
        assert answer.status_code == 200
        assert set(cookies(answer)) == {ACCESS, REFRESH}
        for name, cookie in cookies(answer).items():
            assert name.startswith("__Host-")
            assert cookie["httponly"] is True
            assert cookie["secure"] is True
            assert cookie["samesite"] == "strict"
            assert (cookie["path"], cookie["domain"]) == ("/", "")
            assert (int(cookie["max-age"]) > 0) is lives
            assert cookie.value not in answer.text or not lives


async def test_security_12_cookies_log_in_and_out(house: House) -> None:
    await house.user("ada")
    kept = sent(await log_in(house.client))

    me = await house.client.get("/auth/me", headers=kept)
    closed = await house.client.delete("/auth/session", headers={**OWN, **kept})
    after = await house.client.get("/auth/me", headers=kept)
    refreshed = await house.client.post("/auth/session/refresh", headers={**OWN, **kept})

    assert (me.status_code, me.json()["username"]) == (200, "ada")
    assert closed.json()["is_logged_in"] is False
    assert (after.status_code, refreshed.status_code) == (401, 401)


FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://test"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.test"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://test.evil.example"},
    {"Origin": "https://eviltest"},
    {"Origin": "https://test:444"},
    {"Origin": "https://test@evil.example"},
    {"Origin": "https://[test"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Referer": "https://test/app"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_security_13_a_foreign_page_changes_nothing_with_our_cookie(
    house: House, headers: dict[str, str], content_type: str | None
) -> None:
    await house.user("ada")
    kept = sent(await log_in(house.client))
    typed = {} if content_type is None else {"Content-Type": content_type}

    answer = await house.client.post(
        "/accounts",
        content=b'{"name":"x","exchange":"binance","market_type":"spot"}',
        headers={**kept, **headers, **typed},
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    listed = await house.client.get("/accounts", headers=kept)
    assert listed.json()["items"] == []


@pytest.mark.parametrize("headers", FOREIGN)
async def test_security_13_a_foreign_page_logs_nobody_in(
    house: House, headers: dict[str, str]
) -> None:
    await house.user("ada")

    answer = await log_in(house.client, headers)

    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (403, [])


@pytest.mark.parametrize(
    "headers",
    [OWN, {"Origin": "https://test"}, {"Origin": "http://TEST"}, {"Sec-Fetch-Site": "same-origin"}],
)
async def test_our_own_page_changes_things_with_its_cookie(
    house: House, headers: dict[str, str]
) -> None:
    await house.user("ada")
    kept = sent(await log_in(house.client))

    body = {"name": "x", "exchange": "binance", "market_type": "spot"}
    answer = await house.client.post("/accounts", json=body, headers={**kept, **headers})

    assert answer.status_code == 201


async def test_a_bearer_token_needs_no_origin_and_wins_over_a_cookie(house: House) -> None:
    bearer = await house.as_("eve")
    await house.user("ada")
    kept = sent(await log_in(house.client))

    me = await house.client.get("/auth/me", headers={**kept, **bearer})
    wrong = await house.client.get("/auth/me", headers={**kept, "Authorization": "Bearer x.y.z"})

    assert me.json()["username"] == "eve"
    assert wrong.status_code == 401


async def test_security_09_a_refresh_cookie_is_no_access_cookie(house: House) -> None:
    await house.user("ada")
    jar = cookies(await log_in(house.client))

    swapped = {"Cookie": f"{ACCESS}={jar[REFRESH].value}; {REFRESH}={jar[ACCESS].value}"}
    me = await house.client.get("/auth/me", headers=swapped)
    refreshed = await house.client.post("/auth/session/refresh", headers={**OWN, **swapped})

    assert (me.status_code, refreshed.status_code) == (401, 401)
