"""A token opens the door until it is rotated, and not one alert longer."""

import asyncio

from httpx import Response

from app.pipeline.alarms.inbox import COMPANY
from tests.builders import an_alert
from tests.integration.desk.front import Front, new_webhook

CROWD = 2 * COMPANY


async def kept(front: Front) -> int:
    return len((await front.get("/alarms"))["items"])


def is_like_nothing(answer: Response, stranger: Response) -> bool:
    """Whether it tells as little as the answer to a token that never was."""
    said, same = ({**one.json(), "request_id": None} for one in (answer, stranger))
    return answer.status_code == stranger.status_code == 404 and said == same


async def test_a_token_when_it_was_rotated_then_opens_no_more(front: Front, webhook: str) -> None:
    first, refused, other = (an_alert(action="close") for _ in range(3))
    assert (await front.client.post(webhook, content=first)).status_code == 200
    new = await new_webhook(front)

    old = await front.client.post(webhook, content=refused)
    again = await front.client.post(webhook, content=other)

    stranger = await front.client.post(f"{new[:-4]}xxxx", content=refused)
    assert is_like_nothing(old, stranger)
    assert is_like_nothing(again, stranger)
    assert await kept(front) == 1
    assert (await front.client.post(new, content=refused)).status_code == 200
    assert await kept(front) == 2


async def test_a_crowd_when_some_come_with_the_old_token_then_only_the_others_are_kept(
    front: Front, webhook: str
) -> None:
    """They share a transaction with the others, and are turned away all the same."""
    assert (await front.client.post(webhook, content=an_alert(action="close"))).status_code == 200
    new = await new_webhook(front)

    answers = await asyncio.gather(
        *(
            front.client.post(new if number % 2 else webhook, content=an_alert(action="close"))
            for number in range(1, CROWD + 1)
        )
    )

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 404] * (CROWD // 2)
    await front.desk.process.settle()
    assert await kept(front) == 1 + CROWD // 2
