"""Above a notional an entry takes two people, whichever door it comes through."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.core.errors import Conflict, Forbidden
from app.http.caller import Role
from app.notifications.models import Notice
from app.pipeline.flow.consenting import confirm, refuse, waiting_for
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.second import Person
from app.pipeline.signals.service import AUTO_RULE
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.builders import a_user, d
from tests.integration.flow.desk import Desk

MANY = 10
# An alert of the desk buys 0.1 BTC at 60,000.
WORTH = d("6000")


async def a_person(desk: Desk, **changes: Any) -> User:
    """Another user."""
    user = a_user(desk.clock.now(), **changes)
    await desk.keep(user)
    return user


async def two_people(desk: Desk, above: str = "5999.99") -> User:
    """From now on the desk's trader wants somebody else's consent above that; who it is."""
    other = await a_person(desk)
    await desk.limits(second_approval_above=d(above), second_approver_id=other.id)
    return other


async def asked(desk: Desk, **alert: Any) -> tuple[Signal, User]:
    """An entry that waits for the second person, and who that is."""
    other = await two_people(desk)
    await desk.alert(**alert)
    signal = await the_signal(desk)
    assert signal.status is SignalStatus.PENDING
    return signal, other


async def the_signal(desk: Desk) -> Signal:
    return (await desk.signals())[-1]


async def consent(desk: Desk, user: User, signal_id: UUID) -> None:
    async with desk.database.transaction() as session:
        await confirm(session, signal_id, Person(user.id, user.username), now=desk.clock.now())
    await desk.process.settle()


async def say_no(desk: Desk, user: User, signal_id: UUID) -> None:
    async with desk.database.transaction() as session:
        await refuse(session, signal_id, Person(user.id, user.username), now=desk.clock.now())
    await desk.process.settle()


async def waiting(desk: Desk, user: User) -> list[UUID]:
    async with desk.database.read() as session:
        person = Person(user.id, user.username)
        found = await waiting_for(session, person, now=desk.clock.now())
    return [one.signal.id for one in found]


async def told(desk: Desk) -> list[tuple[UUID, str]]:
    return [(one.user_id, one.code) for one in await desk.rows(Notice)]


@pytest.mark.parametrize(
    ("above", "status"),
    [
        ("6000.01", SignalStatus.EXECUTED),
        ("6000", SignalStatus.EXECUTED),
        ("5999.99", SignalStatus.PENDING),
    ],
)
@pytest.mark.parametrize("approval", list(Approval))
async def test_security_24_an_entry_above_the_limit_waits_and_others_go(
    desk: Desk, approval: Approval, above: str, status: SignalStatus
) -> None:
    await desk.change_strategy(approval=approval)
    await two_people(desk, above)

    await desk.alert()
    signal = await the_signal(desk)
    if approval is Approval.MANUAL:
        assert signal.decided_by is None
        await desk.approve(signal.id)

    signal = await the_signal(desk)
    by = AUTO_RULE if approval is Approval.AUTO else desk.user.username
    assert (signal.status, signal.decided_by) == (status, by)
    assert len(desk.sent) == (status is SignalStatus.EXECUTED)


async def test_security_24_an_entry_when_the_second_person_consents_then_is_sent_once(
    desk: Desk,
) -> None:
    signal, other = await asked(desk, stop_loss="58000")
    assert await waiting(desk, other) == [signal.id]
    assert (signal.reason or "").endswith(f" for the consent of {other.username}.")
    [first] = await desk.rows(SecondApproval)
    assert (first.quantity, first.notional, first.stop_loss) == (d("0.1"), WORTH, d("58000"))

    await consent(desk, other, signal.id)

    assert len(desk.sent) == 1
    assert (await the_signal(desk)).status is SignalStatus.EXECUTED
    assert await waiting(desk, other) == []
    assert await told(desk) == [(other.id, "consent_wanted"), (desk.user.id, "consent_given")]
    actors = {one.action: one.actor for one in await desk.rows(AuditEntry)}
    assert actors["signal.first_approved"] == AUTO_RULE
    assert actors["signal.approved"] == other.username


async def test_security_24_the_database_takes_no_row_in_which_one_user_is_both(
    desk: Desk,
) -> None:
    signal, _ = await asked(desk)

    async def write() -> None:
        async with desk.database.transaction() as session:
            first = await session.get_one(SecondApproval, signal.id)
            first.confirmed_by_id = desk.user.id

    with pytest.raises(IntegrityError, match="two_people"):
        await write()


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.VIEWER}])
async def test_security_24_who_was_switched_off_consents_to_nothing(
    desk: Desk, change: dict[str, Any]
) -> None:
    signal, other = await asked(desk)
    async with desk.database.transaction() as session:
        row = await session.get_one(User, other.id)
        for name, value in change.items():
            setattr(row, name, value)

    with pytest.raises(Forbidden):
        await consent(desk, other, signal.id)
    await desk.alert()

    assert desk.sent == []
    assert (desk.user.id, "approver_gone") in await told(desk)


async def test_security_24_many_first_approvals_at_once_are_one(desk: Desk) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    other = await two_people(desk)
    await desk.alert()
    signal = await the_signal(desk)

    answers = await asyncio.gather(
        *(desk.approve(signal.id) for _ in range(MANY)), return_exceptions=True
    )
    await consent(desk, other, signal.id)

    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == MANY - 1
    assert len(desk.sent) == len(await desk.orders()) == 1


async def test_security_24_many_consents_at_once_send_one_order(desk: Desk) -> None:
    signal, other = await asked(desk)

    answers = await asyncio.gather(
        *(consent(desk, other, signal.id) for _ in range(MANY)), return_exceptions=True
    )

    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == MANY - 1
    assert len(desk.sent) == len(await desk.orders()) == 1


async def test_security_24_consent_and_refusal_at_once_count_once(desk: Desk) -> None:
    signal, other = await asked(desk)

    answers = await asyncio.gather(
        consent(desk, other, signal.id), say_no(desk, other, signal.id), return_exceptions=True
    )

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1
    is_sent = (await the_signal(desk)).status is SignalStatus.EXECUTED
    assert len(desk.sent) == is_sent


async def test_security_24_consent_after_its_time_comes_too_late(desk: Desk) -> None:
    signal, other = await asked(desk)
    desk.clock.advance(901)

    assert await waiting(desk, other) == []
    with pytest.raises(Conflict, match="expired"):
        await consent(desk, other, signal.id)
    await desk.sweep()
    with pytest.raises(Conflict, match="expired already"):
        await consent(desk, other, signal.id)

    assert (await the_signal(desk)).status is SignalStatus.EXPIRED
    assert desk.sent == []
