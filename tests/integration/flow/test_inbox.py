"""Deliveries of one moment are kept together: each once, each answered, none at another's cost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from loguru import logger

from app.core.errors import NotFound, Unavailable
from app.core.ids import new_id
from app.db.outbox import Outbox
from app.pipeline.alarms.crowds import MOST_BYTES
from app.pipeline.alarms.inbox import COMPANY, Inbox, Kept
from app.pipeline.alarms.keeping import Delivery, TokenGone
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.service import Reading
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.flow.intake import take_delivery
from tests.builders import a_strategy, a_user
from tests.integration.flow.desk import Desk, Process
from tests.listening import at_each_commit, at_each_statement, no_space_left

CROWD = 2 * COMPANY
COUNTED = {"count", "duplicate", *AlarmStatus}


def an_exit(number: int) -> bytes:
    """An alert of its own that asks for nothing where nothing is open."""
    return json.dumps({"symbol": "BTCUSDT.P", "action": "close", "id": str(number)}).encode()


def a_delivery(desk: Desk, body: bytes, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "user_id": desk.user.id,
        "strategy_id": desk.strategy.id,
        "body": body,
        "source": "::1",
        "received_at": desk.clock.now(),
        "reading": Reading.of(body),
        "token_digest": desk.strategy.token_digest,
    }
    return Delivery(**{**values, **changes})


def a_crowd(desk: Desk) -> list[Delivery]:
    return [a_delivery(desk, an_exit(number)) for number in range(CROWD)]


def an_inbox(desk: Desk, **changes: Any) -> Inbox:
    """Another than the desk's own, over the same database."""
    values: dict[str, Any] = {
        "window": timedelta(seconds=90),
        "max_future": timedelta(seconds=5),
        "most_waiting": 2_000,
        "patience_seconds": 60,
    }
    return Inbox(desk.database, desk.clock, **{**values, **changes})


async def put_all(desk: Desk, deliveries: list[Delivery]) -> list[Kept | BaseException]:
    """All of them at one moment."""
    return await asyncio.gather(
        *(desk.tools.inbox.put(one) for one in deliveries), return_exceptions=True
    )


def kept_ids(answers: list[Kept | BaseException]) -> list[UUID]:
    return [one.receipt.alarm_id for one in answers if isinstance(one, Kept)]


@contextmanager
def commits(desk: Desk) -> Iterator[list[object]]:
    """Counts the transactions of the block."""
    seen: list[object] = []
    with at_each_commit(desk.database, seen.append):
        yield seen


@contextmanager
def heard(said: list[dict[str, Any]]) -> Iterator[None]:
    """What the log says of crowds."""

    def listen(message: Any) -> None:
        record = message.record
        if record["message"] == "alarms.received":
            extra = record["extra"]
            said.append({name: extra[name] for name in extra if name in COUNTED})

    sink = logger.add(listen)
    yield
    logger.remove(sink)


async def test_a_crowd_when_it_comes_at_once_then_shares_a_commit_and_all_are_kept(
    desk: Desk,
) -> None:
    crowd = a_crowd(desk)

    with commits(desk) as seen:
        answers = await put_all(desk, crowd)

    assert kept_ids(answers) == [one.alarm_id for one in crowd]
    assert len(seen) == 1
    assert {one.id for one in await desk.alarms()} == {one.alarm_id for one in crowd}


async def test_a_crowd_when_it_holds_repetitions_then_each_alert_counts_once(desk: Desk) -> None:
    crowd = a_crowd(desk)
    again = [replace(one, alarm_id=new_id()) for one in crowd[:5] for _ in range(3)]

    answers = await put_all(desk, [*crowd, *again])

    alarms = {one.id: one.deliveries for one in await desk.alarms()}
    assert [alarms[one.alarm_id] for one in crowd] == [4] * 5 + [1] * (CROWD - 5)
    assert kept_ids(answers)[CROWD:] == [one.alarm_id for one in crowd[:5] for _ in range(3)]
    assert [one.receipt.is_duplicate for one in answers if isinstance(one, Kept)] == [
        *[False] * CROWD,
        *[True] * 15,
    ]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_a_crowd_when_nobody_will_decide_some_of_it_then_those_are_told_of(
    desk: Desk,
) -> None:
    unreadable = a_delivery(desk, b"?")
    first, *rest = a_crowd(desk)
    again = replace(first, alarm_id=new_id())

    await put_all(desk, [unreadable, first, again, *rest])

    notes = sorted(await desk.rows(Outbox), key=lambda one: one.id)
    assert {one.user_id for one in notes} == {desk.user.id}
    assert str(unreadable.alarm_id) in {one.subject for one in notes[:2]}
    assert str(first.alarm_id) in {one.subject for one in notes}


