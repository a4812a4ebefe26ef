from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.accounts.keys import KeyRing
from app.accounts.models import ExchangeAccount
from app.accounts.sealing.rewrapping import rewrap_all
from app.accounts.vault import Vault
from app.accounts.venues import KEYS_AGE, AccountVenues
from app.db.session import Database
from tests.fakes.clock import FakeClock
from tests.fakes.opener import Opener
from tests.integration.accounts.sealed import a_user, accounts_with_keys, credentials

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
async def database(sqlite_database: Database) -> Database:
    """A database with one account."""
    async with sqlite_database.transaction() as session:
        await accounts_with_keys(session, KeyRing.of(OLD), await a_user(session), [0])
    return sqlite_database


async def the_account(database: Database) -> ExchangeAccount:
    async with database.read() as session:
        return (await session.scalars(select(ExchangeAccount))).one()


async def put(database: Database, account_id: UUID, sealed: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(ExchangeAccount)
            .where(ExchangeAccount.id == account_id)
            .values(credentials=sealed)
        )


async def test_a_venue_stays_open_when_its_key_is_only_wrapped_anew(database: Database) -> None:
    ring, opener, clock = KeyRing.of(NEW, OLD), Opener(), FakeClock()
    venues = AccountVenues(database, opener, Vault(ring), clock)
    account = await the_account(database)
    first = await venues.of(account.id)

    await rewrap_all(database, ring, on_progress=print)
    clock.advance(2 * KEYS_AGE.total_seconds())

    assert (await the_account(database)).credentials != account.credentials
    assert await venues.of(account.id) is first
    assert opener.keys == ["key 0"]


async def test_a_venue_is_opened_anew_when_another_process_has_replaced_its_key(
    database: Database,
) -> None:
    vault, opener, clock = Vault(KeyRing.of(OLD)), Opener(), FakeClock()
    venues = AccountVenues(database, opener, vault, clock)
    account = await the_account(database)
    first = await venues.of(account.id)

    sealed = vault.seal(credentials(1), account_id=account.id, user_id=account.user_id)
    await put(database, account.id, sealed)
    clock.advance(2 * KEYS_AGE.total_seconds())

    assert await venues.of(account.id) is not first
    assert opener.keys == ["key 0", "key 1"]
