"""Long work: done once, gone on with after an end in the middle, and called off."""

from datetime import timedelta

import pytest

from app.accounts.models import User
from app.core.errors import Conflict, TooMany
from app.jobs import holding, service
from app.jobs.status import JobStatus
from tests.builders import a_user
from tests.integration.jobs.office import Office

LONG_AFTER = holding.HELD_FOR + timedelta(seconds=1)


async def test_what_is_asked_for_is_done_and_says_what_came_of_it(office: Office) -> None:
    job_id = await office.asked(to=3)
    waiting = await office.job(job_id)
    office.open()

    job = await office.comes_to(job_id, JobStatus.DONE)

    assert (waiting.status, waiting.started_at) == (JobStatus.QUEUED, None)
    assert (job.done, job.total, job.unit) == (3, 3, "numbers")
    assert job.result == {"counted": 3}
    assert job.started_at == job.ended_at == office.clock.now()
    assert (job.holder, job.held_until) == (None, None)


async def test_what_cannot_be_done_says_why(office: Office) -> None:
    refused, broken = await office.asked("refuse", what="FOOBAR"), await office.asked("break", by=0)
    office.open()

    assert (
        await office.comes_to(refused, JobStatus.FAILED)
    ).reason == "unknown_symbol: There is no FOOBAR."
    reason = (await office.comes_to(broken, JobStatus.FAILED)).reason
    assert reason == "internal_error: Something broke; the log of that moment says what."


async def test_a_process_that_ends_hands_its_job_on(office: Office) -> None:
    job_id = await office.asked(to=5, stops_at=3)
    office.open()
    await office.notes(job_id, 3)
    await office.close()
    between = await office.job(job_id)

    office.gate.set()
    office.open()
    job = await office.comes_to(job_id, JobStatus.DONE)

    assert (between.status, between.tries, between.done) == (JobStatus.QUEUED, 0, 3)
    assert office.counted == [0, 1, 2, 3, 4]
    assert job.tries == 1


async def test_a_process_that_was_killed_is_waited_for_and_then_replaced(office: Office) -> None:
    job_id = await office.asked(to=2)
    async with office.database.transaction() as session:
        dead = await holding.take(session, await office.job(job_id), now=office.clock.now())
    assert dead is not None

    await office.runner().look()
    too_early = await office.job(job_id)
    office.clock.advance(LONG_AFTER.total_seconds())
    office.open()
    job = await office.comes_to(job_id, JobStatus.DONE)

    assert too_early.holder == dead.holder
    assert (job.tries, office.counted) == (2, [0, 1])


async def test_who_stood_still_too_long_writes_nothing_any_more(office: Office) -> None:
    job_id = await office.asked(to=2, stops_at=0)
    slow = office.runner(look_seconds=3600)
    await slow.look()
    office.clock.advance(LONG_AFTER.total_seconds())
    async with office.database.transaction() as session:
        taken = await holding.take(session, await office.job(job_id), now=office.clock.now())

    office.gate.set()
    await slow.idle()

    job = await office.job(job_id)
    assert taken is not None
    assert (job.status, job.holder, job.done) == (JobStatus.RUNNING, taken.holder, 0)


async def test_who_works_stays_the_holder_however_long_it_takes(office: Office) -> None:
    job_id = await office.asked(to=2, stops_at=1)
    office.open()
    await office.counts_to(1)

    for _ in range(5):
        office.clock.advance(15)
        await office.holds(job_id, office.clock.now() + holding.HELD_AT_LEAST)
    office.gate.set()

    assert (await office.comes_to(job_id, JobStatus.DONE)).tries == 1


async def test_a_job_that_ends_its_process_each_time_is_given_up(office: Office) -> None:
    job_id = await office.asked(to=1)
    for _ in range(holding.MOST_TRIES):
        async with office.database.transaction() as session:
            assert await holding.take(session, await office.job(job_id), now=office.clock.now())
        office.clock.advance(LONG_AFTER.total_seconds())
    office.open()

    job = await office.comes_to(job_id, JobStatus.FAILED)

    assert job.reason == "gave_up: It was begun 5 times, and never came back."
    assert office.counted == []


async def test_a_job_is_taken_once_by_however_many_workers(office: Office) -> None:
    jobs = [await office.asked(user=await another(office), to=1) for _ in range(4)]
    for _ in range(3):
        office.open()

    for job_id in jobs:
        await office.comes_to(job_id, JobStatus.DONE)

    assert office.counted == [0] * 4


async def test_one_trader_keeps_no_other_waiting(office: Office) -> None:
    mine = [await office.asked(to=1, stops_at=0) for _ in range(3)]
    theirs = await office.asked(user=await another(office), to=1)
    office.open()

    await office.comes_to(theirs, JobStatus.DONE)

    running = [(await office.job(job_id)).status for job_id in mine]
    assert running == [JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.QUEUED]


async def test_a_job_that_runs_ends_when_it_is_called_off(office: Office) -> None:
    job_id = await office.asked(to=5, stops_at=2)
    office.open()
    await office.counts_to(2)

    await office.cancel(job_id)
    job = await office.comes_to(job_id, JobStatus.CANCELED)

    assert (job.done, office.counted) == (2, [0, 1])
    with pytest.raises(Conflict, match="canceled already"):
        await office.cancel(job_id)


async def test_a_job_that_waits_ends_at_once_and_is_never_begun(office: Office) -> None:
    job_id = await office.asked(to=1)

    await office.cancel(job_id)
    other = await office.asked(to=1)
    office.open()
    await office.comes_to(other, JobStatus.DONE)

    job = await office.job(job_id)
    assert (job.status, job.started_at, job.ended_at) == (
        JobStatus.CANCELED,
        None,
        office.clock.now(),
    )
    assert office.counted == [0]


async def test_nobody_has_more_than_so_many_waiting(office: Office) -> None:
    for _ in range(service.MOST_UNFINISHED):
        await office.asked(to=1)

    with pytest.raises(TooMany, match="cancel one, or wait") as refusal:
        await office.asked(to=1)

    assert refusal.value.code == "too_many_jobs"
    await office.asked(user=await another(office), to=1)


async def another(office: Office) -> User:
    user = a_user(office.clock.now())
    async with office.database.transaction() as session:
        session.add(user)
    return user
