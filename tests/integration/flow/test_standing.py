"""What the status page says of an account that is not well, and to whom."""

from typing import Any

from app.core.errors import AuthRefused
from app.health.accounts import AccountsHealth, TradingHealth
from app.health.status import Check, Health, HealthSource
from app.http.caller import Caller, Role
from tests.builders import a_user
from tests.fakes.exchange import UNANSWERED, Outcome
from tests.integration.flow.desk import Desk


async def ask(desk: Desk, source: HealthSource, caller: Caller | None) -> Check:
    async with desk.database.read() as session:
        check = await source.check(session, caller)
    assert check is not None
    return check


def owner(desk: Desk) -> Caller:
    return Caller(user_id=desk.user.id, username=desk.user.username, role=Role.TRADER, zone="UTC")


async def stranger(desk: Desk) -> Caller:
    other = a_user(desk.clock.now())
    await desk.keep(other)
    return Caller(user_id=other.id, username=other.username, role=Role.TRADER, zone="UTC")


def the_account(check: Check) -> dict[str, Any]:
    [item] = check.detail["items"]
    found: dict[str, Any] = item
    return found


async def test_an_account_that_agrees_with_its_venue_is_green(desk: Desk) -> None:
    check = await ask(desk, AccountsHealth(), owner(desk))

    assert check.status is Health.OK
    assert the_account(check)["reconciled_at"] == "2026-03-02T12:00:00.000000Z"
    assert the_account(check)["reason"] is None


async def test_row_47_an_account_whose_key_is_refused_is_amber_and_says_why_to_its_owner(
    desk: Desk,
) -> None:
    desk.venue.failure = AuthRefused("the key is not valid any more")
    await desk.reconcile(after_seconds=5)

    hers = await ask(desk, AccountsHealth(), owner(desk))
    theirs = await ask(desk, AccountsHealth(), await stranger(desk))
    anybodys = await ask(desk, AccountsHealth(), None)

    assert (hers.status, theirs.status, anybodys.status) == (
        Health.DEGRADED,
        Health.OK,
        Health.DEGRADED,
    )
    assert the_account(hers)["failing_since"] == "2026-03-02T12:00:05.000000Z"
    assert the_account(hers)["reason"] == ("exchange_auth_refused: the key is not valid any more")
    assert (theirs.detail, anybodys.detail) == ({"items": []}, {})


async def test_an_unknown_order_is_amber_until_its_fate_is_known(desk: Desk) -> None:
    health = TradingHealth(desk.clock)
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)
    await desk.alert()
    desk.venue.failure = UNANSWERED
    await desk.sweep(after_seconds=11)

    assert (await ask(desk, health, owner(desk))).status is Health.DEGRADED
    assert (await ask(desk, health, await stranger(desk))).status is Health.OK

    desk.venue.failure = None
    await desk.sweep(after_seconds=1)
    assert (await ask(desk, health, owner(desk))).status is Health.OK
