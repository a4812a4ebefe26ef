"""Codes of an authenticator app: each once, for those who want them, with a way back."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from httpx import Response
from sqlalchemy import select

from app.accounts.models import RecoveryCode, User
from app.db.session import Database
from tests.integration.accounts.house import PASSWORD, House, bearer, open_house


class App:
    """An authenticator app that knows the secret of one user."""

    def __init__(self, house: House, uri: str) -> None:
        self._house = house
        self.secret = parse_qs(urlsplit(uri).query)["secret"][0]
        self._totp = pyotp.TOTP(self.secret)

    def code(self, steps: int = 0) -> str:
        """What it shows so many half minutes from now."""
        return self._totp.at(int(self._house.clock.now().timestamp()) + 30 * steps)


async def switched_on(house: House, username: str = "ada") -> tuple[App, list[str], dict[str, str]]:
    """A user with codes: the app, the recovery codes, and a login."""
    headers = await house.as_(username)
    begun = await house.client.post("/auth/totp", headers=headers)
    assert begun.status_code == 200, begun.text
    app = App(house, begun.json()["uri"])
    on = await house.client.post("/auth/totp/confirm", json={"code": app.code()}, headers=headers)
    assert on.status_code == 200, on.text
    house.clock.pass_by(60)
    return app, on.json()["recovery_codes"], headers


async def log_in(house: House, code: str | None = None, password: str = PASSWORD) -> Response:
    body = {"username": "ada", "password": password} | ({} if code is None else {"code": code})
    return await house.client.post("/auth/token", json=body)


def said(answer: Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


async def test_security_28_a_login_needs_the_code_once_it_was_switched_on(house: House) -> None:
    app, _, _ = await switched_on(house)

    assert said(await log_in(house)) == (401, "totp_required")
    assert said(await log_in(house, "000000")) == (401, "totp_wrong")
    assert said(await log_in(house, app.code(), "wrong")) == (401, "bad_credentials")
    assert said(await log_in(house, app.code())) == (200, None)


async def test_security_28_a_code_is_taken_once_even_by_two_at_once(house: House) -> None:
    app, _, _ = await switched_on(house)
    code = app.code()

    answers = await asyncio.gather(*(log_in(house, code) for _ in range(5)))
    house.clock.pass_by(1)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert said(await log_in(house, code)) == (401, "totp_wrong")


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_security_28_one_step_of_skew_is_allowed_and_no_more(
    house: House, steps: int, status: int
) -> None:
    app, _, _ = await switched_on(house)

    assert (await log_in(house, app.code(steps))).status_code == status


async def test_security_28_a_code_older_than_the_last_one_is_not_taken(house: House) -> None:
    app, _, _ = await switched_on(house)
    older = app.code()

    assert (await log_in(house, app.code(1))).status_code == 200
    assert said(await log_in(house, older)) == (401, "totp_wrong")


async def test_security_28_a_recovery_code_opens_once_however_it_is_written(house: House) -> None:
    _, recovery, _ = await switched_on(house)

    assert len(set(recovery)) == 10
    assert (await log_in(house, recovery[0])).status_code == 200
    assert said(await log_in(house, recovery[0])) == (401, "totp_wrong")
    written = recovery[1].upper().replace("-", " ")
    assert (await log_in(house, written)).status_code == 200


async def test_security_28_a_recovery_code_of_somebody_else_opens_nothing(house: House) -> None:
    _, others, _ = await switched_on(house, "eve")
    await switched_on(house)

    assert said(await log_in(house, others[0])) == (401, "totp_wrong")


async def test_security_28_codes_are_guesses_too(house: House) -> None:
    await switched_on(house)

    answers = [said(await log_in(house, f"{number:06}"))[0] for number in range(12)]

    assert answers == [401] * 10 + [429] * 2


async def test_security_29_with_codes_on_a_proof_is_a_code(house: House) -> None:
    app, _, _ = await switched_on(house)
    headers = bearer((await log_in(house, app.code())).json())
    house.clock.pass_by(300)

    async def prove(**body: str) -> tuple[int, str | None]:
        return said(await house.client.post("/auth/step-up", json=body, headers=headers))

    assert await prove(password=PASSWORD) == (401, "totp_required")
    assert await prove(code="000000") == (401, "totp_wrong")
    assert await prove(code=app.code()) == (200, None)
    made = await house.client.post("/auth/api-keys", json={"name": "x"}, headers=headers)
    assert made.status_code == 201


async def test_security_29_without_codes_a_code_proves_nothing(house: House) -> None:
    headers = await house.as_("ada")

    answer = await house.client.post("/auth/step-up", json={"code": "000000"}, headers=headers)

    assert said(answer) == (401, "bad_credentials")


async def test_a_secret_counts_only_once_a_code_of_it_was_right(house: House) -> None:
    headers = await house.as_("ada")
    early = await house.client.post("/auth/totp/confirm", json={"code": "1"}, headers=headers)
    await house.client.post("/auth/totp", headers=headers)

    wrong = await house.client.post("/auth/totp/confirm", json={"code": "000000"}, headers=headers)

    assert said(early) == (409, "totp_not_begun")
    assert said(wrong) == (400, "totp_wrong")
    assert (await log_in(house)).status_code == 200


async def test_codes_that_are_on_are_not_begun_anew_but_switched_off_with_a_proof(
    house: House,
) -> None:
    app, recovery, headers = await switched_on(house)

    again = await house.client.post("/auth/totp", headers=headers)
    house.clock.pass_by(300)
    stale = await house.client.delete("/auth/totp", headers=headers)
    fresh = bearer((await log_in(house, app.code())).json())
    off = await house.client.delete("/auth/totp", headers=fresh)

    assert said(again) == (409, "totp_on")
    assert said(stale) == (401, "step_up_required")
    assert off.status_code == 204
    assert (await log_in(house)).status_code == 200
    assert (await log_in(house, recovery[0])).status_code == 200  # a code too many is no harm


async def test_security_31_the_secret_is_sealed_and_recovery_codes_are_digests(
    house: House,
) -> None:
    app, recovery, _ = await switched_on(house)

    async with house.database.read() as session:
        [user] = await session.scalars(select(User))
        digests = {row.digest for row in await session.scalars(select(RecoveryCode))}

    assert user.totp_secret is not None
    assert user.totp_secret.startswith("v2:")
    assert app.secret not in user.totp_secret
    assert len(digests) == len(recovery)
    assert digests.isdisjoint(recovery)


async def test_security_28_codes_work_on_every_database(database: Database, tmp_path: Path) -> None:
    async with open_house(tmp_path, database) as house:
        app, recovery, _ = await switched_on(house)

        assert (await log_in(house, app.code())).status_code == 200
        assert said(await log_in(house, app.code())) == (401, "totp_wrong")
        assert (await log_in(house, recovery[0])).status_code == 200
