"""Whatever happens to an alert is told, and each object as its own route answers it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.db.outbox import told_tables
from app.db.session import Database
from app.events.hub import EventHub
from app.events.listener import Listener, Subject
from app.events.shown import kinds, shown
from app.notifications.models import Severity
from app.notifications.service import tell
from app.strategies.words import Approval
from tests.builders import an_alert
from tests.integration.desk.front import Front, new_webhook, open_front

# Where an object of each kind is answered.
ONE = {"signal": "/signals/{}", "order": "/orders/{}", "position": "/positions/{}"}
LISTS = {"alarm": "/alarms", "notice": "/notices", "pnl": "/pnl/daily"}


@pytest.fixture
async def auto_front(database: Database) -> AsyncIterator[Front]:
    """A trader whose strategy approves by itself."""
    async with open_front(database, approval=Approval.AUTO) as opened:
        yield opened


@asynccontextmanager
async def listening(front: Front) -> AsyncIterator[tuple[EventHub, Listener]]:
    hub = EventHub(front.desk.database, look_seconds=60)
    async with hub.listening(front.desk.user.id, None) as listener:
        listener.take_reset()
        yield hub, listener


async def told(front: Front, hub: EventHub, listener: Listener) -> list[Subject]:
    """What has changed since, once everything has come to rest."""
    await front.desk.process.settle()
    await hub.look()
    return [subject for subject, _ in listener.take(1_000)]


async def objects(front: Front, subjects: list[Subject]) -> Mapping[Subject, Any]:
    async with front.desk.database.read() as session:
        rows = await shown(session, front.desk.tools, front.desk.user.id, subjects)
    return {subject: row.model_dump(mode="json") for subject, row in rows.items()}


async def test_the_whole_way_of_an_alert_is_told_as_the_api_answers_it(
    auto_front: Front,
) -> None:
    front, desk = auto_front, auto_front.desk
    async with listening(front) as (hub, listener):
        await desk.alert(stop_loss="58000")
        entered = await told(front, hub, listener)
        [position] = await desk.positions()
        await front.post(f"/positions/{position.id}/close")
        async with desk.database.transaction() as session:
            await tell(
                session,
                user_id=desk.user.id,
                severity=Severity.INFO,
                code="test",
                subject_kind="position",
                subject_id=str(position.id),
                text="A test.",
                now=desk.clock.now(),
            )
        left = await told(front, hub, listener)
    found = await objects(front, [*entered, *left])

    assert {"alarm", "signal", "order", "position"} == {kind for kind, _ in entered}
    assert {"order", "position", "pnl", "notice"} == {kind for kind, _ in left}
    assert set(found) == {*entered, *left}
    for (kind, name), row in found.items():
        if kind in ONE:
            assert row == await front.get(ONE[kind].format(name)), kind
        else:
            assert row in (await front.get(LISTS[kind]))["items"], kind


async def test_a_decision_by_statement_is_told(front: Front) -> None:
    desk = front.desk
    await desk.alert()
    [signal] = await desk.signals()
    async with listening(front) as (hub, listener):
        await front.post(f"/signals/{signal.id}/reject")
        rejected = await told(front, hub, listener)
        found = await objects(front, rejected)

    assert rejected == [("signal", str(signal.id))]
    assert found[rejected[0]]["status"] == "rejected"


async def test_what_nobody_decides_is_told_too(front: Front) -> None:
    path = await new_webhook(front)
    alert = an_alert()
    await front.client.post(path, content=alert)
    await front.desk.process.settle()
    async with listening(front) as (hub, listener):
        await front.client.post(path, content=b"?")
        refused = await told(front, hub, listener)
        await front.client.post(path, content=alert)
        again = await told(front, hub, listener)
        found = await objects(front, [*refused, *again])

    assert [found[one]["status"] for one in refused] == ["refused"]
    assert [found[one]["deliveries"] for one in again] == [2]


async def test_a_time_without_news_tells_nothing(auto_front: Front) -> None:
    desk = auto_front.desk
    await desk.alert(stop_loss="58000")
    await desk.sweep(after_seconds=2)
    async with listening(auto_front) as (hub, listener):
        await told(auto_front, hub, listener)
        for _ in range(3):
            await desk.sweep(after_seconds=2)

        assert await told(auto_front, hub, listener) == []


def test_every_kind_that_is_noted_can_be_told() -> None:
    assert set(told_tables().values()) == kinds()
