"""What the sender of an alert hears when it could not be kept."""

from tests.builders import an_alert
from tests.integration.desk.front import Front
from tests.listening import at_each_commit, no_space_left

ERRORS = range(500, 600)


async def deliver(front: Front, webhook: str) -> int:
    answer = await front.client.post(webhook, content=an_alert())
    await front.desk.process.settle()
    return answer.status_code


async def test_an_alert_that_could_not_be_kept_is_no_success_and_counts_when_it_comes_again(
    front: Front, webhook: str
) -> None:
    with at_each_commit(front.desk.database, no_space_left):
        status = await deliver(front, webhook)
    assert status in ERRORS
    assert await front.desk.alarms() == []

    assert await deliver(front, webhook) == 200
    [alarm] = await front.desk.alarms()
    assert alarm.deliveries == 1