async def test_a_crowd_when_it_repeats_what_came_before_then_names_the_first_and_its_signal(
    desk: Desk,
) -> None:
    first = await desk.deliver(
        json.dumps({"symbol": "BTCUSDT.P", "action": "buy", "quantity": "0.01"}).encode()
    )

    again, *_ = await put_all(desk, [a_delivery(desk, first.body), *a_crowd(desk)])

    assert isinstance(again, Kept)
    assert (again.receipt.alarm_id, again.receipt.is_duplicate) == (first.id, True)
    assert again.receipt.signal_id == first.signal_id is not None


async def test_a_crowd_when_claims_have_lapsed_then_the_same_words_are_new_alerts(
    desk: Desk,
) -> None:
    await put_all(desk, a_crowd(desk))
    desk.clock.advance(91)

    await put_all(desk, a_crowd(desk))

    assert len(await desk.alarms()) == 2 * CROWD


async def test_a_crowd_when_one_cannot_be_kept_then_the_others_are(desk: Desk) -> None:
    crowd = a_crowd(desk)
    crowd[3] = replace(crowd[3], strategy_id=uuid4())
    crowd[4] = replace(crowd[4], user_id=uuid4())

    answers = await put_all(desk, crowd)

    assert isinstance(answers[3], NotFound)
    assert isinstance(answers[4], NotFound)
    assert len(kept_ids(answers)) == len(await desk.alarms()) == CROWD - 2


async def test_a_crowd_when_the_commit_fails_then_all_are_told_to_come_again(desk: Desk) -> None:
    # Without tokens they take the longer way on every database.
    with at_each_commit(desk.database, no_space_left):
        answers = await put_all(desk, [replace(one, token_digest=None) for one in a_crowd(desk)])

    assert {type(one) for one in answers} == {Unavailable}
    assert await desk.alarms() == []
    assert len(kept_ids(await put_all(desk, a_crowd(desk)))) == CROWD


async def test_a_crowd_when_its_first_statement_fails_then_all_are_told_to_come_again(
    desk: Desk,
) -> None:
    with at_each_statement(desk.database, "alarm_claims", no_space_left):
        answers = await put_all(desk, a_crowd(desk))

    assert {type(one) for one in answers} == {Unavailable}
    assert await desk.alarms() == []
    assert len(kept_ids(await put_all(desk, a_crowd(desk)))) == CROWD


async def test_a_crowd_when_tokens_were_rotated_then_their_alerts_are_not_kept(desk: Desk) -> None:
    crowd = a_crowd(desk)
    crowd[3] = replace(crowd[3], token_digest="0" * 64)

    answers = await put_all(desk, crowd)

    assert isinstance(answers[3], TokenGone)
    assert {one.id for one in await desk.alarms()} == {
        one.alarm_id for one in crowd if one is not crowd[3]
    }


STRANGE = (
    b'{"symbol":"BTCUSDT.P","action":"close","id":"\\u0000"}',
    '{"symbol":"ÄÖ\U0001f980","action":"close","comment":"it\'s, \\\\ \\"quoted\\""}'.encode(),
    b'{"symbol":"\\ud800","action":"close"}',
    b"\xff\xfe\x00 not text \x00",
    b"",
    b"[1, 2",
    b'{"symbol":"BTCUSDT.P","action":"close","time":"2099-01-01T00:00:00Z"}',
    b'{"symbol":"BTCUSDT.P","action":"close","time":"2026-03-02T11:59:59.123456Z","id":"a"}',
)


async def test_a_crowd_is_kept_as_its_alerts_would_be_one_by_one(desk: Desk) -> None:
    # Nobody decides them meanwhile.
    await desk.process.end()
    bodies = [*STRANGE, *(an_exit(number) for number in range(CROWD - len(STRANGE)))]
    alone = [a_delivery(desk, body, source="test:alone") for body in bodies]
    for one in alone:
        await put_all(desk, [one])

    crowd = [a_delivery(desk, body) for body in bodies]
    await put_all(desk, crowd)

    rows = {one.id: one for one in await desk.alarms()}
    assert [told(rows[one.alarm_id]) for one in crowd] == [
        told(rows[one.alarm_id]) for one in alone
    ]
    assert [rows[one.alarm_id].body for one in crowd] == bodies
    desk.process = Process(desk.database, desk.town)
    await desk.process.start()


