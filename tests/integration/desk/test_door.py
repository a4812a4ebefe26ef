"""A token opens the door until it is rotated, and not one alert longer."""

import asyncio
from datetime import timedelta

import pytest
from httpx import Response

from app.core.clock import iso
from app.pipeline.alarms.inbox import COMPANY
from tests.builders import an_alert
from tests.integration.desk.front import Front, new_webhook
from tests.listening import at_each_statement

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


async def rotate(front: Front, overlap_seconds: int) -> str:
    """Path of the new address; the old one works on for that long."""
    path = f"/strategies/{front.desk.strategy.id}/rotate-token"
    answer = await front.post(path, {"overlap_seconds": overlap_seconds})
    return "/webhooks/" + str(answer["webhook_url"]).partition("/webhooks/")[2]


async def knock(front: Front, *webhooks: str) -> list[int]:
    """Statuses of an alert at each, one after the other."""
    answers = [await front.client.post(one, content=an_alert(action="close")) for one in webhooks]
    await front.desk.process.settle()
    return [answer.status_code for answer in answers]


async def test_a_token_when_rotated_with_an_overlap_then_both_open_until_it_ends(
    front: Front, webhook: str
) -> None:
    assert await knock(front, webhook) == [200]
    new = await rotate(front, 60)

    assert await knock(front, webhook, new) == [200, 200]
    front.desk.clock.advance(59)
    assert await knock(front, webhook, new) == [200, 200]
    front.desk.clock.advance(1)
    assert await knock(front, webhook, new, webhook) == [404, 200, 404]
    assert await kept(front) == 6
    strategies = {one["strategy_id"] for one in (await front.get("/alarms"))["items"]}
    assert strategies == {str(front.desk.strategy.id)}


async def test_a_token_when_its_overlap_began_before_the_process_then_still_opens(
    front: Front, webhook: str
) -> None:
    """The door of a new process knows no token yet, and asks for this one first."""
    new = await rotate(front, 60)

    assert await knock(front, webhook) == [200]
    front.desk.clock.advance(60)
    assert await knock(front, webhook, new) == [404, 200]


async def test_a_token_when_it_was_rotated_twice_then_the_one_before_the_last_ends(
    front: Front, webhook: str
) -> None:
    second = await rotate(front, 3_600)
    third = await rotate(front, 60)

    assert await knock(front, webhook, second, third) == [404, 200, 200]
    fourth = await new_webhook(front)
    assert await knock(front, webhook, second, third, fourth) == [404, 404, 404, 200]


async def test_a_crowd_when_an_overlap_has_ended_then_only_the_new_token_keeps(
    front: Front, webhook: str
) -> None:
    assert await knock(front, webhook) == [200]
    new = await rotate(front, 60)
    both = [new if number % 2 else webhook for number in range(CROWD)]

    async def crowd() -> list[int]:
        answers = await asyncio.gather(
            *(front.client.post(one, content=an_alert(action="close")) for one in both)
        )
        await front.desk.process.settle()
        return [answer.status_code for answer in answers]

    assert await crowd() == [200] * CROWD
    front.desk.clock.advance(60)
    assert await crowd() == [404, 200] * (CROWD // 2)
    assert await kept(front) == 1 + CROWD + CROWD // 2


@pytest.mark.parametrize("overlap_seconds", [-1, 7 * 86_400 + 1, "soon", None])
async def test_an_overlap_is_a_number_of_seconds_up_to_a_week(
    front: Front, webhook: str, overlap_seconds: object
) -> None:
    path = f"/strategies/{front.desk.strategy.id}/rotate-token"
    await front.post(path, {"overlap_seconds": overlap_seconds}, expect=400)

    assert await knock(front, webhook) == [200]


async def test_the_tokens_of_a_strategy_are_shown_by_their_ends_with_their_last_use(
    front: Front, webhook: str
) -> None:
    path = f"/strategies/{front.desk.strategy.id}"
    await knock(front, webhook)
    used = iso(front.desk.clock.now())
    front.desk.clock.advance(10)
    new = await rotate(front, 60)
    ends = iso(front.desk.clock.now() + timedelta(seconds=60))

    shown = await front.get(f"{path}/tokens")

    newest = {"token_hint": new[-4:], "valid_until": None, "last_used_at": None}
    old = {"token_hint": webhook[-4:], "valid_until": ends, "last_used_at": used}
    assert shown == {"items": [newest, old]}
    strategy = await front.get(path)
    assert strategy["previous_token_hint"] == webhook[-4:]
    assert strategy["previous_token_until"] == ends
    [alarm] = (await front.get("/alarms"))["items"]
    assert alarm["token_hint"] == webhook[-4:]

    front.desk.clock.advance(60)
    await knock(front, new)
    assert await front.get(f"{path}/tokens") == {
        "items": [{**newest, "last_used_at": iso(front.desk.clock.now())}]
    }


async def test_an_unknown_token_is_looked_up_once_however_often_it_comes(front: Front) -> None:
    wrong = f"/webhooks/tradingview/{'x' * 43}"
    asked: list[object] = []

    with at_each_statement(front.desk.database, "previous_token_digest", asked.append):
        assert await knock(front, wrong, wrong, wrong) == [404, 404, 404]

    assert len(asked) == 1
