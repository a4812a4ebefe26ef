"""The door counts before it asks the database: by address, by token, and what is guessed."""

import asyncio
from dataclasses import replace

import pytest
from httpx import Response

from app.core.errors import NotFound
from app.strategies.service import token_digest
from app.webhooks.service import Door
from tests.builders import a_strategy, an_alert
from tests.integration.desk.front import Front, new_webhook
from tests.listening import at_each_statement

HOOK = "/webhooks/tradingview"
LOCAL = "127.0.0.1"


@pytest.fixture
def front(sqlite_front: Front) -> Front:
    """What is counted here depends on no database."""
    return sqlite_front


def limit(front: Front, **settings: int) -> Door:
    """A new door with other limits, in the place of the old one."""
    tools = front.desk.tools
    door = Door(replace(tools, settings=tools.settings.model_copy(update=settings)))
    front.app.state.door = door
    return door


async def deliver(front: Front, url: str, body: bytes | None = None) -> Response:
    answer = await front.client.post(url, content=body or an_alert(action="close"))
    await front.desk.process.settle()
    return answer


async def statuses(front: Front, *urls: str) -> list[int]:
    return [(await deliver(front, url)).status_code for url in urls]


def a_guess(number: int) -> str:
    return f"{HOOK}/{number:043d}"


async def test_security_25_a_token_when_it_brings_too_much_then_is_told_to_wait(
    front: Front, webhook: str
) -> None:
    other = a_strategy(
        front.desk.user.id,
        front.desk.account.id,
        front.desk.clock.now(),
        token_digest=token_digest("another"),
    )
    await front.desk.keep(other)
    limit(front, webhook_token_per_minute=2)
    assert await statuses(front, webhook, webhook) == [200, 200]
    asked: list[object] = []

    with at_each_statement(front.desk.database, "", asked.append):
        answer = await deliver(front, webhook)

    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many"
    assert 0 < int(answer.headers["Retry-After"]) <= 30
    assert asked == []
    assert await statuses(front, f"{HOOK}/another") == [200]
    assert len(await front.desk.alarms()) == 3


async def test_security_25_an_address_when_it_sends_too_much_then_is_told_to_wait(
    front: Front, webhook: str
) -> None:
    """Whatever it sends: the right token, a wrong one, or one inside the body."""
    limit(front, webhook_address_per_minute=3)
    assert await statuses(front, webhook, a_guess(1), webhook) == [200, 404, 200]
    asked: list[object] = []

    with at_each_statement(front.desk.database, "", asked.append):
        answers = [await deliver(front, url) for url in (webhook, a_guess(2), HOOK)]

    assert [one.status_code for one in answers] == [429] * 3
    assert all(one.headers["Retry-After"] for one in answers)
    assert asked == []


async def test_security_25_who_guesses_tokens_is_stopped_and_tokens_in_use_are_not(
    front: Front, webhook: str
) -> None:
    limit(front, webhook_guesses_per_minute=2)
    assert await statuses(front, webhook, a_guess(1), a_guess(2)) == [200, 404, 404]
    asked: list[object] = []

    with at_each_statement(front.desk.database, "token_digest", asked.append):
        guesses = await statuses(front, *map(a_guess, range(3, 9)))
        inside = await deliver(front, HOOK, b'{"symbol":"BTCUSDT","secret":"0123456789"}')
        # What was unknown once is known to be, and told the same.
        again = await statuses(front, a_guess(1), a_guess(2))

    assert guesses == [429] * 6
    assert inside.status_code == 429
    assert again == [404, 404]
    assert asked == []
    assert await statuses(front, webhook) == [200]


async def test_security_25_another_address_has_guesses_of_its_own(front: Front) -> None:
    door = limit(front, webhook_guesses_per_minute=1)
    assert await statuses(front, a_guess(1), a_guess(2)) == [404, 429]

    with pytest.raises(NotFound):
        await door.admit("another guess", sender="52.89.214.238")


async def test_security_25_guesses_fill_no_memory(front: Front) -> None:
    door = Door(front.desk.tools, most_remembered=20)
    guesses = [door.admit(f"guess {number}", sender=LOCAL) for number in range(100)]

    answers = await asyncio.gather(*guesses, return_exceptions=True)

    assert {type(one) for one in answers} == {NotFound}
    assert door.remembered == 20


async def test_security_25_what_a_trader_sends_at_a_bar_close_meets_no_limit(
    front: Front,
) -> None:
    """Two thousand from one address with one token, as the defaults are."""
    webhook = await new_webhook(front)
    door: Door = front.app.state.door
    token = webhook.rpartition("/")[2]
    for _ in range(2_000):
        door.greet(LOCAL)
        await door.admit(token, sender=LOCAL)