def told(alarm: Alarm) -> tuple[Any, ...]:
    """What is kept of an alarm, but for its ids and its source."""
    return (
        alarm.status,
        alarm.reason,
        alarm.received_at,
        alarm.stored_at,
        alarm.decided_at,
        alarm.deliveries,
        alarm.dialect,
        alarm.alert_at,
        alarm.ticker,
        alarm.problems,
    )


async def test_a_crowd_of_the_largest_alerts_is_kept(desk: Desk) -> None:
    text = "x" * 65_000
    crowd = [
        a_delivery(desk, f'{{"comment":"{text}","id":"{n}"}}'.encode()) for n in range(3 * CROWD)
    ]
    # Half of them go at once.
    assert sum(len(one.body) for one in crowd) > 2 * MOST_BYTES

    answers = await put_all(desk, crowd)

    assert kept_ids(answers) == [one.alarm_id for one in crowd]


async def test_a_sender_who_hangs_up_takes_nothing_from_those_beside_it(desk: Desk) -> None:
    crowd = a_crowd(desk)
    asked = [asyncio.create_task(desk.tools.inbox.put(one)) for one in crowd]
    await asyncio.sleep(0)

    asked[2].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(answers[2], asyncio.CancelledError)
    assert len(kept_ids(answers)) == CROWD - 1
    assert len(await desk.alarms()) == CROWD


async def test_a_rush_in_many_commits_is_a_crowd(desk: Desk) -> None:
    inbox = an_inbox(desk, moment_seconds=60)

    kept = [await inbox.put(one) for one in a_crowd(desk)]

    assert [one.in_crowd for one in kept] == [False] * COMPANY + [True] * (CROWD - COMPANY)


async def test_a_flood_of_one_trader_leaves_room_for_the_others(desk: Desk) -> None:
    other = a_user(desk.clock.now())
    theirs = a_strategy(other.id, desk.account.id, desk.clock.now())
    await desk.keep(other, theirs)
    inbox = an_inbox(desk, most_waiting=20)
    flood = [a_delivery(desk, an_exit(number)) for number in range(15)]
    quiet = a_delivery(
        desk,
        an_exit(99),
        user_id=other.id,
        strategy_id=theirs.id,
        token_digest=theirs.token_digest,
    )

    answers = await asyncio.gather(
        inbox.put(quiet), *(inbox.put(one) for one in flood), return_exceptions=True
    )

    assert isinstance(answers[0], Kept)
    assert [type(one) for one in answers[1:]] == [Kept] * 10 + [Unavailable] * 5


async def test_a_crowd_is_answered_first_and_decided_at_once_by_the_worker(desk: Desk) -> None:
    taken = await asyncio.gather(*(take_delivery(desk.tools, one) for one in a_crowd(desk)))
    await desk.process.settle()

    assert {one.status for one in taken} == {AlarmStatus.RECEIVED}
    assert {one.status for one in await desk.alarms()} == {AlarmStatus.IGNORED}


async def test_a_crowd_whose_process_ends_before_it_is_decided_is_decided_by_the_next(
    desk: Desk,
) -> None:
    await put_all(desk, a_crowd(desk))
    before = {one.status for one in await desk.alarms()}

    await desk.restart()
    await desk.process.settle()

    assert before == {AlarmStatus.RECEIVED}
    assert {one.status for one in await desk.alarms()} == {AlarmStatus.IGNORED}


async def test_a_rush_is_one_line_in_the_log_with_what_became_of_all(desk: Desk) -> None:
    said: list[dict[str, Any]] = []
    with heard(said):
        await put_all(desk, a_crowd(desk))
        await put_all(desk, a_crowd(desk))

    assert said == [
        {"count": CROWD, "received": CROWD},
        {"count": CROWD, "duplicate": CROWD},
    ]


async def test_a_few_at_once_are_decided_before_they_are_answered(desk: Desk) -> None:
    few = [a_delivery(desk, an_exit(number)) for number in range(COMPANY)]

    taken = await asyncio.gather(*(take_delivery(desk.tools, one) for one in few))

    assert {one.status for one in taken} == {AlarmStatus.IGNORED}
    assert {one.reason is None for one in taken} == {False}
