"""What the second person's consent covers, whom it takes, and what survives a crash; on SQLite."""

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import pytest

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.core.errors import AppError, Conflict, Forbidden, NotFound
from app.db.session import Database
from app.http.caller import Role
from app.pipeline.flow.weighing import weigh
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.pending import change_pending
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval, SizingMode
from tests.builders import LINEAR, an_alert, d
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.power import Mains, PowerCutError
from tests.integration.flow.test_crashes import live_with
from tests.integration.flow.test_decisions import UNHEARD
from tests.integration.flow.test_second_approval import (
    a_person,
    asked,
    consent,
    say_no,
    the_signal,
    told,
    two_people,
    waiting,
)

# Just after what is committed: the first approval, the question, the consent, the intent; and just
# before the consent is.
MOMENTS = (4, 6, 8, 10, 7)


@pytest.fixture
async def desk(sqlite_database: Database) -> AsyncIterator[Desk]:
    """A linear account; what depends on the database is in test_second_approval."""
    async with open_desk(sqlite_database) as opened:
        yield opened


async def move(desk: Desk, price: str) -> None:
    """Another price, after so long that the last one is none any more."""
    desk.clock.advance(5)
    await desk.price(price)


async def test_security_24_an_entry_when_the_second_person_refuses_then_is_rejected(
    desk: Desk,
) -> None:
    signal, other = await asked(desk)

    await say_no(desk, other, signal.id)

    signal = await the_signal(desk)
    assert signal.status is SignalStatus.REJECTED
    assert signal.reason == f"rejected: {other.username} did not consent."
    assert (desk.user.id, "consent_refused") in await told(desk)
    with pytest.raises(Conflict):
        await consent(desk, other, signal.id)
    assert desk.sent == []


async def test_security_24_nobody_else_and_above_all_not_the_owner_consents(desk: Desk) -> None:
    signal, other = await asked(desk)
    third = await a_person(desk, role=Role.ADMIN)

    with pytest.raises(Forbidden) as own:
        await consent(desk, desk.user, signal.id)
    with pytest.raises(NotFound):
        await consent(desk, third, signal.id)
    with pytest.raises(Conflict, match="approved once already"):
        await desk.approve(signal.id)

    assert own.value.code == "same_person"
    assert [await waiting(desk, one) for one in (desk.user, third)] == [[], []]
    assert await waiting(desk, other) == [signal.id]
    assert desk.sent == []


async def test_security_24_who_is_named_now_consents_and_not_who_was(desk: Desk) -> None:
    signal, before = await asked(desk)
    other = await two_people(desk)

    with pytest.raises(NotFound):
        await consent(desk, before, signal.id)
    await consent(desk, other, signal.id)

    assert len(desk.sent) == 1


async def test_security_24_what_was_approved_once_is_not_changed_any_more(desk: Desk) -> None:
    signal, _ = await asked(desk)

    async with desk.database.transaction() as session:
        row = await session.get_one(Signal, signal.id)
        is_changed = await change_pending(
            session, row, {"size_value": d("5")}, actor="script", now=desk.clock.now()
        )

    assert not is_changed
    assert (await the_signal(desk)).size_value == d("0.1")


async def test_security_24_consent_after_the_price_has_run_away_sends_nothing(desk: Desk) -> None:
    await desk.change_strategy(max_price_drift_percent=d("1"))
    signal, other = await asked(desk, price="60000")
    await move(desk, "62000")

    await consent(desk, other, signal.id)

    assert ((await the_signal(desk)).reason or "").startswith("price_drift: 62000 ")
    assert desk.sent == []


async def test_security_24_no_more_is_sent_than_both_have_seen(desk: Desk) -> None:
    await desk.change_strategy(sizing_mode=SizingMode.NOTIONAL, sizing_value=d("6000"))
    signal, other = await asked(desk)
    # 6,000 would be 0.12 now.
    await move(desk, "50000")

    await consent(desk, other, signal.id)

    assert [one.quantity for one in desk.sent] == [d("0.1")]


async def test_security_24_an_approval_that_went_round_is_denied_before_the_order(
    desk: Desk,
) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    await two_people(desk)
    await desk.alert()
    signal = await the_signal(desk)

    async with desk.database.transaction() as session:
        row = await session.get_one(Signal, signal.id)
        await signal_service.approve(session, row, actor="a door of its own", now=desk.clock.now())
    await desk.process.settle()

    signal = await the_signal(desk)
    assert signal.status is SignalStatus.DENIED
    assert signal.reason == (
        "second_approval_missing: 6000 USDT, and above 5999.99 a second person has to consent first"
    )
    assert await desk.orders() == []


async def test_security_24_small_when_weighed_and_large_when_sent_is_denied(desk: Desk) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    await two_people(desk, "6000")
    await desk.alert()
    signal = await the_signal(desk)
    ended = desk.process
    await ended.end(timeout_seconds=0.2)
    await desk.approve(signal.id)
    await weigh(ended.tools, signal.id)
    assert (await the_signal(desk)).status is SignalStatus.APPROVED
    desk.town.market_of(LINEAR).set_price(LINEAR, d("60001"))

    desk.process = Process(desk.database, desk.town)
    await desk.process.start()

    assert ((await the_signal(desk)).reason or "").startswith("second_approval_missing: 6000.1 ")
    assert desk.sent == []


