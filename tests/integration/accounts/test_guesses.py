"""Guessing is slow, for whoever guesses; the owner gets in all the same."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.accounts import guesses
from app.accounts.guesses import OF_NAME, OF_NETWORK, Guess, Guesses, Patience
from app.accounts.models import GuessCount
from app.core.errors import TooMany
from app.db.session import Database
from tests.integration.accounts.house import PASSWORD, House

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def guess(client: AsyncClient, username: str = "ada", password: str = "wrong") -> int:  # noqa: S107 the wrong one
    answer = await client.post("/auth/token", json={"username": username, "password": password})
    return answer.status_code


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(9, 0), (10, 1), (11, 2), (14, 16), (15, 30), (10**6, 30)]
)
def test_the_pause_doubles_up_to_its_longest(attempts: int, seconds: int) -> None:
    assert Patience(free=10, longest=30).pause_after(attempts) == timedelta(seconds=seconds)


async def test_security_26_guesses_at_one_name_from_everywhere_are_slowed_down(
    house: House,
) -> None:
    await house.user("ada")

    answers = []
    for number in range(OF_NAME.free + 20):
        async with house.from_(f"203.0.113.{number}") as client:
            answers.append(await guess(client))

    assert answers == [401] * OF_NAME.free + [429] * 20


async def test_security_26_the_right_password_opens_after_the_pause(house: House) -> None:
    await house.user("ada")
    async with house.from_("203.0.113.7") as client:
        while await guess(client) != 429:
            pass
        refused = await client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
        house.clock.pass_by(int(refused.headers["Retry-After"]))

        assert refused.json()["code"] == "too_many_attempts"
        assert await guess(client, password=PASSWORD) == 200
        assert await guess(client) == 401  # and all is forgotten


async def test_security_26_strangers_do_not_slow_down_an_owner_who_was_here_before(
    house: House,
) -> None:
    await house.user("ada")
    async with house.from_("198.51.100.1") as owner:
        assert await guess(owner, password=PASSWORD) == 200
        async with house.from_("203.0.113.7") as stranger:
            while await guess(stranger) != 429:
                pass

        assert await guess(owner, password=PASSWORD) == 200


async def test_security_26_guesses_at_many_names_from_one_network_are_slowed_down(
    house: House,
) -> None:
    await house.user("eve")
    answers = []
    async with house.from_("2001:db8::1") as one, house.from_("2001:db8::2") as other:
        for number in range(OF_NETWORK.free + 5):
            answers.append(await guess(one if number % 2 else other, f"user{number}"))
            # One's own login in between does not wash the others away.
            if number == OF_NETWORK.free // 2:
                assert await guess(one, "eve", PASSWORD) == 200

    assert answers.count(429) >= 4
    assert answers[:40] == [401] * 40


async def test_security_26_proving_and_changing_a_password_are_guesses_too(house: House) -> None:
    headers = await house.as_("ada")
    answers = []
    for number in range(OF_NAME.free + 2):
        path, field = [("step-up", "password"), ("password", "current_password")][number % 2]
        body = {field: "wrong"} | ({"new_password": "another long one"} if number % 2 else {})
        answer = await house.client.post(f"/auth/{path}", json=body, headers=headers)
        answers.append(answer.status_code)

    assert answers == [401] * OF_NAME.free + [429] * 2


async def test_security_26_a_crowd_gets_no_more_chances_than_one_after_the_other(
    database: Database,
) -> None:
    one, other = Guesses(database), Guesses(database)

    async def admitted(number: int) -> bool:
        guessing = Guess("Ada" if number % 2 else "ada", f"203.0.113.{number}")
        try:
            await (one if number % 3 else other).admit(guessing, now=NOW)
        except TooMany:
            return False
        return True

    came_in = await asyncio.gather(*(admitted(number) for number in range(60)))

    assert sum(came_in) == OF_NAME.free


async def test_old_counts_are_dropped(database: Database) -> None:
    await Guesses(database).admit(Guess("ada", "203.0.113.7"), now=NOW)

    async with database.transaction() as session:
        await guesses.forget_old(session, now=NOW + timedelta(days=31))

    async with database.read() as session:
        assert (await session.scalars(select(GuessCount))).all() == []
