"""A key is asked about before it is kept: one that can empty the account stays outside."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.accounts.key_rights import to_stored
from app.accounts.models import ExchangeAccount
from app.audit.models import AuditEntry
from app.core.clock import iso
from app.core.errors import AuthRefused
from app.db.session import Database
from app.exchanges.client import Credentials
from app.exchanges.permissions import KeyPermissions
from app.exchanges.venue import Venue
from app.http.caller import Role
from app.notifications.models import Notice
from app.trading.words import MarketType
from tests.fakes.exchange import HARMLESS, UNANSWERED
from tests.fakes.opener import Opener
from tests.integration.accounts.house import House, open_house

KEYS = {"api_key": "venue-key-1234", "api_secret": "venue-secret-5678"}
BODY = {"name": "main", "exchange": "binance", "market_type": "spot", **KEYS}
NEW_KEYS = {"api_key": "other-key-9999", "api_secret": "other-secret"}
YES = {"accept_withdrawal_rights": "yes, this key can withdraw"}
WITHDRAWS = replace(HARMLESS, withdrawals=True)


@pytest.fixture
async def either(tmp_path: Path, database: Database) -> AsyncIterator[House]:
    """A house on SQLite, and one on PostgreSQL."""
    async with open_house(tmp_path, database) as opened:
        yield opened


async def create(house: House, headers: dict[str, str], **fields: Any) -> Any:
    return await house.client.post("/accounts", json={**BODY, **fields}, headers=headers)


async def rows(house: House, table: Any) -> list[Any]:
    async with house.database.read() as session:
        return list(await session.scalars(select(table)))


async def actions(house: House) -> list[str]:
    entries = await rows(house, AuditEntry)
    return [row.action for row in entries if row.subject_kind == "exchange_account"]


def codes(answer: Any) -> list[str]:
    return [one["code"] for one in answer.json()["warnings"]]


@pytest.mark.parametrize(
    ("rights", "named"),
    [
        (WITHDRAWS, "withdrawals"),
        (replace(HARMLESS, transfers=True), "transfers"),
        (KeyPermissions(withdrawals=True, transfers=True), "withdrawals and transfers"),
    ],
)
async def test_security_a_key_that_moves_coins_away_is_not_kept(
    house: House, rights: KeyPermissions, named: str
) -> None:
    headers = await house.as_("ada")
    house.opener.rights = rights

    answer = await create(house, headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "key_can_withdraw")
    assert f"Switch {named} off for it at binance" in answer.json()["detail"]
    assert "venue-" not in answer.text
    assert await rows(house, ExchangeAccount) == []
    assert await actions(house) == []


async def test_security_a_key_that_moves_coins_away_replaces_none(house: House) -> None:
    headers = await house.as_("ada")
    row = (await create(house, headers)).json()
    path = f"/accounts/{row['id']}"
    house.opener.rights = WITHDRAWS

    answer = await house.client.patch(path, json={**NEW_KEYS, "name": "second"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "key_can_withdraw")
    assert (await house.client.get(path, headers=headers)).json() == row
    assert house.opener.keys == ["venue-key-1234", "other-key-9999"]


@pytest.mark.parametrize(
    ("market", "rights", "status"),
    [
        ("spot", replace(HARMLESS, spot_trading=False), 422),
        ("linear", replace(HARMLESS, contract_trading=False), 422),
        ("spot", replace(HARMLESS, contract_trading=False), 201),
        ("spot", replace(HARMLESS, spot_trading=None), 201),
    ],
)
async def test_security_a_key_that_cannot_trade_here_is_not_kept(
    house: House, market: str, rights: KeyPermissions, status: int
) -> None:
    headers = await house.as_("ada")
    house.opener.rights = rights

    answer = await create(house, headers, market_type=market)

    assert answer.status_code == status
    if status == 422:
        assert answer.json()["code"] == "key_cannot_trade"


async def test_security_a_harmless_key_is_kept_with_what_is_known_of_it(house: House) -> None:
    answer = await create(house, await house.as_("ada"))

    row = answer.json()
    assert (answer.status_code, row["warnings"]) == (201, [])
    assert row["key_permissions"] == {
        "is_verified": True,
        "reading": True,
        "spot_trading": True,
        "contract_trading": True,
        "withdrawals": False,
        "transfers": False,
        "is_address_bound": True,
    }
    assert row["permissions_checked_at"] == iso(house.clock.now())
    assert await rows(house, Notice) == []


async def test_security_a_key_for_every_address_is_kept_and_warned_about(either: House) -> None:
    headers = await either.as_("ada")
    either.opener.rights = replace(HARMLESS, is_address_bound=False)

    answer = await create(either, headers)

    assert (answer.status_code, codes(answer)) == (201, ["key_not_bound_to_address"])
    [notice] = await rows(either, Notice)
    assert (notice.code, notice.severity) == ("key_not_bound_to_address", "warning")
    assert notice.subject_id == answer.json()["id"]
    [listed] = (await either.client.get("/accounts", headers=headers)).json()["items"]
    assert listed["warnings"] == answer.json()["warnings"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [(UNANSWERED, "key_unverified"), (AuthRefused("the venue refuses it"), "key_refused")],
)
async def test_security_a_silent_venue_keeps_no_key_out_and_proves_nothing(
    house: House, failure: Any, code: str
) -> None:
    headers = await house.as_("ada")
    house.opener.failure = failure

    answer = await create(house, headers)

    row = answer.json()
    assert (answer.status_code, codes(answer)) == (201, [code])
    assert failure.detail in row["warnings"][0]["detail"]
    assert (row["permissions_checked_at"], row["key_permissions"]["is_verified"]) == (None, False)
    assert row["key_permissions"]["withdrawals"] is None


async def test_security_the_same_key_again_forgets_nothing_while_the_venue_is_silent(
    house: House,
) -> None:
    headers = await house.as_("ada")
    row = (await create(house, headers)).json()
    async with house.database.transaction() as session:
        account = await session.get_one(ExchangeAccount, UUID(row["id"]))
        account.key_permissions = to_stored(WITHDRAWS)
    house.opener.failure = UNANSWERED

    answer = await house.client.patch(f"/accounts/{row['id']}", json=KEYS, headers=headers)

    assert (answer.status_code, codes(answer)) == (200, ["key_can_withdraw"])
    assert answer.json()["permissions_checked_at"] == row["permissions_checked_at"]


async def test_security_a_venue_that_does_not_say_is_shown_as_unverified(house: House) -> None:
    headers = await house.as_("ada")
    house.opener.rights = KeyPermissions()

    answer = await create(house, headers)

    assert (answer.status_code, codes(answer)) == (201, ["key_unverified"])
    assert "binance does not say" in answer.json()["warnings"][0]["detail"]
    assert answer.json()["permissions_checked_at"] == iso(house.clock.now())


async def test_security_only_an_admin_accepts_that_a_key_can_withdraw(house: House) -> None:
    trader, admin = await house.as_("ada"), await house.as_("boss", Role.ADMIN)
    house.opener.rights = WITHDRAWS

    refused = await create(house, trader, **YES)
    misspelt = await create(house, admin, accept_withdrawal_rights="yes")
    without_key = await create(house, admin, api_key=None, api_secret=None, **YES)
    accepted = await create(house, admin, **YES)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (misspelt.status_code, without_key.status_code) == (400, 400)
    assert (accepted.status_code, codes(accepted)) == (201, ["key_can_withdraw"])
    assert accepted.json()["withdrawals_accepted_at"] == iso(house.clock.now())
    [entry] = [row for row in await rows(house, AuditEntry) if row.action.endswith(".created")]
    assert (entry.actor, entry.detail["withdrawal_rights"]) == ("boss", "accepted")


async def test_security_an_acceptance_is_of_one_key_and_takes_a_proof(either: House) -> None:
    admin = await either.as_("boss", Role.ADMIN)
    path = f"/accounts/{(await create(either, admin)).json()['id']}"

    async def patch(**fields: Any) -> Any:
        return await either.client.patch(path, json=fields, headers=admin)

    later, at = await patch(**YES), either.clock.now()
    replaced = await patch(**NEW_KEYS)
    either.clock.pass_by(300)
    stale = await patch(**YES)

    assert later.json()["withdrawals_accepted_at"] == iso(at)
    assert replaced.json()["withdrawals_accepted_at"] is None
    assert (stale.status_code, stale.json()["code"]) == (401, "step_up_required")
    details = [row.detail for row in await rows(either, AuditEntry) if ".changed" in row.action]
    assert details == [{"withdrawal_rights": "accepted"}, {"credentials": "replaced"}]


async def test_security_an_acceptance_without_a_key_is_refused(house: House) -> None:
    admin = await house.as_("boss", Role.ADMIN)
    row = (await create(house, admin, api_key=None, api_secret=None)).json()

    answer = await house.client.patch(f"/accounts/{row['id']}", json=YES, headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_missing")
    assert (row["key_permissions"], row["warnings"], house.opener.keys) == (None, [], [])


class Writer(Opener):
    """Writes to the database whenever a venue is asked: nobody else may be in the midst of it."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    async def venue(self, exchange: str, kind: MarketType, credentials: Credentials) -> Venue:
        async with asyncio.timeout(2), self.database.transaction() as session:
            await session.execute(select(ExchangeAccount).with_for_update())
        return await super().venue(exchange, kind, credentials)


async def test_security_no_transaction_is_open_while_the_venue_is_asked(house: House) -> None:
    headers = await house.as_("ada")
    house.app.state.opener = Writer(house.database)

    created = await create(house, headers)
    path = f"/accounts/{created.json()['id']}"
    changed = await house.client.patch(path, json=NEW_KEYS, headers=headers)

    assert (created.status_code, changed.status_code) == (201, 200)
