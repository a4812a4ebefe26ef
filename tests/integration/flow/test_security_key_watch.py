"""A key that may do more than it did: nothing is opened with it, and what is open is guarded."""

from dataclasses import replace
from typing import Any

import pytest

from app.accounts.key_looks import note_permissions
from app.accounts.key_rights import AskedKey
from app.accounts.models import ExchangeAccount
from app.audit.models import AuditEntry
from app.exchanges.permissions import KeyPermissions
from app.health.accounts import AccountsHealth
from app.http.caller import Caller, Role
from app.notifications.models import Notice, Severity
from app.pipeline.signals.status import SignalStatus
from tests.builders import LINEAR, d
from tests.fakes.exchange import HARMLESS, UNANSWERED
from tests.integration.flow.desk import Desk

WITHDRAWS = replace(HARMLESS, withdrawals=True)
DAY = 86_400


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    """A desk whose account has a key, as far as its row tells."""
    await change(desk, credentials="sealed")
    return desk


async def change(desk: Desk, **columns: Any) -> None:
    async with desk.database.transaction() as session:
        account = await session.get_one(ExchangeAccount, desk.account.id)
        for name, value in columns.items():
            setattr(account, name, value)


async def look(desk: Desk, *, after_seconds: float = 0) -> None:
    desk.clock.advance(after_seconds)
    await desk.worker.accounts.look_at_key(desk.account.id)
    await desk.price("60000")


async def row(desk: Desk) -> ExchangeAccount:
    return await desk.one(ExchangeAccount, desk.account.id)


async def notices(desk: Desk) -> list[tuple[str, Severity, int]]:
    found = [one for one in await desk.rows(Notice) if one.code.startswith("key_")]
    return [(one.code, one.severity, one.times) for one in found]


async def last_signal(desk: Desk) -> tuple[SignalStatus, str]:
    signal = (await desk.signals())[-1]
    return signal.status, signal.reason or ""


async def test_security_a_right_that_appears_is_found_within_a_day_and_told_once(
    desk: Desk,
) -> None:
    desk.venue.key = WITHDRAWS

    await look(desk, after_seconds=DAY - 1)
    assert (await row(desk)).permissions_checked_at == desk.account.created_at
    await look(desk, after_seconds=1)
    await look(desk, after_seconds=DAY)
    await desk.restart()

    assert await notices(desk) == [("key_can_withdraw", Severity.URGENT, 1)]
    [entry] = [one for one in await desk.rows(AuditEntry) if "key_rights" in one.action]
    assert (entry.actor, entry.detail) == ("system", {"before": "", "after": "key_can_withdraw"})
    assert (await row(desk)).permissions_checked_at == desk.clock.now()


async def test_security_a_silent_venue_is_asked_again_after_ten_minutes(desk: Desk) -> None:
    desk.venue.failure = UNANSWERED
    await desk.restart()
    desk.venue.failure, desk.venue.key = None, WITHDRAWS

    await look(desk, after_seconds=599)
    early = await notices(desk)
    await look(desk, after_seconds=1)

    assert early == []
    assert await notices(desk) == [("key_can_withdraw", Severity.URGENT, 1)]


async def test_security_the_key_is_asked_about_at_every_start(desk: Desk) -> None:
    desk.venue.key = WITHDRAWS

    await desk.restart()
    await desk.alert()

    status, reason = await last_signal(desk)
    assert status is SignalStatus.DENIED
    assert reason.startswith("entries_on_hold: This key allows withdrawals: ")
    assert desk.sent == []


async def test_security_with_such_a_key_nothing_opens_and_what_is_open_is_guarded(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.key = WITHDRAWS
    await look(desk, after_seconds=DAY)
    other = await desk.another_strategy()

    await desk.alert(strategy=other)
    status, _ = await last_signal(desk)
    held = desk.venue.held(LINEAR)
    await desk.price_at_venue("57900")

    assert (status, held) == (SignalStatus.DENIED, d("0.1"))
    assert desk.venue.held(LINEAR) == 0
    assert len(await desk.trades()) == 1


async def test_security_what_was_found_stands_while_the_venue_is_silent(desk: Desk) -> None:
    desk.venue.key = WITHDRAWS
    await desk.restart()
    found = (await row(desk)).key_permissions

    desk.venue.failure = UNANSWERED
    await look(desk, after_seconds=2 * DAY)
    desk.venue.failure = None
    await desk.reconcile()
    await desk.alert()

    assert (await row(desk)).key_permissions == found
    assert (await last_signal(desk))[0] is SignalStatus.DENIED


async def test_security_entries_go_on_once_the_right_is_gone(desk: Desk) -> None:
    desk.venue.key = WITHDRAWS
    await desk.restart()
    desk.venue.key = HARMLESS

    await look(desk, after_seconds=DAY)
    await desk.alert()

    assert (await last_signal(desk))[0] is SignalStatus.EXECUTED
    audited = [one.detail for one in await desk.rows(AuditEntry) if "key_rights" in one.action]
    assert audited[-1] == {"before": "key_can_withdraw", "after": ""}


async def test_security_entries_go_on_once_an_admin_accepts_it(desk: Desk) -> None:
    desk.venue.key = WITHDRAWS
    await desk.restart()

    await change(desk, withdrawals_accepted_at=desk.clock.now())
    await desk.alert()

    assert (await last_signal(desk))[0] is SignalStatus.EXECUTED


async def test_security_what_was_asked_of_a_former_key_is_not_said_of_the_new_one(
    desk: Desk,
) -> None:
    await change(desk, venue_key_digest="n" * 64)
    before = (await row(desk)).key_permissions

    async with desk.database.transaction() as session:
        asked = AskedKey(WITHDRAWS, "o" * 64)
        noted = await note_permissions(
            session, desk.account.id, asked, actor="system", now=desk.clock.now()
        )

    assert noted is None
    assert (await row(desk)).key_permissions == before
    assert await notices(desk) == []


async def test_security_a_venue_that_does_not_say_bars_nothing(desk: Desk) -> None:
    desk.venue.key = KeyPermissions()
    await desk.restart()
    await desk.alert()

    assert (await last_signal(desk))[0] is SignalStatus.EXECUTED
    assert await notices(desk) == []


async def test_security_the_status_page_says_to_the_owner_why_nothing_is_opened(
    desk: Desk,
) -> None:
    desk.venue.key = WITHDRAWS
    await desk.restart()
    user = desk.user
    caller = Caller(user_id=user.id, username=user.username, role=Role.TRADER, zone="UTC")

    async with desk.database.read() as session:
        check = await AccountsHealth().check(session, caller)

    assert check is not None
    assert check.detail["items"][0]["reason"].startswith("This key allows withdrawals: ")
