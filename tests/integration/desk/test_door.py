"""A token opens the door until it is rotated, and not one alert longer."""

import asyncio
import json

from httpx import Response

from app.pipeline.alarms.inbox import COMPANY
from tests.integration.desk.front import Front

CROWD = 2 * COMPANY


def an_exit(number: int) -> bytes:
    """An alert of its own that asks for nothing where nothing is open."""
    return json.dumps({"symbol": "BTCUSDT.P", "action": "close", "id": str(number)}).encode()


async def rotated(front: Front) -> str:
    """The path of the strategy's webhook from now on."""
    answer = await front.post(f"/strategies/{front.desk.strategy.id}/rotate-token")
    return "/webhooks/" + str(answer["webhook_url"]).partition("/webhooks/")[2]


async def kept(front: Front) -> int:
    return len((await front.get("/alarms"))["items"])


def is_like_nothing(answer: Response, stranger: Response) -> bool:
    """Whether it tells as little as the answer to a token that never was."""
    said, same = ({**one.json(), "request_id": None} for one in (answer, stranger))
    return answer.status_code == stranger.status_code == 404 and said == same


async def test_a_token_when_it_was_rotated_then_opens_no_more(front: Front, webhook: str) -> None:
    assert (await front.client.post(webhook, content=an_exit(1))).status_code == 200
    new = await rotated(front)

    old = await front.client.post(webhook, content=an_exit(2))
    again = await front.client.post(webhook, content=an_exit(3))

    stranger = await front.client.post(f"{new[:-4]}xxxx", content=an_exit(2))
    assert is_like_nothing(old, stranger)
    assert is_like_nothing(again, stranger)
    assert await kept(front) == 1
    assert (await front.client.post(new, content=an_exit(2))).status_code == 200
    assert await kept(front) == 2


async def test_a_crowd_when_some_come_with_the_old_token_then_only_the_others_are_kept(
    front: Front, webhook: str
) -> None:
    """They share a transaction with the others, and are turned away all the same."""
    assert (await front.client.post(webhook, content=an_exit(0))).status_code == 200
    new = await rotated(front)

    answers = await asyncio.gather(
        *(
            front.client.post(new if number % 2 else webhook, content=an_exit(number))
            for number in range(1, CROWD + 1)
        )
    )

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 404] * (CROWD // 2)
    await front.desk.process.settle()
    assert await kept(front) == 1 + CROWD // 2
