import sqlite3
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from app.accounts.keys import KeyRing, Keys
from app.accounts.models import ExchangeAccount, User
from app.accounts.sealing.columns import SEALED_COLUMNS, SealedColumn
from app.accounts.sealing.envelope import key_id_of, seal, unseal
from app.accounts.sealing.rewrapping import BATCH, count_waiting, rewrap_all
from app.accounts.vault import Vault
from app.core.ids import new_id
from app.db.session import Database, open_database
from app.tables import Base
from tests.integration.accounts.sealed import a_user, accounts_with_keys, credentials

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE, DURING, AFTER = KeyRing.of(OLD), KeyRing.of(NEW, OLD), KeyRing.of(NEW)
MANY = 2 * BATCH + 50


async def accounts(database: Database) -> Sequence[ExchangeAccount]:
    async with database.read() as session:
        return (await session.scalars(select(ExchangeAccount))).all()


async def fill(database: Database, count: int, ring: KeyRing = BEFORE) -> None:
    async with database.transaction() as session:
        user_id = await a_user(session)
        await accounts_with_keys(session, ring, user_id, range(count))


def is_readable(account: ExchangeAccount, ring: KeyRing) -> bool:
    opened = Vault(ring).unseal(
        account.credentials or "", account_id=account.id, user_id=account.user_id
    )
    return opened == credentials(int(account.name))


def test_sealed_columns_are_columns_of_the_schema() -> None:
    for sealed in SEALED_COLUMNS:
        names = Base.metadata.tables[sealed.table].c.keys()
        assert {"id", sealed.column, sealed.owner} <= set(names)


async def test_rewrap_all_brings_every_row_under_the_new_key(database: Database) -> None:
    await fill(database, MANY)
    async with database.transaction() as session:
        await session.execute(
            update(ExchangeAccount).where(ExchangeAccount.name == "0").values(credentials=None)
        )
    steps: list[int] = []

    assert await count_waiting(database, DURING) == MANY - 1
    unreadable = await rewrap_all(database, DURING, on_progress=steps.append)

    assert unreadable == []
    assert await count_waiting(database, DURING) == 0
    assert steps == [BATCH, BATCH, 49]
    found = await accounts(database)
    assert len(found) == MANY
    assert all(is_readable(one, AFTER) for one in found if one.name != "0")


async def test_rewrap_all_leaves_what_does_not_open_and_names_it(database: Database) -> None:
    await fill(database, 3)
    await fill(database, 2, KeyRing.of(b"x" * 32))
    before = {one.id: one.credentials for one in await accounts(database)}

    unreadable = await rewrap_all(database, DURING, on_progress=print)

    after = {one.id: one.credentials for one in await accounts(database)}
    assert {one.row_id for one in unreadable} == {one for one in after if after[one] == before[one]}
    assert {one.key_id for one in unreadable} == {KeyRing.of(b"x" * 32).current.key_id}
    assert len(unreadable) == await count_waiting(database, DURING) == 2


async def test_rewrap_all_takes_a_column_that_belongs_to_the_row_itself(
    database: Database,
) -> None:
    column = SealedColumn("users", "password_hash", owner="id")
    user_id = new_id()
    place = column.place(user_id, user_id)
    async with database.transaction() as session:
        await a_user(session, user_id, stored=seal(BEFORE, b"a seed", place))

    assert await rewrap_all(database, DURING, [column], on_progress=print) == []

    async with database.read() as session:
        text = (await session.get_one(User, user_id)).password_hash
    assert unseal(AFTER, text, place) == b"a seed"
    assert await count_waiting(database, DURING, [column]) == 0


async def test_security_31_rewrap_all_never_overwrites_what_changes_meanwhile(
    sqlite_url: str,
) -> None:
    # The change comes when the row is read and not yet written: while keys are looked up for it.
    database = open_database(sqlite_url)
    await fill(database, 3)
    [one, *_] = await accounts(database)
    entered = Vault(BEFORE).seal(credentials(99), account_id=one.id, user_id=one.user_id)
    looked_up: list[int] = []

    def keys() -> Sequence[Keys]:
        looked_up.append(1)
        if len(looked_up) == 5:
            with sqlite3.connect(make_url(sqlite_url).database or "") as connection:
                connection.execute(
                    "UPDATE exchange_accounts SET credentials = ? WHERE id = ?",
                    (entered, one.id.hex),
                )
        return DURING.all

    assert await rewrap_all(database, KeyRing(keys), on_progress=print) == []

    texts = {row.id: row for row in await accounts(database)}
    await database.close()
    changed = texts[one.id].credentials or ""
    opened = Vault(AFTER).unseal(changed, account_id=one.id, user_id=one.user_id)
    assert opened == credentials(99)
    assert {key_id_of(row.credentials or "") for row in texts.values()} == {AFTER.current.key_id}