async def test_security_24_an_entry_that_adds_waits_and_exits_never_do(desk: Desk) -> None:
    await desk.alert(quantity="0.4", stop_loss="58000")
    other = await two_people(desk, "1000")

    await desk.alert(action="add")
    await desk.alert(action="reduce", quantity="0.1")
    held = desk.venue.held(LINEAR)
    await desk.price_at_venue("57900")

    assert held == d("0.3")
    assert desk.venue.held(LINEAR) == 0
    adds = [one for one in await desk.signals() if one.action.value == "add"]
    assert {one.status for one in adds} <= {SignalStatus.PENDING, SignalStatus.SUPERSEDED}
    assert (other.id, "consent_wanted") in await told(desk)


async def test_security_24_a_newer_entry_ends_what_waited_and_its_first_approval(
    desk: Desk,
) -> None:
    old, other = await asked(desk)

    await desk.alert(quantity="0.2")
    new = await the_signal(desk)

    assert await waiting(desk, other) == [new.id]
    with pytest.raises(Conflict, match="superseded"):
        await consent(desk, other, old.id)
    await consent(desk, other, new.id)
    assert [one.quantity for one in desk.sent] == [d("0.2")]


async def test_security_24_to_take_the_option_back_holds_from_midnight(desk: Desk) -> None:
    signal, other = await asked(desk)
    await desk.limits(second_approval_above=None, second_approver_id=None)
    assert await waiting(desk, other) == [signal.id]

    desk.clock.advance(12 * 3_600)
    await desk.price("60000")
    await desk.alert()

    assert await waiting(desk, other) == []
    assert len(desk.sent) == 1


async def test_an_entry_when_the_venue_is_silent_then_is_weighed_later(desk: Desk) -> None:
    other = await two_people(desk)
    market = desk.town.market_of(LINEAR)
    market.failure = UNHEARD
    desk.clock.advance(10)
    await desk.alert()
    signal = await the_signal(desk)
    assert await waiting(desk, other) == []
    with pytest.raises(NotFound):
        await consent(desk, other, signal.id)
    market.failure = None

    await desk.sweep(after_seconds=2)

    assert await waiting(desk, other) == [signal.id]


async def test_an_entry_that_cannot_be_sized_is_denied_and_bothers_nobody(desk: Desk) -> None:
    await two_people(desk)

    await desk.alert(quantity="0.00012")

    assert ((await the_signal(desk)).reason or "").startswith("below_min_notional: ")
    assert await told(desk) == []


async def test_what_waits_survives_a_restart(desk: Desk) -> None:
    signal, other = await asked(desk)
    before = await the_signal(desk)

    await desk.restart()
    await desk.sweep(after_seconds=5)

    after = await the_signal(desk)
    assert (after.status, after.updated_at) == (before.status, before.updated_at)
    assert await waiting(desk, other) == [signal.id]
    assert [code for _, code in await told(desk)] == ["consent_wanted"]
    await consent(desk, other, signal.id)
    assert len(desk.sent) == 1


async def die_between(database: Database, moment: int) -> Mains:
    """Die at that moment between the alert and its order; both people try until they are heard."""
    async with open_desk(database) as desk:
        other = await two_people(desk)
        mains = Mains(cut_at=moment)
        await live_with(desk, database, mains)
        alert = an_alert()
        with suppress(PowerCutError):
            await desk.deliver(alert)
        for one in await waiting_or_dead(desk, other):
            with suppress(PowerCutError):
                await consent(desk, other, one)

        await desk.process.end(timeout_seconds=0.2)
        desk.process = Process(database, desk.town)
        await desk.process.start()
        await desk.sweep(after_seconds=3)
        await desk.deliver(alert)
        for one in await waiting(desk, other):
            await consent(desk, other, one)

        [signal] = await desk.signals()
        assert signal.status is SignalStatus.EXECUTED
        assert len(desk.sent) == len(await desk.orders()) == 1
        assert desk.venue.held(LINEAR) == d("0.1")
        [first] = await desk.rows(SecondApproval)
        assert first.confirmed_by_id == other.id
        approvals = [one for one in await desk.rows(AuditEntry) if one.action == "signal.approved"]
        assert [one.actor for one in approvals] == [other.username]
    return mains


async def waiting_or_dead(desk: Desk, other: User) -> list[UUID]:
    with suppress(PowerCutError, AppError):
        return await waiting(desk, other)
    return []


@pytest.mark.parametrize("moment", MOMENTS)
async def test_security_24_when_the_process_dies_in_between_then_two_people_and_one_order(
    sqlite_database: Database, moment: int
) -> None:
    await die_between(sqlite_database, moment)


async def test_when_nothing_dies_then_the_moments_are_those_that_are_tried(
    sqlite_database: Database,
) -> None:
    mains = await die_between(sqlite_database, 0)

    # The first two are the alert's own; what follows the intent is every entry's.
    assert mains.moments[:10] == ["before a commit", "after a commit"] * 5
    assert mains.moments[10] == "before leverage is set"
